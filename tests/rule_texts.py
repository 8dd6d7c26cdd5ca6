"""The rules of the watchdog as the dashboard tells them: a module made from their catalog.

The catalog itself takes longer to import than a frame of the screen may take.
"""

import json
from pathlib import Path
from typing import Final

from coord.services.detectors.catalog import RULES, Rule, described

MODULE: Final = Path(__file__).resolve().parent.parent / "tui" / "rules.py"
_HEAD: Final = '''"""What the rules of the watchdog look for, and their thresholds. Written by `make documents` from their catalog."""

# fmt: off
from collections.abc import Mapping
from typing import Final, NamedTuple


class Rule(NamedTuple):
    """One rule."""

    what: str
    """When it is found, as a sentence."""
    source: str
    """Where its thresholds come from."""
    settings: tuple[tuple[str, str, str], ...]
    """Name, default and meaning of each threshold."""


RULES: Final[Mapping[str, Rule]] = {
'''


def written_rules() -> str:
    """Return the text of the module."""
    return _HEAD + "".join(map(_entry, RULES)) + "}\n"


def _entry(rule: Rule) -> str:
    settings = "".join(
        f"            ({_text(one.name)}, {_text(_shown(one.default))}, {_text(one.what)}),\n"
        for one in described(rule.settings)
    )
    inner = f"(\n{settings}        )" if settings else "()"
    return f"    {_text(rule.name)}: Rule(\n        {_text(rule.what)},\n        {_text(rule.source)},\n        {inner},\n    ),\n"


def _shown(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _text(words: str) -> str:
    return json.dumps(words, ensure_ascii=False)
