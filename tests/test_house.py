"""The house rules hold on this repository, and each of them catches a planted fault."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from walls import (
    BROAD_EXCEPTS,
    DOORS,
    LAWS,
    ROOMS,
    banned_names,
    broad_excepts,
    foreign_places,
    functions_past_the_wall,
    leftover_markers,
    links_that_do_not_resolve,
    missing_docstrings,
    modules_past_the_wall,
    packages_where_none_belong,
    second_clocks,
    second_copies,
    second_doors,
    sleeps_in_tests,
    unpinned_dependencies,
)

from coord.services.cli.surface import VERBS

ROOT: Final = Path(__file__).resolve().parent.parent
Law = Callable[[Path], list[str]]


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_the_house_rules_hold(law: Law) -> None:
    assert law(ROOT) == []


def plant(root: Path, path: str, text: str) -> None:
    """Write one file into a tree that is otherwise empty, and let git know it."""
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)
    if not (root / ".git").exists():
        subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    subprocess.run(["git", "add", "-A"], cwd=root, check=True)


OPENING: Final = '"""A module."""\n'
LONG: Final = OPENING + "def f():\n" + "    x = 1\n" * 60

FAULTS: Final[list[tuple[Law, str, str]]] = [
    (banned_names, "services/utils.py", OPENING),
    (banned_names, "services/data.py", OPENING),
    (banned_names, "services/a.py", OPENING + "class LeaseManager: ..."),
    (banned_names, "services/a.py", OPENING + "def claim_helper(): ..."),
    (banned_names, "tests/common/test_a.py", OPENING),
    (broad_excepts, "services/a.py", "try: ...\nexcept Exception: ..."),
    (broad_excepts, "services/a.py", "try: ...\nexcept: ..."),
    (broad_excepts, "services/a.py", "try: ...\nexcept (ValueError, BaseException) as e: raise e from None"),
    (broad_excepts, "tests/a.py", "try: ...\nexcept Exception: pass"),
    (foreign_places, "deploy/x.toml", "index = 'https://pypi" + ".org/simple'"),
    (foreign_places, "README.md", "see /wor" + "k/shared"),
    (functions_past_the_wall, "services/a.py", LONG),
    (functions_past_the_wall, "tests/test_a.py", LONG.replace("def f", "async def test_f")),
    (leftover_markers, "events/a.py", "x = 1  # TO" + "DO later"),
    (missing_docstrings, "tui/a.py", "x = 1"),
    (missing_docstrings, "tests/test_a.py", ""),
    (missing_docstrings, "events/a.py", OPENING + "def f(): ..."),
    (missing_docstrings, "services/a.py", OPENING + 'class A:\n    """A."""\n    async def f(self): ...'),
    (modules_past_the_wall, "events/a.py", "x = 1\n" * 401),
    (packages_where_none_belong, "gherkin/__init__.py", ""),
    (packages_where_none_belong, "deploy/tool.py", ""),
    (packages_where_none_belong, "tests/log/__init__.py", ""),
    (second_clocks, "services/a.py", "import time\nx = time.monotonic()"),
    (second_clocks, "services/a.py", "from time import time_ns"),
    (second_clocks, "projections/a.py", "from datetime import UTC, datetime\nx = datetime.now(UTC)"),
    (second_copies, "services/a.py", "import events"),
    (second_copies, "tests/test_a.py", "def f():\n    from services.log import client"),
    (second_doors, "services/coordinator/a.py", "import nats"),
    (second_doors, "services/cli/a.py", "def f():\n    from duckdb import connect"),
    (second_doors, "tui/a.py", "async def f():\n    import nats.aio.client as n"),
    (second_doors, "services/coordinator/a.py", "import uuid"),
    (sleeps_in_tests, "tests/test_a.py", "import time\ntime.sleep(0.1)"),
    (
        sleeps_in_tests,
        "tests/test_a.py",
        "import asyncio\nasync def f():\n    while True: await asyncio.sleep(1.0)",
    ),
]


@pytest.mark.parametrize(
    ("law", "path", "text"), FAULTS, ids=lambda part: getattr(part, "__name__", str(part)[:30])
)
def test_a_planted_fault_is_found(law: Law, path: str, text: str, tmp_path: Path) -> None:
    plant(tmp_path, path, text)
    (finding,) = law(tmp_path)
    assert finding.startswith(path)


NO_FAULTS: Final[list[tuple[Law, str, str]]] = [
    (second_doors, "services/log/a.py", "import nats"),
    (second_doors, "tui/a.py", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import nats"),
    (second_doors, "services/cli/a.py", "def f():\n    import typer"),
    (second_clocks, "services/clock.py", "import time\nx = time.monotonic()"),
    (second_clocks, "services/a.py", "import time\ntime.sleep(0.1)"),
    (second_copies, "services/a.py", "import coord.events\nfrom .events import x"),
    (broad_excepts, "services/a.py", "try: ...\nexcept BaseException:\n    x = 1\n    raise"),
    (broad_excepts, "services/a.py", "try: ...\nexcept ValueError: ..."),
    (sleeps_in_tests, "tests/test_a.py", "import time\nwhile not done(): time.sleep(0.01)"),
    (functions_past_the_wall, "services/a.py", LONG.replace("x = 1\n    x = 1\n", "x = 1\n", 1)),
    (missing_docstrings, "services/a.py", OPENING + "def _f(): ...\nclass _A: ..."),
]


@pytest.mark.parametrize(
    ("law", "path", "text"), NO_FAULTS, ids=lambda part: getattr(part, "__name__", str(part)[:30])
)
def test_what_is_allowed_is_not_found(law: Law, path: str, text: str, tmp_path: Path) -> None:
    plant(tmp_path, path, text)
    assert law(tmp_path) == []


def test_a_link_that_leads_nowhere_is_found(tmp_path: Path) -> None:
    (tmp_path / "src" / "coord").mkdir(parents=True)
    for room in ROOMS:
        plant(tmp_path, f"{room}/__init__.py", OPENING)
        (tmp_path / "src" / "coord" / room).symlink_to(f"../../{room}")
    assert links_that_do_not_resolve(tmp_path) == []
    shutil.rmtree(tmp_path / "tui")
    (tmp_path / "events" / "__init__.py").unlink()
    (tmp_path / "src" / "coord" / "services").unlink()
    assert len(links_that_do_not_resolve(tmp_path)) == 3


def test_a_dependency_without_an_exact_pin_is_found(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[project]\ndependencies = ["a", "B_c[x]"]\noptional-dependencies = { dev = ["d; sys_platform == \'linux\'"] }'
    )
    (tmp_path / "constraints.txt").write_text("# pins\na==1.0\nb-c==2\nd==3\n")
    assert unpinned_dependencies(tmp_path) == []
    (tmp_path / "constraints.txt").write_text("a>=1.0\n")
    assert len(unpinned_dependencies(tmp_path)) == 4


def test_the_map_of_doors_and_borders_names_only_what_is_there() -> None:
    assert not [path for path in BROAD_EXCEPTS if not (ROOT / path).is_file()]
    assert not [door for doors in DOORS.values() for door in doors if door.partition("/")[0] not in ROOMS]


def commands_missing_in(text: str) -> list[str]:
    """Return the commands that a page for people does not name."""
    return [verb for verb in VERBS if not re.search(rf"\bcoord {re.escape(verb)}\b", text)]


def test_the_readme_names_every_command() -> None:
    assert commands_missing_in((ROOT / "README.md").read_text()) == []
    assert commands_missing_in("coord claimed, coord submit") == [verb for verb in VERBS if verb != "submit"]


def lint_imports(root: Path) -> subprocess.CompletedProcess[str]:
    """Run the import contracts of pyproject.toml on a tree."""
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache", "--no-logo"]
    environment = {**os.environ, "PYTHONPATH": str(root / "src"), "NO_COLOR": "1"}
    return subprocess.run(
        command, cwd=root, env=environment, check=False, capture_output=True, text=True, timeout=60
    )


def test_the_import_contracts_hold() -> None:
    done = lint_imports(ROOT)
    assert done.returncode == 0, done.stdout


PLANTED: Final = {
    "events": "services.clock",
    "services.coordinator": "services.projector",
    "services.decisions": "time",
    "services.api": "services.log",
    "tui": "projections.store",
    "training_worker": "projections",
}
"""An import against each contract: who imports what."""


def test_an_import_against_each_contract_is_found(tmp_path: Path) -> None:
    for room in (*ROOMS, "src"):
        shutil.copytree(
            ROOT / room, tmp_path / room, symlinks=True, ignore=shutil.ignore_patterns("__pycache__")
        )
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for importer, imported in PLANTED.items():
        name = imported if imported == "time" else f"coord.{imported}"
        (tmp_path / importer.replace(".", "/") / "planted.py").write_text(f"{OPENING}import {name}\n")
    done = lint_imports(tmp_path)
    assert done.returncode == 1
    assert "0 kept" in done.stdout
    for importer, imported in PLANTED.items():
        assert (
            f"coord.{importer}.planted -> {'' if imported == 'time' else 'coord.'}{imported}" in done.stdout
        )
