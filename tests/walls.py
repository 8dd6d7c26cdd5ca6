"""The house rules as functions: each takes the root of a tree and returns what it finds wrong, a line each.

`test_house.py` runs them on this repository, and on trees with a planted fault, so that no wall is painted on.
"""

import ast
import re
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

ROOMS: Final = ("events", "projections", "services", "tui", "training_worker")
NO_PACKAGE: Final = ("gherkin", "deploy")
MODULE_LINES_MAX: Final = 400
FUNCTION_LINES_MAX: Final = 60
SLEEP_SECONDS_MAX: Final = 1.0

DOORS: Final[dict[str, tuple[str, ...]]] = {
    "aiohttp": ("tui/web.py",),
    "click": ("services/cli/",),
    "duckdb": ("projections/store/",),
    "faststream": ("services/projector/", "services/gateway.py"),
    "nanoarrow": ("projections/store/",),
    "google": ("services/exporter/",),
    "grpc": ("services/exporter/",),
    "h11": ("services/api/",),
    "matplotlib": ("services/cli/picture.py",),
    "nats": ("services/log/",),
    "numpy": ("training_worker/",),
    "opentelemetry": ("services/exporter/",),
    "psutil": ("services/hardware/",),
    "pynvml": ("services/hardware/",),
    "pytest": ("services/verification/",),
    "pytest_bdd": ("services/verification/",),
    "rich": ("services/cli/", "tui/"),
    "safetensors": ("training_worker/",),
    "textual": ("tui/",),
    "textual_serve": ("tui/web.py",),
    "torch": ("training_worker/",),
    "typer": ("services/cli/",),
    "uuid": ("services/clock.py",),
    "random": ("services/clock.py",),
    "urllib3": ("services/exporter/",),
    "uvicorn": ("services/gateway.py",),
}
"""Each library has one door: where it may be imported, at the top of a module or inside a function."""

CLOCK_DOOR: Final = "services/clock.py"
_ASKS_FOR_THE_TIME: Final = re.compile(r"time\.(?!sleep$)\w+|datetime\.(?:now|utcnow|today)|date\.today")

BROAD_EXCEPTS: Final[dict[str, str]] = {
    "projections/store/faults.py": "the batch loop: an event that breaks a fold becomes a dead letter",
    "services/cli/main.py": "the command line: whatever happens becomes a sentence and an exit code",
    "services/gateway.py": "one request among many: whoever asked is told, and the log says more",
    "training_worker/emitter.py": "the emitter's thread: it becomes a sentence in the log, and training goes on",
    "services/supervisor/children.py": "the border of a forked process: it becomes a log and an exit status",
    "services/coordinator/transactor.py": "one command among many: whoever asked is told unknown, and the others are decided",
}
"""Where an error of any kind may end, and what it becomes there."""

BANNED_WORDS: Final = {"common", "handler", "helper", "manager", "util", "utils", "misc"}
BANNED_MODULES: Final = BANNED_WORDS | {"data", "info", "base", "helpers", "managers", "handlers"}
_MARKERS: Final = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK)\b")
_FOREIGN: Final = re.compile(
    "/wor"
    + r"k/(?:main|shared)|/ro"
    + r"ot/|/opt/(?:pypi|wheels)|pypi\."
    + r"org|pythonho"
    + r"sted|npmjs\."
    + r"(?:org|com)"
)


@dataclass(frozen=True)
class Module:
    """One Python file."""

    path: str
    """From the root, with slashes."""
    text: str
    tree: ast.Module


def modules(root: Path, *folders: str) -> Iterator[Module]:
    """Read every module of these folders."""
    for folder in folders:
        for path in sorted((root / folder).rglob("*.py")):
            yield _read(root, path, path.stat().st_mtime_ns)


@cache
def _read(root: Path, path: Path, _changed_at_ns: int) -> Module:
    text = path.read_text("utf-8")
    return Module(path.relative_to(root).as_posix(), text, ast.parse(text))


def links_that_do_not_resolve(root: Path) -> list[str]:
    """Each room is imported as coord.<room> through a relative link; a dangling one builds an incomplete wheel."""
    found = []
    for room in ROOMS:
        link = root / "src" / "coord" / room
        target = root / room
        if not link.is_symlink() or link.readlink() != Path("../..") / room:
            found.append(f"src/coord/{room} is not a link to ../../{room}")
        elif not target.is_dir() or not (target / "__init__.py").is_file():
            found.append(f"{room}/ is not a package: src/coord/{room} would be left out of the wheel")
    return found


def packages_where_none_belong(root: Path) -> list[str]:
    """Features and deployments hold no Python."""
    found = [path for folder in NO_PACKAGE for path in (root / folder).rglob("*.py")]
    found += [path for path in (root / "tests").rglob("__init__.py")]
    return [f"{path.relative_to(root)} does not belong there" for path in found]


def second_doors(root: Path) -> list[str]:
    """Each library is imported behind its one door."""
    found = []
    for module in modules(root, *ROOMS):
        for line, name in _imports(module.tree):
            library = name.partition(".")[0]
            doors = DOORS.get(library)
            if doors is not None and not module.path.startswith(doors):
                found.append(f"{module.path}:{line} imports {library}; its door is {' or '.join(doors)}")
    return found


def second_copies(root: Path) -> list[str]:
    """A bare `import events` loads every class a second time."""
    return [
        f"{module.path}:{line} imports {name}; write coord.{name}"
        for module in modules(root, *ROOMS, "tests")
        for line, name in _imports(module.tree)
        if name.partition(".")[0] in ROOMS
    ]


