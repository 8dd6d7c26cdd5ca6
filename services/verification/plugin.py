"""The pytest plugin behind `coord verify`: picks scenarios, and tells how each ended, a line of JSON each.

Every run of the features loads it, for the fixture `transcript`; it reports only when `--verify-results`
names where. A scenario's line is written when its last part has been taken down.
"""

import json
from collections import Counter
from collections.abc import Generator
from pathlib import Path
from typing import Any, Final

import pytest
from pytest_bdd.parser import Feature, Scenario, Step
from pytest_bdd.scenario import scenario_wrapper_template_registry

from coord.events.verification import scenario_id
from coord.services.verification.transcript import Transcript

_TRANSCRIPT: Final = pytest.StashKey[Transcript]()
_RECORD: Final = pytest.StashKey[dict[str, Any]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take where to report to, and which scenarios are wanted."""
    group = parser.getgroup("coord verify")
    group.addoption("--verify-results", metavar="FILE", help="append a line of JSON for each scenario")
    group.addoption("--verify-only", metavar="IDS", help="run only these scenarios, ids with commas between")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the scenarios that are wanted.

    Raises:
        pytest.UsageError: one of them is bound to two tests, whose results would be one.
    """
    wanted = config.getoption("--verify-only")
    if not wanted:
        return
    ids = set(wanted.split(","))
    kept = [item for item in items if _scenario_of(item) in ids]
    for name, count in Counter(map(_scenario_of, kept)).items():
        if count > 1:
            raise pytest.UsageError(f"{count} tests are bound to the scenario {name}")
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept


@pytest.fixture
def transcript(request: pytest.FixtureRequest) -> Transcript:
    """What this scenario does, as text."""
    return _transcript_of(request.node)


def pytest_bdd_before_scenario(request: pytest.FixtureRequest, feature: Feature, scenario: Scenario) -> None:
    """Begin the record of a scenario."""
    titles = {"feature": feature.name, "scenario": scenario.name}
    request.node.stash[_RECORD] = titles | {"outcome": "passed", "seconds": 0.0, "reason": None}


def pytest_bdd_before_step(request: pytest.FixtureRequest, step: Step) -> None:
    """Note that a step begins."""
    _transcript_of(request.node).say(f"\n{step.keyword} {step.name}")


def pytest_bdd_step_error(request: pytest.FixtureRequest, step: Step, exception: BaseException) -> None:
    """Note which step failed, and why."""
    reason = f"{step.keyword} {step.name}: {_sentence(exception)}"
    request.node.stash[_RECORD]["reason"] = reason
    _transcript_of(request.node).say(f"  FAILED {_sentence(exception)}")


def pytest_bdd_step_func_lookup_error(request: pytest.FixtureRequest, step: Step) -> None:
    """Note a step that nobody wrote."""
    request.node.stash[_RECORD]["reason"] = f"{step.keyword} {step.name}: there is no such step."
    _transcript_of(request.node).say(f"\n{step.keyword} {step.name}\n  FAILED there is no such step.")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add up the parts of a scenario, and report it after the last."""
    report = yield
    record = item.stash.get(_RECORD, None) or _record_of(item)
    if record is not None:
        item.stash[_RECORD] = record
        _add(record, report, call)
        if report.when == "teardown" and (results := item.config.getoption("--verify-results")):
            _report(Path(results), record, item)
    return report


def _add(record: dict[str, Any], report: pytest.TestReport, call: pytest.CallInfo[None]) -> None:
    record["seconds"] += report.duration
    if report.failed:
        record["outcome"] = "failed"
        record["reason"] = record["reason"] or (call.excinfo and _sentence(call.excinfo.value))
    elif report.skipped:
        record["outcome"] = "skipped"
        record["reason"] = call.excinfo and _sentence(call.excinfo.value)


def _report(path: Path, record: dict[str, Any], item: pytest.Item) -> None:
    told = _transcript_of(item)
    with path.open("a", encoding="utf-8") as results:
        results.write(json.dumps({**record, "transcript": told.text}) + "\n")


def _record_of(item: pytest.Item) -> dict[str, Any] | None:
    """Begin the record of a scenario that never began: what it stands on could not be set up."""
    template = scenario_wrapper_template_registry.get(getattr(item, "function", None))  # type: ignore[arg-type]
    if template is None:
        return None
    titles = {"feature": template.feature.name, "scenario": template.name}
    return titles | {"outcome": "passed", "seconds": 0.0, "reason": None}


def _scenario_of(item: pytest.Item) -> str | None:
    record = _record_of(item)
    return scenario_id(record["scenario"]) if record else None


def _transcript_of(item: pytest.Item) -> Transcript:
    found = item.stash.get(_TRANSCRIPT, None)
    if found is None:
        found = item.stash[_TRANSCRIPT] = Transcript(bool(item.config.getoption("--verify-results")))
    return found


def _sentence(error: BaseException) -> str:
    """Say what an assertion or error says, in its first line."""
    text = str(error).strip() or type(error).__name__
    first = text.splitlines()[0]
    return first if isinstance(error, AssertionError) else f"{type(error).__name__}: {first}"
