"""Prints coverage before pytest's own closing line, and nothing after it, when the run is measured (`make coverage`).

The processes that tests start measure themselves (`patch = subprocess`); their figures are combined here;
those that were killed in the middle of writing have none.
"""

import atexit
import io
import os
import warnings
from typing import Final

import coverage
import pytest

LINES_SHOWN: Final = 12


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Write the total and the modules that are covered least."""
    measured = coverage.Coverage.current()
    if measured is None:
        return
    measured.stop()
    measured.save()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", coverage.exceptions.CoverageWarning)
        measured.combine()
    table = io.StringIO()
    measured.report(file=table, sort="cover", skip_covered=True, skip_empty=True)
    lines = table.getvalue().splitlines()
    terminalreporter.section("coverage")
    rows = [
        line
        for line in lines[2:]
        if line.strip() and not line.startswith(("-", "TOTAL")) and "skipped" not in line
    ]
    for line in (*lines[:1], *rows[:LINES_SHOWN], *(line for line in lines if line.startswith("TOTAL"))):
        terminalreporter.write_line(line)


def pytest_configure() -> None:
    """Keep the closing line the last: DuckDB's binding counts what it leaks on stderr when the process ends."""
    atexit.register(_say_no_more)


def _say_no_more() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
