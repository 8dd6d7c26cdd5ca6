"""coord metrics, coord compare and coord token: what is measured, two runs side by side, and who may ask."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command_line import Cli
from scripted_service import AS_OF, Heard, Service, refused, said

from coord.services.cli.main import run
from coord.services.folder import Folder
from coord.services.supervisor import up

Start = Callable[..., Service]
NOW_NS = AS_OF["time_ns"]
BINS = 60
LISTED = [
    {"metric": "memory_used_bytes", "unit": "bytes", "told_by": "nodes", "tellers": 1, "series": 1,
     "value": 2.0**30, "at_ns": NOW_NS - 2 * 10**9, "newest_of": "n1", "device": ""},
    {"metric": "gpu_temperature_celsius", "unit": "celsius", "told_by": "nodes", "tellers": 2, "series": 4,
     "value": 61.0, "at_ns": NOW_NS, "newest_of": "n2", "device": "gpu0"},
    {"metric": "loss", "unit": "", "told_by": "runs", "tellers": 3, "series": 3, "value": "nan", "at_ns": NOW_NS,
     "newest_of": "r1", "device": ""},
]  # fmt: skip


def series(device: str, top: float = 90.0) -> dict[str, Any]:
    values: list[float | None] = [50.0 + place / 10 for place in range(BINS)]
    values[30] = None
    highest = [top if place == 7 else value for place, value in enumerate(values)]
    lowest = [40.0 if place == 9 else value for place, value in enumerate(values)]
    return {"node": "n1", "metric": "gpu_temperature_celsius", "device": device,
            "values": values, "highest": highest, "lowest": lowest}  # fmt: skip


def trend(*rows: dict[str, Any], **more: Any) -> bytes:
    span = {"since_ns": NOW_NS - 3_600 * 10**9, "until_ns": NOW_NS}
    return said({"as_of": AS_OF, **span, "rows": rows, **more})


def measured(heard: Heard) -> bytes:
    """Answer as a projector that knows two GPUs."""
    if heard.verb == "metrics":
        return said({"as_of": AS_OF, "rows": LISTED})
    if heard.verb == "events":
        return said({"as_of": {**AS_OF, "recorded_at_ns": NOW_NS - 10**12}, "events": [], "searched_from": 1})
    if heard.verb == "nodes":
        return refused("unknown_id", reason=f"there is no node {heard.body['node']}.", hint="")
    known = heard.body["metrics"] == ["gpu_temperature_celsius"] and heard.body.get("node") != "n9"
    return trend(series("gpu0"), series("gpu1")) if known else trend()


def test_the_metrics_are_listed_with_their_newest_value(cli: Cli, projector: Start) -> None:
    projector(measured)
    ran = cli.run("metrics")
    assert (ran.code, ran.err) == (0, "")
    head, titles, *rows = ran.out.splitlines()
    assert head.startswith("3 metrics   as of position 9")
    assert titles.split() == ["METRIC", "UNIT", "NEWEST", "OF", "AGE", "SERIES", "TOLD", "BY"]
    assert re.split(" {2,}", rows[0]) == ["memory_used_bytes", "bytes", "1.0 GiB", "n1", "2s", "1", "1 node"]
    assert re.split(" {2,}", rows[1]) == [
        "gpu_temperature_celsius",
        "celsius",
        "61.0 °C",
        "n2 gpu0",
        "0.0s",
        "4",
        "2 nodes",
    ]
    assert re.split(" {2,}", rows[2]) == ["loss", "-", "nan", "r1", "0.0s", "3", "3 runs"]
    assert cli.run("metrics", "--json").document["rows"] == LISTED


def test_one_metric_is_drawn_over_time_and_keeps_its_extreme(cli: Cli, projector: Start) -> None:
    asked = projector(measured)
    ran = cli.run("metrics", "gpu_temperature_celsius", "--node", "n1", environment={"COLUMNS": "90"})
    assert (ran.code, ran.err) == (0, "")
    head, *rows = ran.out.splitlines()
    assert head.startswith("gpu_temperature_celsius  the last 60m   as of position 9")
    titles = [row for row in rows if row.startswith("n1 ")]
    assert titles == [
        f"n1 {device}  55.9 °C  40.0 °C to 90.0 °C, times in UTC" for device in ("gpu0", "gpu1")
    ]
    assert sum(bool(re.search("[\u2801-\u28ff]", row)) for row in rows) >= 10
    times = [time for time in rows[-1].replace("─", " ").split() if time]
    assert len(times) >= 4
    assert all(re.fullmatch("[0-9]{2}:[0-9]0", time) for time in times)
    body = asked.heard[0].body
    assert (body["node"], body["seconds"], body["bins"]) == ("n1", 3_600.0, 180)
    assert "until_ns" not in body


@pytest.mark.parametrize(
    ("metric", "unit", "title", "labels"),
    [
        ("gpu_memory_used_ratio", 0.01, "56 %  40 % to 90 %", ["90.0 %", "65.0 %", "40.0 %"]),
        ("memory_used_bytes", 2.0**24, "894 MiB  640 MiB to 1.4 GiB", ["1.4 GiB", "1.0 GiB", "640 MiB"]),
    ],
)
def test_the_axis_speaks_the_unit_of_its_title(
    cli: Cli, projector: Start, metric: str, unit: float, title: str, labels: list[str]
) -> None:
    row = series("gpu0") | {"metric": metric}
    for name in ("values", "highest", "lowest"):
        row[name] = [None if value is None else value * unit for value in row[name]]
    projector(trend(row))
    head, *rows = cli.run("metrics", metric).out.splitlines()[1:]
    assert head == f"n1 gpu0  {title}, times in UTC"
    assert [found[0] for line in rows if (found := re.match(" *[0-9.]+ (?:%|[MG]iB)", line))] == [
        f"{label:>7}" for label in labels
    ]


def test_many_series_are_a_row_each(cli: Cli, projector: Start) -> None:
    projector(trend(*(series(f"gpu{place}", 60.0 + place) for place in range(5))))
    rows = cli.run("metrics", "gpu_temperature_celsius").out.splitlines()[1:]
    assert rows[0].split() == ["NODE", "DEVICE", "NEWEST", "LOWEST", "HIGHEST", "OVER", "TIME"]
    assert len(rows) == 6
    assert rows[5].split()[:4] == ["n1", "gpu4", "55.9", "°C"]
    assert "64.0 °C" in rows[5]


def test_a_past_span_ends_where_it_is_told(cli: Cli, projector: Start) -> None:
    asked = projector(measured)
    ran = cli.run(
        "metrics",
        "gpu_temperature_celsius",
        "--since",
        "2026-11-01",
        "--at",
        "2026-11-02",
        "--device",
        "gpu0",
    )
    assert ran.out.splitlines()[0].startswith("gpu_temperature_celsius  up to 2026-11-02T00:00:00Z, 24h")
    body = asked.heard[0].body
    assert (body["seconds"], body["device"]) == (86_400.0, "gpu0")
    assert body["at_ns"] % 10**9 == 0
    cli.run("metrics", "gpu_temperature_celsius", "--at", "#7", "--json")
    events, drawn = asked.heard[1:]
    assert (events.body, drawn.body["at_position"]) == ({"at_position": 7, "limit": 1}, 7)


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["gpu_temperatur_celsius"], 4, "there is no metric 'gpu_temperatur_celsius'. Did you mean 'gpu_temperature_celsius'?"),
        (["x", "--node", "n1"], 4, "there is no metric 'x' on n1. coord metrics lists what there is."),
        (["gpu_temperature_celsius", "--node", "n9"], 4, "there is no node n9."),
        (["loss"], 4, "loss is told by runs, over their steps. See: coord plot RUN loss"),
        (["a b"], 2, "the metric 'a b' is not a name: use 1 to 64 letters, digits, '_' or '-'."),
        (["--since", "-1h"], 2, "--since is about one metric. Name it: coord metrics NAME"),
        (["x", "--since", "#7"], 2, "--since takes a time, and no position."),
        (["x", "--since", "-1h", "--at", "-2h"], 2, "--since is not before --at."),
    ],
)  # fmt: skip
def test_what_cannot_be_shown_is_one_sentence(
    cli: Cli, projector: Start, words: list[str], code: int, sentence: str
) -> None:
    projector(measured)
    ran = cli.run("metrics", *words)
    assert (ran.code, ran.out, ran.err) == (code, "", f"coord: {sentence}\n")


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_the_metrics_of_a_machine_that_is_not_there_are_refused(
    cli: Cli, projector: Start, form: list[str]
) -> None:
    empty = said({"as_of": AS_OF, "rows": []})
    projector(lambda heard: empty if heard.verb == "metrics" else measured(heard))
    ran = cli.run("metrics", "--node", "n9", *form)
    assert ran.code == 4
    assert "there is no node n9." in (ran.out if form else ran.err)


def test_a_span_without_readings_says_how_long_they_are_kept(cli: Cli, projector: Start) -> None:
    empty = {**series("gpu0"), "values": [None] * BINS, "highest": [None] * BINS, "lowest": [None] * BINS}
    projector(trend(empty))
    ran = cli.run("metrics", "gpu_temperature_celsius")
    assert (ran.code, ran.err.startswith("coord: nothing was read then, or it is kept no longer")) == (
        0,
        True,
    )


RUNS: dict[str, dict[str, Any]] = {
    "r1": {"run": "r1", "name": "tiny", "status": "completed", "step": 200, "starts": 1, "age_seconds": 110.0,
           "silent_seconds": 10.0, "latest": {"loss": 2.0, "tokens_per_second": 900.0, "odd": 1.0},
           "configuration": {"learning_rate": 0.1, "layers": 4, "data": {"seed": 1}}, "left_out": 0},
    "r2": {"run": "r2", "name": "tiny", "status": "running", "step": 50, "starts": 3, "age_seconds": 100.0,
           "silent_seconds": 0.0, "latest": {"loss": 3.0, "tokens_per_second": 700.0},
           "configuration": {"learning_rate": 0.2, "layers": 4, "data": {"seed": 1}}, "left_out": 7,
           "directives": [{"action": "roll_back"}, {"action": "roll_back"}]},
}  # fmt: skip


def trained(heard: Heard) -> bytes:
    """Answer as a projector that knows two runs."""
    name = heard.body.get("run") or heard.body.get("entity")
    if name not in RUNS:
        return refused("unknown_id", reason=f"there is no run {name}.")
    if heard.verb == "runs":
        return said({"as_of": AS_OF, "rows": [RUNS[name]]})
    if heard.verb == "alerts":
        rows = [{"entity_kind": "run", "rule": "loss-spike"}] if name == "r2" else []
        return said({"as_of": AS_OF, "rows": rows, "counts": {}})
    least, most = (1.5, 9.0) if name == "r1" else (2.5, 8.0)
    lines = [
        {"metric": metric, "steps": [1, 2, 3], "lowest": [most, least, 5.0], "highest": [most, "nan", 5.0], "last": [9.0, 3.0, 5.0]}
        for metric in heard.body["metrics"]
        if metric in RUNS[name]["latest"]
    ]  # fmt: skip
    base = {"as_of": AS_OF, "run": name, "name": "tiny", "status": "running", "lines": lines, "marks": []}
    return said({**base, "metrics": sorted(RUNS[name]["latest"])})


def test_two_runs_stand_side_by_side(cli: Cli, projector: Start) -> None:
    projector(trained)
    ran = cli.run("compare", "r1", "r2")
    assert (ran.code, ran.err) == (0, "")
    cells = [re.split(" {2,}", line.strip()) for line in ran.out.splitlines()]
    for row in (
        ["status", "completed", "running"], ["steps a second", "2", "0.5"], ["restarts", "-", "2"],
        ["alerts", "-", "loss-spike 1"], ["directives", "-", "roll_back 2"], ["updates left out", "-", "7"],
        ["settings, 1 of 3 differ"], ["learning_rate", "0.1", "0.2"],
        ["loss", "2", "3", "1.5", "2.5"], ["tokens_per_second", "900", "700", "9", "8"], ["odd", "1", "-", "-", "-"],
    ):  # fmt: skip
        assert row in cells, row
    assert not any(row[0] == "failed allocations" for row in cells)
    assert [row[0] for row in cells if row[-1].endswith("at step 3")] == ["loss", "loss"]


def test_the_better_of_two_best_values_stands_out_and_both_curves_share_a_plot(
    cli: Cli, projector: Start
) -> None:
    projector(trained)
    shown = cli.run("compare", "r1", "r2", "--color", "always").out
    loss, speed = (
        next(line for line in shown.splitlines() if line.startswith(name)) for name in ("loss", "tokens")
    )
    assert re.findall("\x1b\\[32m([0-9.]+)", loss) == ["1.5"]
    assert re.findall("\x1b\\[32m([0-9.]+)", speed) == ["9"]
    plain = re.sub("\x1b\\[[0-9]*m", "", shown).splitlines()
    assert [line.split()[:2] for line in plain if line.endswith("at step 3")] == [["─", "r1"], ["─", "r2"]]


def test_a_comparison_is_a_document_too(cli: Cli, projector: Start) -> None:
    projector(trained)
    document = cli.run("compare", "r1", "r2", "--json").document
    first, second = document["runs"]
    assert (first["metrics"]["loss"], second["incidents"]["restarts"]) == ({"final": 2.0, "best": 1.5}, 2)
    assert first["settings"]["data"] == {"seed": 1}
    assert first["curves"]["loss"]["steps"] == [1, 2, 3]


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["r1", "r1"], 2, "r1 is compared with itself. Name two runs."),
        (["r1", "r9"], 4, "there is no run r9. Do so."),
        (["r1"], 2, "missing argument 'RUN'. Try: coord compare --help"),
    ],
)
def test_what_cannot_be_compared_is_one_sentence(
    cli: Cli, projector: Start, words: list[str], code: int, sentence: str
) -> None:
    projector(trained)
    ran = cli.run("compare", *words)
    assert (ran.code, ran.out, ran.err) == (code, "", f"coord: {sentence}\n")


def test_a_metric_that_neither_told_is_said(cli: Cli, projector: Start) -> None:
    projector(trained)
    assert cli.run("compare", "r1", "r2", "--metric", "heat").err == "coord: neither run told heat.\n"


def test_up_says_where_questions_are_answered(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(up, "up", lambda _, detach: int(not detach))
    folder = Folder(here)
    for name, document in (
        ("server.json", {"url": "nats://h:1"}), ("up.json", {"pid": 7}), ("http.json", {"url": "http://h:2"}),
    ):  # fmt: skip
        folder.write_json(document, name)
    assert run(["up", "--detach", "--http-port", "2"]) == 0
    assert run(["up", "--detach"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert (first, second) == (
        f"{second}, questions at http://h:2",
        f"up on {here}: process 7, server nats://h:1",
    )


def test_a_token_is_shown_once(cli: Cli) -> None:
    ran = cli.run("token", "create", "notebook")
    assert re.fullmatch(r"coord_[0-9a-f]{64}\n", ran.out)
    assert ran.err == "coord: the token notebook may ask for everything; it is shown this once.\n"
    listed = cli.run("token", "list", "--json").document["rows"]
    assert [(one["name"], one["for"]) for one in listed] == [("notebook", "read")]
    assert ran.out.strip() not in cli.run("token", "list").out
    assert cli.run("token", "revoke", "notebook").code == 0
    assert "there are no tokens" in cli.run("token", "list").err


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["make", "x"], 2, "WHAT is 'make'; it must be one of create, list, revoke."),
        (["create"], 2, "create takes the name of a token. Such as: coord token create prometheus"),
        (["create", "x", "--for", "all"], 2, "--for is 'all'; it must be one of read, metrics."),
        (["revoke", "x", "--for", "read"], 2, "--for is about a token that is made, and revoke makes none."),
        (["list", "x"], 2, "list takes no name: it lists all."),
        (["revoke", "x"], 4, "there is no token x. See: coord token list"),
    ],
)
def test_a_faulty_line_about_tokens_is_one_sentence(
    cli: Cli, words: list[str], code: int, sentence: str
) -> None:
    ran = cli.run("token", *words)
    assert (ran.code, ran.out, ran.err) == (code, "", f"coord: {sentence}\n")
