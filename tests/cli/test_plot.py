"""coord plot: curves and their marks in a terminal and a pipe, and as pictures."""

import os
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command_line import Cli
from ptys import in_terminal
from scripted_service import AS_OF, Service, refused, said

from coord.events.errors import UsageError
from coord.services.cli import picture

Start = Callable[..., Service]
SPIKE = 200
STEPS = 400
MARKS = [
    {"kind": "checkpoint", "step": 100, "words": "checkpoint at step 100"},
    {"kind": "alert", "step": SPIKE, "words": "loss 10.3 at step 200 \x1b[2J $x$", "severity": "warning"},
    {"kind": "directive", "step": SPIKE + 1, "words": "skip_batch applied: batch 200"},
    {"kind": "directive", "step": SPIKE + 1, "words": "lower_learning_rate applied"},
    {"kind": "out_of_memory", "step": 300, "words": "out of memory with a micro-batch of 8"},
    {"kind": "alert", "step": 900, "words": "beyond what is drawn"},
]


def curve(metric: str, scale: float = 1.0) -> dict[str, Any]:
    values = [scale * (10.3 if step == SPIKE else 4 / (1 + step / 50)) for step in range(STEPS)]
    return {
        "metric": metric,
        "steps": list(range(STEPS)),
        "lowest": values,
        "highest": values,
        "last": values,
    }


def answer(*metrics: str, **more: Any) -> bytes:
    lines = [curve(metric, 1 + place) for place, metric in enumerate(metrics)]
    base = {"as_of": AS_OF, "run": "r1", "name": "tiny", "status": "running", "lines": lines, "marks": MARKS}
    return said({**base, "metrics": ["canary_loss", "loss"], **more})


@pytest.fixture
def asked(projector: Start) -> Service:
    """Answer with one curve."""
    return projector(answer("loss"))


def test_a_curve_is_drawn_with_its_spike_its_marks_and_a_legend(cli: Cli, asked: Service) -> None:
    ran = cli.run("plot", "r1", environment={"COLUMNS": "100"})
    assert ran.code == 0, ran.err
    head, told, *rows = ran.out.splitlines()
    assert head.startswith("r1 (tiny), running   as of position 9")
    assert told.startswith("loss  0.445 at step 399")
    drawn = [row for row in rows if re.search("[\u2800-\u28ff]", row)]
    spike = {
        match.start()
        for row in drawn[:-3]
        for match in re.finditer("[\u2800-\u28ff]", row)
        if match.start() > 20
    }
    assert len(drawn) >= 6
    assert len(spike) in (1, 2)
    axis = next(row for row in rows if "▲" in row and "─" in row)
    assert abs(axis.index("▲") - max(spike)) <= 1
    assert axis.count("◆") == 2
    legend = [row for row in rows if row[:1] in "▲◆✖"]
    assert [row.split()[1] for row in legend] == ["200", "201", "201", "300", "900"]
    assert legend[1] == "◆ 201  directive, skip_batch applied: batch 200"
    assert "checkpoint" not in ran.out
    assert asked.heard[0].body == {"run": "r1", "metrics": ["loss"], "points": 200}


def test_it_is_as_wide_and_high_as_it_is_told(cli: Cli, asked: Service) -> None:
    ran = cli.run("plot", "r1", "--width", "50", "--height", "9", "--first-step", "10", "--last-step", "300")
    rows = ran.out.splitlines()
    assert len(rows) == 2 + 9 + 5
    assert max(map(len, rows[2:11])) <= 50
    body = asked.heard[0].body
    assert (body["first_step"], body["last_step"], body["points"]) == (10, 300, 100)


def test_it_fits_a_terminal_and_is_coloured_there(cli: Cli, asked: Service) -> None:
    shown = in_terminal(cli, "plot", 60, {"TERM": "xterm"}, "r1")
    plain = re.sub(r"\x1b\[[0-9]*m", "", shown)
    assert "\x1b[33m▲" in shown
    assert "\x1b" not in plain
    assert len(plain.splitlines()) <= 24
    assert max(map(len, plain.splitlines())) <= 60


def test_ascii_is_ascii(cli: Cli, asked: Service) -> None:
    ran = cli.run("plot", "r1", "--ascii")
    assert ran.out.isascii()
    assert "^ 200  alert" in ran.out


def test_metrics_stand_one_below_the_other(cli: Cli, projector: Start) -> None:
    projector(answer("loss", "canary_loss"))
    rows = cli.run("plot", "r1", "loss", "canary_loss").out.splitlines()
    titles = [row.split()[0] for row in rows if " at step 399 " in row]
    assert titles == ["loss", "canary_loss"]


