"""`make check` is one of the tests, so that it runs beside the others and not before them."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.timeout(400)
@pytest.mark.skipif(not (ROOT / ".venv/.ready").exists(), reason="make has not set up .venv here")
def test_format_lint_contracts_and_types_hold() -> None:
    """What is red is told in the words of the tool that found it."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    ran = subprocess.run(
        ["make", "--no-print-directory", "--assume-old=.venv/.ready", "check"],
        check=False,
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
