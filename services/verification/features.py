"""The features as they are written: which there are, what they promise, and which one a name means.

A scenario is stored under its title, so a title stands once in a folder. What lies between `Feature:` and
its first scenario is what the feature promises.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from coord.events.errors import NothingThere, UsageError, visible
from coord.events.verification import scenario_id

_CLOSE: Final = 3
_CLOSE_RATIO: Final = 0.4
_TITLE: Final = re.compile(r"(Feature|Scenario(?: Outline| Template)?|Example):\s*(.*)")
_OUTLINES: Final = ("Scenario Outline", "Scenario Template")
_PARTS: Final = ("@", "Background:", "Rule:")
_QUOTE: Final = '"""'
_SUFFIX: Final = ".feature"


@dataclass(frozen=True, slots=True)
class Scenario:
    """One scenario."""

    feature: str
    title: str

    @property
    def id(self) -> str:
        """The name it is stored under."""
        return scenario_id(self.title)


@dataclass(frozen=True, slots=True)
class Feature:
    """One file of scenarios."""

    name: str
    """Of its file, without the ending."""
    title: str
    promise: str
    scenarios: tuple[Scenario, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Where features stand, and the tests that are their steps."""

    features: Path
    steps: Path
    root: Path
    """From where pytest runs."""


def find_place(folder: str | None) -> Place:
    """Return the place of a folder's features; without one, that of coord's own.

    Raises:
        UsageError: there are none.
    """
    if folder is not None:
        root = Path(folder).absolute()
        if not any(root.glob(f"*{_SUFFIX}")):
            raise UsageError(f"{visible(folder)} holds no features: there is no file *{_SUFFIX} in it.")
        return Place(root, root, root)
    place = own_place()
    if place is None:
        raise UsageError(
            "this coord is installed without its features: they stand in a source checkout.",
            "Run it from there, or name a folder with --features.",
        )
    return place


def own_place() -> Place | None:
    """Return where coord's own features stand; None: this is no source checkout."""
    root = Path(__file__).resolve().parents[2]
    place = Place(root / "gherkin", root / "tests" / "features", root)
    return place if place.features.is_dir() and place.steps.is_dir() else None


def read_features(folder: Path) -> list[Feature]:
    """Read every feature of a folder, in the order of their files.

    Raises:
        UsageError: a title stands twice, or an outline stands for several scenarios of one title.
    """
    features = [_read(path) for path in sorted(folder.glob(f"*{_SUFFIX}"))]
    seen: dict[str, Scenario] = {}
    for scenario in (one for feature in features for one in feature.scenarios):
        if scenario.id in seen:
            raise UsageError(
                f"two scenarios are called '{visible(scenario.title)}', in {seen[scenario.id].feature!r} and"
                f" {scenario.feature!r}.",
                "Their results would be one: give one of them another title.",
            )
        seen[scenario.id] = scenario
    return features


def choose(features: Sequence[Feature], text: str | None) -> list[Scenario]:
    """Return the scenarios that a text means: all, those of a feature, one by its title, or by a part of it.

    Raises:
        NothingThere: it means none.
    """
    every = [scenario for feature in features for scenario in feature.scenarios]
    if text is None:
        return every
    wanted = scenario_id(Path(text).stem if text.endswith(_SUFFIX) else text)
    for feature in features:
        if wanted in (scenario_id(feature.name), scenario_id(feature.title)):
            return list(feature.scenarios)
    exact = [scenario for scenario in every if scenario.id == wanted]
    found = exact or [scenario for scenario in every if wanted and wanted in scenario.id]
    if not found:
        raise NothingThere(f"no feature or scenario is called '{visible(text)}'.", _near(text, features))
    return found


def _near(text: str, features: Iterable[Feature]) -> str:
    titles = [title for one in features for title in (one.title, *(each.title for each in one.scenarios))]
    by_small = {title.lower(): title for title in titles}
    near = get_close_matches(text[:100].lower(), by_small, _CLOSE, _CLOSE_RATIO)
    if not near:
        return "coord verify --status lists what there is."
    return "Near it: " + ", ".join(f"'{by_small[one]}'" for one in near) + "."


def _read(path: Path) -> Feature:
    title, promise, scenarios = path.stem, [], []
    promising = quoted = False
    for line in map(str.strip, path.read_text("utf-8").splitlines()):
        match = _TITLE.fullmatch(line)
        if line.startswith(_QUOTE):
            quoted = not quoted
        elif quoted:
            continue
        elif match and match[1] == "Feature":
            title, promising = match[2], True
        elif match and match[1] in _OUTLINES:
            raise UsageError(
                f"{path}: '{visible(match[2])}' is an outline, and stands for several scenarios of one title.",
                "Write it as one scenario with a table.",
            )
        elif match:
            scenarios.append(Scenario(title, match[2]))
            promising = False
        elif line.startswith(_PARTS):
            promising = False
        elif promising and line and not line.startswith("#"):
            promise.append(line)
    return Feature(path.stem, title, " ".join(promise), tuple(scenarios))