def test_values_farther_apart_than_a_float_can_say_are_drawn_but_in_no_picture(
    cli: Cli, projector: Start
) -> None:
    values = [1e308, -1e308, 0.0]
    line = {"metric": "loss", "steps": [1, 2, 3], "lowest": values, "highest": values, "last": values}
    projector(answer(lines=[line]))
    ran = cli.run("plot", "r1", "--height", "9")
    assert (ran.code, ran.err) == (0, "")
    title, *rows = ran.out.splitlines()[1:]
    assert title == "loss  0.000 at step 3  -1.0e+308 to 1.0e+308"
    assert [rows[place].split()[0] for place in (0, 7)] == ["1.0e+308", "-1.0e+308"]
    assert all(re.search("[\u2801-\u28ff]", row) for row in rows[:8])
    pytest.importorskip("matplotlib")
    ran = cli.run("plot", "r1", "--to", "far.png")
    assert (ran.code, ran.out) == (4, "")
    assert ran.err == (
        "coord: loss has values farther from 0 than 1e+307, which no picture can show."
        " The terminal can: leave --to out.\n"
    )
    assert not (cli.home / "far.png").exists()


def test_what_is_no_number_leaves_a_hole(cli: Cli, projector: Start) -> None:
    line = {
        "metric": "loss",
        "steps": [1, 2, 3],
        **{key: [1.0, "nan", 2.0] for key in ("lowest", "highest", "last")},
    }
    projector(answer(lines=[line]))
    assert "2.000 at step 3  1.000 to 2.000" in cli.run("plot", "r1").out
    line = {"metric": "loss", "steps": [1], **{key: ["inf"] for key in ("lowest", "highest", "last")}}
    projector(answer(lines=[line]))
    assert cli.run("plot", "r1").code == 0


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["los"], 4, "r1 never told a metric 'los'. Did you mean 'loss'? It told canary_loss, loss."),
        (["--to", "x.gif"], 2, "--to is 'x.gif'; it must end in .png or .svg."),
        (["--to", "x.png", "--ascii"], 2, "--ascii is for the terminal, and --to for a file."),
        (["--width", "5"], 2, "--width is '5'; it must be a whole number from 30 to 1000."),
        ([f"m{place}" for place in range(13)], 2, "13 metrics are named; at most 12 are drawn at once."),
        (
            ["--to", "/no/such/folder/x.svg"],
            2,
            "--to is '/no/such/folder/x.svg'; it must be a file in a folder that is there.",
        ),
    ],
)
def test_what_cannot_be_drawn_is_one_sentence(
    cli: Cli, asked: Service, words: list[str], code: int, sentence: str
) -> None:
    ran = cli.run("plot", "r1", *words)
    assert (ran.code, ran.out, ran.err) == (code, "", f"coord: {sentence}\n")


def test_only_a_regular_file_is_replaced_by_a_picture(cli: Cli, asked: Service, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "folder.svg").mkdir()
    for name, kind in (("pipe.png", "pipe"), ("folder.svg", "folder")):
        ran = cli.run("plot", "r1", "--to", str(tmp_path / name))
        assert (ran.code, ran.err) == (
            2,
            f"coord: --to is '{tmp_path / name}', a {kind}; it must be a file.\n",
        )
    assert asked.heard == []


def test_an_unknown_run_is_refused(cli: Cli, projector: Start) -> None:
    projector(refused("unknown_id", reason="there is no run r9."))
    assert cli.run("plot", "r9").code == 4


def test_a_metric_without_values_is_told(cli: Cli, asked: Service) -> None:
    ran = cli.run("plot", "r1", "loss", "canary_loss", "--last-step", "9")
    assert ran.err == "coord: canary_loss has no value between these steps.\n"


def test_the_answer_as_json_is_the_whole_of_it(cli: Cli, asked: Service) -> None:
    assert len(cli.run("plot", "r1", "--json").document["lines"][0]["steps"]) == STEPS
    assert asked.heard[0].body["points"] == 2_000


def test_a_picture_is_a_picture(cli: Cli, projector: Start, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    projector(answer("loss", "canary_loss"))
    ran = cli.run("plot", "r1", "loss", "canary_loss", "--to", str(tmp_path / "a.svg"))
    assert (ran.code, ran.out, ran.err) == (0, f"{tmp_path}/a.svg\n", "")
    drawn = ET.parse(tmp_path / "a.svg").getroot()
    assert drawn.tag.endswith("svg")
    words = (tmp_path / "a.svg").read_text()
    assert "skip_batch applied: batch 200" in words
    assert "canary_loss" in words
    ran = cli.run("plot", "r1", "--to", "b.png", "--json")
    assert ran.document == {"run": "r1", "path": "b.png", "metrics": ["loss", "canary_loss"]}
    assert (cli.home / "b.png").read_bytes().startswith(b"\x89PNG\r\n")


def test_without_matplotlib_one_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture, "find_spec", lambda _: None)
    with pytest.raises(UsageError, match=r"needs matplotlib\. Install it with: pip install 'coord\[plot\]'"):
        picture.check_installed()
