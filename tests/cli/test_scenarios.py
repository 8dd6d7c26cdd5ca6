"""submit --verify: a scenario that nobody knows is told of, with those whose names are near."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from scripted_service import AS_OF, Service, done, item, said

from coord.events.tokens import scenario_id
from coord.services.cli.main import run

Start = Callable[..., Service]
Capture = pytest.CaptureFixture[str]
UNKNOWN = (
    "coord: no scenario {} is known here; the item completes only when one of that name has passed. {}\n"
)


@pytest.mark.parametrize(
    ("wanted", "said_"),
    [
        ("One winner of 200", ""),
        ("A corrupt batch is passed over", ""),
        ("One winner of 20", UNKNOWN.format("one-winner-of-20", "Near it: one-winner-of-200.")),
        ("zzz", UNKNOWN.format("zzz", "coord verify --status lists what there is.")),
    ],
)  # fmt: skip
def test_a_scenario_that_nobody_knows_is_said_so_and_submitted_all_the_same(
    here: Path, service: Start, projector: Start, capsys: Capture, wanted: str, said_: str
) -> None:
    heard = service(done()).heard
    projector(said({"as_of": AS_OF, "rows": [{"id": "one-winner-of-200"}]}))
    assert run(["submit", "x", "--verify", wanted]) == 0
    assert capsys.readouterr().err == said_
    assert len(heard) == 1


def test_a_scenario_that_many_lines_wait_for_is_told_of_once(
    here: Path, service: Start, projector: Start, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    items = [item(f"w-{place}") for place in range(3)]
    service(said({"status": "done", "id": "w-0", "already": False, "items": items}))
    asked = projector(said({"as_of": AS_OF, "rows": []})).heard
    monkeypatch.setattr("sys.stdin", type("Input", (), {"buffer": io.BytesIO(b"a\nb\nc\n")})())
    assert run(["submit", "-", "--verify", "zzz"]) == 0
    assert capsys.readouterr().err.count("zzz") == 1
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("feature", "named"), [("The lamp", "the-lamp-is-off, the-lamp-is-on."), ("verified_work", "")]
)
def test_a_feature_is_no_scenario_and_its_scenarios_are_named(
    here: Path, service: Start, projector: Start, capsys: Capture, feature: str, named: str
) -> None:
    heard = service(done()).heard
    rows = [{"id": f"the-lamp-is-{how}", "feature": "The lamp"} for how in ("on", "off")]
    projector(said({"as_of": AS_OF, "rows": rows}))
    assert run(["submit", "x", "--verify", feature]) == 2
    told = capsys.readouterr().err
    assert told.startswith(
        f"coord: {scenario_id(feature)} is a feature, and an item waits for one scenario. "
    )
    assert told.endswith(f"Name one of: {named}\n") or not named
    assert not heard


def test_a_line_that_waits_for_a_feature_is_refused_with_its_batch(
    here: Path, service: Start, projector: Start, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = service(done()).heard
    projector(said({"as_of": AS_OF, "rows": [{"id": "on", "feature": "Lamp"}]}))
    monkeypatch.setattr("sys.stdin", type("Input", (), {"buffer": io.BytesIO(b"a\nb\n")})())
    assert run(["submit", "-", "--verify", "lamp"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "coord: lines 1 to 2: lamp is a feature, and an item waits for one scenario. Name one of: on.",
        "coord: nothing was submitted; mend this, and send all lines again.",
    ]
    assert not heard
