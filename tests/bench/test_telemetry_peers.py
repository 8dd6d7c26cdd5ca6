"""The comparison with other stores and loggers: all are given the same, and what is missing is named."""

import sqlite3
import sys
from pathlib import Path

import numpy as np
from bench.telemetry import Machines
from bench.telemetry_peers import COPY_ROW, Numbers, Taken, copy_rows, sqlite, table, unpacked
from bench.training_metrics import measure_apart

NODES, READINGS, MESSAGES = 4, 50, 8


def test_every_reading_of_the_messages_comes_to_both_stores(tmp_path: Path) -> None:
    messages = list(Machines(NODES, READINGS).messages(MESSAGES))
    sqlite(messages, tmp_path)
    database = sqlite3.connect(tmp_path / "readings.db")
    held = database.execute("SELECT series, at_ns, value FROM readings ORDER BY rowid").fetchall()
    (series,) = database.execute("SELECT count(*) FROM series").fetchone()
    database.close()
    assert (len(held), series) == (MESSAGES * READINGS, NODES * 25)
    rows = b"".join(copy_rows(part) for part in unpacked(messages, Numbers()))
    copied = np.frombuffer(rows, COPY_ROW)
    assert [(int(row["series"]), int(row["at"]), float(row["value"])) for row in copied] == held


def test_a_tool_that_is_not_installed_is_named_as_missing(tmp_path: Path) -> None:
    told = measure_apart("aim", sys.executable, tmp_path, 1)
    assert told == "not installed"
    rows = table("training metrics", {"coord": Taken(10, 1.0, 1.0, 10.0), "aim": f"missing: {told}"})
    assert rows.splitlines()[-1].split() == ["aim", "missing:", "not", "installed"]


def test_figures_stand_with_their_ratio_to_the_first() -> None:
    rows = table("x", {"coord": Taken(10, 1.0, 1e-5, 100), "other": Taken(10, 2.0, 4e-5, 50)})
    assert rows.splitlines()[-1].split()[1:] == ["5", "(0.50x)", "4.00", "(4.00x)", "5.0", "(0.50x)"]
