"""The verb watchdog: the rules, the bench on curves, and replay over a run's log, as a person sees them."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from conftest import Server
from detectors.series import Step, points
from run_logs import RunLog

from coord.events import alert
from coord.events.run import Point, RunMetricsRecorded, RunStarted
from coord.services.bench.curves import own_folder
from coord.services.cli.main import run
from coord.services.detectors.catalog import RULES, described

Capture = pytest.CaptureFixture[str]


def asked(capsys: Capture, *words: str) -> tuple[int, str, str]:
    """Run the verb; return its exit code, what it printed and what it said."""
    code = run(["watchdog", *words])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_every_rule_is_listed_with_the_meaning_and_the_default_of_each_threshold(capsys: Capture) -> None:
    code, text, _ = asked(capsys, "rules")
    assert code == 0
    assert all(f"\n{rule.name} " in text and rule.what in text for rule in RULES)
    assert "\nk                    8  One z above it is an alarm.\n" in text
    assert "\nthrottled                  3  " in text
    code, text, _ = asked(capsys, "rules", "gpu-too-hot")
    assert "calm_margin_celsius" in text
    assert "loss-spike" not in text


def test_no_threshold_is_without_a_sentence() -> None:
    for rule in RULES:
        assert all(setting.what for setting in described(rule.settings)), rule.name
        assert rule.what.endswith(".")
        assert rule.source
    assert len({rule.name for rule in RULES}) == len(RULES)


def test_the_rules_as_json_hold_what_a_program_needs(capsys: Capture) -> None:
    code, text, _ = asked(capsys, "rules", "loss-not-finite", "--json")
    (rule,) = json.loads(text)
    assert (code, rule["rule"], rule["entity_kind"], rule["family"]) == (0, "loss-not-finite", "run", "loss")
    assert {one["name"]: one["default"] for one in rule["settings"]}["not_finite"] == 3


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["frob"], "watchdog cannot 'frob'. It can bench, replay, rules."),
        (["\x1b[2J"], "watchdog cannot '\\x1b[2J'. It can bench, replay, rules."),
        (["rules", "--set", "k=6"], "--set is not for watchdog rules."),
        (["bench", "--run", "r1"], "--run is not for watchdog bench."),
        (["replay", "loss-spike", "--curves", "."], "--curves is not for watchdog replay."),
        (["rules", "nope"], "there is no rule 'nope'. There are loss-spike, model-damaged, "),
        (["bench", "loss-spike"], "watchdog bench takes no rule: it scores them all."),
        (["bench", "--curves", "/nowhere"], "/nowhere holds no curves. Name a folder of *.csv.gz"),
        (["bench", "--set", "k"], "'k' is no setting. Write it as NAME=VALUE, e.g. k=6."),
        (["bench", "--set", "kk=1"], "there is no setting 'kk'. There are k, k_again, window, "),
        (["bench", "--set", "k=six"], "k is 'six'; it must be a number."),
        (["bench", "--set", "k=nan"], "k is nan; it must be above 0, and at most 1000000."),
        (["bench", "--set", "window=8.5"], "window is '8.5'; it must be a whole number."),
        (["bench", "--set", f"calm={'9' * 19}"], "it must be a whole number."),
        (
            ["replay"],
            "watchdog replay needs a rule. It can replay loss-spike, model-damaged, loss-not-finite.",
        ),
        (["replay", "gpu-too-hot"], "gpu-too-hot is not about the loss of a run. Those are loss-spike, "),
        (["replay", "run-lost"], "run-lost is not about the loss of a run."),
        (["replay", "loss-spike"], "watchdog replay needs a run: --run ID."),
        (["replay", "loss-spike", "--run", "a b"], "'a b' is not a name"),
    ],
)
def test_what_it_cannot_do_is_one_sentence(capsys: Capture, words: list[str], sentence: str) -> None:
    code, text, said = asked(capsys, *words)
    assert (code, text) == (2, "")
    assert said.startswith("coord: ")
    assert said.count("\n") == 1
    assert sentence in said


def some_curves(folder: Path) -> Path:
    """Make a folder of few curves: one with labels, one clean, one that ends in NaN."""
    names = ("meh_mixtral_8x7b_alltoall_tp2pp4ep4_release_0.11.0_dgx_a100_147807",
             "meg_gpt_gpt3_15b_8t_release_sm_dev_dgx_h100")  # fmt: skip
    for name in names:
        (folder / f"{name}.csv.gz").symlink_to(own_folder() / f"{name}.csv.gz")
    (folder / "labels.json").symlink_to(own_folder() / "labels.json")
    (folder / "mdd_1.csv.gz").write_bytes(gzip.compress(b"loss\n1\nnan\n1\nnan\nnan\nnan\n"))
    return folder


def test_the_bench_prints_ours_beside_the_published_ones_and_what_missed_its_bar(
    tmp_path: Path, capsys: Capture
) -> None:
    folder = str(some_curves(tmp_path))
    code, text, said = asked(capsys, "bench", "--curves", folder)
    assert (code, said) == (0, "")
    lines = [line.split("  ") for line in text.splitlines()]
    rows = {cells[0]: [cell.strip() for cell in cells[1:] if cell.strip()] for cells in lines if cells[0]}
    assert text.startswith("3 curves, 4,893 samples; 2 spikes are marked, 2 of them major\n")
    assert rows["coord, two-tier"][:3] == ["2 of 2", "2 of 2", "0.00"]
    assert rows["llm-foundry KillLossSpike"][:3] == ["0 of 2", "0 of 2", "0.00"]
    assert rows["mdd_1"] == ["6", "4", "3", "5"]
    assert text.endswith("\nevery bar is met\n")
    code, text, _ = asked(capsys, "bench", "--curves", folder, "--set", "k=99", "--set", "k_again=99")
    assert code == 7
    assert text.endswith("\ncoord, as --set: 0.0% of the major spikes found; the bar is 95%\n"), (
        text.splitlines()[-1]
    )


def test_the_bench_as_json_holds_every_figure(tmp_path: Path, capsys: Capture) -> None:
    code, text, _ = asked(capsys, "bench", "--curves", str(some_curves(tmp_path)), "--json")
    report = json.loads(text)
    ours = report["detectors"][0]
    assert (code, report["curves"], report["missed"]) == (0, 3, [])
    assert (ours["name"], ours["judged"], ours["marked"]["major_recall"]) == ("coord, two-tier", True, 1.0)
    assert ours["clean"]["false_per_10k"] == 0
    assert report["not_finite"][0]["found_at"] == 5


def publish(log: RunLog, *packs: list[Step], writer: str = "w1", rank: int = 0, first: int = 0) -> list[int]:
    """Publish packs of points of the run, and return their positions."""
    return [
        log.publish(
            f"ev.local.run.{log.run}",
            RunMetricsRecorded(
                rank=rank,
                writer=writer,
                writer_sequence=sequence,
                points=tuple(Point(step=step, values=dict(values)) for step, values in pack),
            ),
        )
        for sequence, pack in enumerate(packs, first)
    ]


@pytest.fixture
def watched(server: Server, monkeypatch: pytest.MonkeyPatch) -> RunLog:
    """A run with one hard batch and a smaller bump, and what the watchdog did about the first."""
    monkeypatch.setenv("COORD_DATA", str(server.settings.data))
    log = RunLog(server, "r1").declare()
    log.publish("ev.local.run.r1", RunStarted(name="a run"))
    steps = points(0, 400, {200: 3, 350: 1.074}, canary_times={200: 1.0})
    _, position, _ = publish(log, steps[:200], steps[200:201], steps[201:])
    publish(log, steps[200:201], first=1)
    publish(log, points(0, 100, {80: 9}), writer="w2", rank=1)
    evidence = (alert.Evidence(stream="EVENTS", position=position),)
    for entity, id_ in (("r1", "a-1"), ("r2", "a-2")):
        raised = alert.AlertRaised(
            rule="loss-spike", entity_kind="run", entity=entity, severity="warning", summary="the loss \x1b rose",
            evidence=evidence,
        )  # fmt: skip
        log.publish(f"ev.local.alert.{id_}", raised)
    log.publish("ev.local.alert.a-1", alert.AlertResolved(reason="calm"))
    log.ask("skip_batch", position, parameters={"batches": [200]}, alert="a-1")
    return log


def test_a_replay_says_what_would_have_been_found_beside_what_was_done(
    watched: RunLog, capsys: Capture
) -> None:
    code, text, said = asked(capsys, "replay", "loss-spike", "--run", "r1")
    assert (code, said) == (0, "")
    lines = text.splitlines()
    assert lines[0] == "loss-spike over 401 points of r1: 1 incident"
    assert [line.split()[:2] for line in lines[1:4]] == [
        ["STEP", "CHANGE"],
        ["200", "began"],
        ["232", "ended"],
    ]
    assert lines[5] == "what was done then: 1 alert about r1"
    cells = lines[7].split()
    assert [cells[0], *cells[2:6]] == ["a-1", "loss-spike", "warning", "resolved", "skip_batch"]
    assert lines[7].endswith("the loss \\x1b rose")


def test_a_replay_with_another_threshold_finds_more(watched: RunLog, capsys: Capture) -> None:
    code, text, _ = asked(capsys, "replay", "loss-spike", "--run", "r1", "--set", "k=4", "--set", "k_again=4")
    assert code == 0
    assert text.startswith("loss-spike with k=4, k_again=4 over 401 points of r1: 2 incidents")
    assert "\n 353  began" in text


def test_a_replay_of_a_rule_that_finds_nothing_says_so(watched: RunLog, capsys: Capture) -> None:
    code, text, _ = asked(capsys, "replay", "model-damaged", "--run", "r1")
    assert code == 0
    assert text.startswith("model-damaged over 401 points of r1: no incidents\n\nwhat was done then: 1 alert")


def test_a_replay_as_json_holds_findings_settings_and_what_was_done(watched: RunLog, capsys: Capture) -> None:
    code, text, _ = asked(capsys, "replay", "loss-spike", "--run", "r1", "--json", "--set", "calm=5")
    told: dict[str, Any] = json.loads(text)
    assert (code, told["run"], told["points"], told["settings"]["calm"]) == (0, "r1", 401, 5)
    assert [one["change"] for one in told["findings"]] == ["began", "ended"]
    assert told["findings"][0]["figures"]["batch_first"] == 200
    assert told["findings"][0]["evidence"] == [{"stream": "EVENTS", "position": 3}]
    assert [(one["id"], one["resolved"], one["directives"]) for one in told["raised"]] == [
        ("a-1", True, ["skip_batch"])
    ]


def test_an_incident_that_is_open_at_the_end_of_the_run_is_said_to_be(
    watched: RunLog, capsys: Capture
) -> None:
    nan = [(step, {"loss": "nan"}) for step in range(401, 405)]
    publish(watched, nan, first=3)  # type: ignore[arg-type]
    code, text, _ = asked(capsys, "replay", "loss-not-finite", "--run", "r1")
    assert code == 0
    assert text.splitlines()[0] == (
        "loss-not-finite over 405 points of r1: 1 incident, the last is open at the end"
    )


def test_a_run_that_the_log_does_not_know_is_refused_with_those_it_knows(
    watched: RunLog, capsys: Capture
) -> None:
    code, text, said = asked(capsys, "replay", "loss-spike", "--run", "r9")
    assert (code, text) == (4, "")
    assert said == "coord: there is no run r9. There are r1.\n"


def test_a_log_without_runs_and_a_folder_without_a_server_are_one_sentence_each(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setenv("COORD_DATA", str(server.settings.data))
    RunLog(server).declare()
    assert asked(capsys, "replay", "loss-spike", "--run", "r9")[::2] == (
        4, "coord: there is no run r9. No run was ever begun on this log.\n",
    )  # fmt: skip
    monkeypatch.setenv("COORD_DATA", str(tmp_path / "nobody"))
    code, _, said = asked(capsys, "replay", "loss-spike", "--run", "r9")
    assert code == 5
    assert "Start one with: coord up" in said