def second_clocks(root: Path) -> list[str]:
    """Time is asked for at one place, so that tests and reviews know where."""
    found = []
    for module in modules(root, *ROOMS):
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Attribute) and _ASKS_FOR_THE_TIME.fullmatch(ast.unparse(node)):
                asked = ast.unparse(node)
            elif isinstance(node, ast.ImportFrom) and node.module == "time":
                asked = "from time import"
            else:
                continue
            if module.path != CLOCK_DOOR:
                found.append(f"{module.path}:{node.lineno} uses {asked}; the one clock is {CLOCK_DOOR}")
    return found


def modules_past_the_wall(root: Path) -> list[str]:
    """A module is one idea."""
    counted = ((module.path, len(module.text.splitlines())) for module in modules(root, *ROOMS, "tests"))
    return [f"{path} has {lines} lines" for path, lines in counted if lines > MODULE_LINES_MAX]


def functions_past_the_wall(root: Path) -> list[str]:
    """A function fits on a screen."""
    found = []
    for module in modules(root, *ROOMS, "tests"):
        for node in ast.walk(module.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > FUNCTION_LINES_MAX:
                    found.append(f"{module.path}:{node.lineno} {node.name} has {lines} lines")
    return found


def missing_docstrings(root: Path) -> list[str]:
    """Every module says what it owns; everything public says what its types cannot."""
    found = [
        f"{one.path} has no opening"
        for one in modules(root, *ROOMS, "tests")
        if not ast.get_docstring(one.tree)
    ]
    for module in modules(root, "events", "projections", "services"):
        found += [
            f"{module.path}:{node.lineno} {node.name} has no docstring" for node in _public(module.tree)
        ]
    return found


def banned_names(root: Path) -> list[str]:
    """A name says what a thing is, not that somebody needed one."""
    found = []
    for module in modules(root, *ROOMS, "tests"):
        parts = Path(module.path).with_suffix("").parts
        found += [f"{module.path}: no module is called {part}" for part in parts if part in BANNED_MODULES]
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                words = set(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", node.name).lower().split("_"))
                found += [
                    f"{module.path}:{node.lineno} {node.name}: no {word}" for word in words & BANNED_WORDS
                ]
    return found


def leftover_markers(root: Path) -> list[str]:
    """What is left to do stands in an issue."""
    return [
        f"{module.path}:{number} {line.strip()[:80]}"
        for module in modules(root, *ROOMS, "tests")
        for number, line in enumerate(module.text.splitlines(), 1)
        if _MARKERS.search(line)
    ]


def broad_excepts(root: Path) -> list[str]:
    """An error of any kind ends only at a named border; tidying up and raising it again is no end."""
    found = []
    for module in modules(root, *ROOMS, "tests"):
        for node in ast.walk(module.tree):
            if not isinstance(node, ast.ExceptHandler) or module.path in BROAD_EXCEPTS:
                continue
            caught = ast.unparse(node.type) if node.type else "everything"
            again = isinstance(node.body[-1], ast.Raise) and node.body[-1].exc is None
            if not again and re.search(r"\b(?:everything|Exception|BaseException)\b", caught):
                found.append(f"{module.path}:{node.lineno} catches {caught}")
    return found


def sleeps_in_tests(root: Path) -> list[str]:
    """A test waits for a condition: a sleep stands in a loop, and is short."""
    found = []
    for module in modules(root, "tests"):
        loops = [
            node for node in ast.walk(module.tree) if isinstance(node, ast.While | ast.For | ast.AsyncFor)
        ]
        polls = {id(node) for loop in loops for node in ast.walk(loop)}
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == "sleep":
                found += [
                    f"{module.path}:{node.lineno} {fault}" for fault in _sleep_faults(node, id(node) in polls)
                ]
    return found


def _sleep_faults(call: ast.Call, polls: bool) -> Iterator[str]:
    seconds = call.args[0] if call.args else None
    if isinstance(seconds, ast.Constant) and isinstance(seconds.value, int | float):
        if seconds.value >= SLEEP_SECONDS_MAX:
            yield f"sleeps {seconds.value} s"
        elif seconds.value > 0 and not polls:
            yield "sleeps once: wait for a condition instead"


def foreign_places(root: Path) -> list[str]:
    """The project knows no machine it was written on, and no registry."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=root, check=True, capture_output=True, text=True
    ).stdout
    found = []
    for name in filter(None, listed.split("\0")):
        path = root / name
        if (
            path.is_file()
            and not path.is_symlink()
            and (place := _FOREIGN.search(path.read_text("utf-8", "replace")))
        ):
            found.append(f"{name} names {place[0]}")
    return found


def unpinned_dependencies(root: Path) -> list[str]:
    """Everything that is installed is pinned to one version."""
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    wanted = [
        *project["dependencies"],
        *(one for extra in project["optional-dependencies"].values() for one in extra),
    ]
    lines = [line for line in (root / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    pins = {_normal(line.partition("==")[0]) for line in lines}
    found = [
        f"constraints.txt: {line} is no exact pin"
        for line in lines
        if not re.fullmatch(r"[\w.-]+==[\w.]+", line)
    ]
    return found + [
        f"{one} is not pinned" for one in wanted if _normal(re.split(r"[\[;<>= ]", one)[0]) not in pins
    ]


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _imports(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield line and full name of every import, those inside functions too, those for type checkers not."""
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for statement in node.body
        for inner in ast.walk(statement)
    }
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.lineno, node.module


def _public(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    """Yield the public functions, classes and methods that have no docstring."""
    waiting: list[ast.stmt] = list(tree.body)
    while waiting:
        node = waiting.pop(0)
        if isinstance(
            node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
        ) and not node.name.startswith("_"):
            if not ast.get_docstring(node):
                yield node
            if isinstance(node, ast.ClassDef):
                waiting += node.body


LAWS: Final[tuple[Callable[[Path], list[str]], ...]] = (
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
