"""The rules as the dashboard tells them are those of the watchdog's catalog."""

from rule_texts import MODULE, written_rules

from coord.services.detectors.catalog import RULES as CATALOG
from coord.tui.rules import RULES


def test_the_module_is_what_the_catalog_says() -> None:
    assert MODULE.read_text("utf-8") == written_rules(), "the rules have changed: run `make documents`"


def test_every_rule_is_told() -> None:
    assert set(RULES) == {rule.name for rule in CATALOG}
    assert ("k", "8", "One z above it is an alarm.") in RULES["loss-spike"].settings
