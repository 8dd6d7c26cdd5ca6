"""Whether a scenario that an item shall wait for is one that anybody knows.

Nobody need know it: features may stand in a folder of their own, and be written later. But a slip of the fingers
makes an item that can never be completed, so what is not known is said, with the names that are near. A feature
is refused: it is run by its name, and nothing is ever recorded under that.
"""

from collections.abc import Iterable
from typing import Final

from coord.events.errors import CoordError, UsageError
from coord.events.tokens import scenario_id
from coord.services import client
from coord.services.cli.call import Call, note

_GLANCE_SECONDS: Final = 2.0
_NEAR_MAX: Final = 3
_NAMED_MAX: Final = 8


class Known:
    """The scenarios that were run on this house and those of coord's own features; found when one is asked about."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._all: dict[str, frozenset[str]] | None = None
        self._told: set[str] = set()

    def check(self, scenario: str | None) -> None:
        """Say so, once, when nobody knows a scenario by this id.

        Raises:
            UsageError: it is a feature.
        """
        if scenario is None or scenario in self._told or scenario in self._found():
            return
        of_feature = [one for one, features in self._found().items() if scenario in features]
        if of_feature:
            raise UsageError(
                f"{scenario} is a feature, and an item waits for one scenario.",
                f"Name one of: {_named(of_feature)}.",
            )
        self._told.add(scenario)
        from difflib import get_close_matches

        near = get_close_matches(scenario, self._found(), _NEAR_MAX)
        hint = f" Near it: {', '.join(near)}." if near else " coord verify --status lists what there is."
        note(
            f"no scenario {scenario} is known here; the item completes only when one of that name has passed.{hint}"
        )

    def _found(self) -> dict[str, frozenset[str]]:
        """Return what a scenario's feature is called, by its id."""
        if self._all is None:
            self._all = self._run_here() | _own()
        return self._all

    def _run_here(self) -> dict[str, frozenset[str]]:
        try:
            rows = client.peek(self._call.folder, "scenarios", {}, _GLANCE_SECONDS)["rows"]
        except (CoordError, KeyError):
            return {}
        return {str(row["id"]): _names(row.get("feature", "")) for row in rows}


def _own() -> dict[str, frozenset[str]]:
    """Return those of coord's own features, where they are at hand."""
    from coord.services.verification.features import own_place, read_features

    place = own_place()
    try:
        features = read_features(place.features) if place else []
    except CoordError:
        return {}
    return {one.id: _names(feature.name, feature.title) for feature in features for one in feature.scenarios}


def _names(*names: str) -> frozenset[str]:
    return frozenset(scenario_id(name) for name in names if name)


def _named(ids: Iterable[str]) -> str:
    names = sorted(ids)
    more = f" and {len(names) - _NAMED_MAX} more" if len(names) > _NAMED_MAX else ""
    return ", ".join(names[:_NAMED_MAX]) + more
