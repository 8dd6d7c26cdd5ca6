"""Whether a scenario that an item shall wait for is one that anybody knows.

Nobody need know it: features may stand in a folder of their own, and be written later. But a slip of the fingers
makes an item that can never be completed, so what is not known is said, with the names that are near.
"""

from typing import Final

from coord.events.errors import CoordError
from coord.services import client
from coord.services.cli.call import Call, note

_GLANCE_SECONDS: Final = 2.0
_NEAR_MAX: Final = 3


class Known:
    """The scenarios that were run on this house and those of coord's own features; found when one is asked about."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._ids: set[str] | None = None
        self._told: set[str] = set()

    def check(self, scenario: str | None) -> None:
        """Say so, once, when nobody knows a scenario by this id."""
        if scenario is None or scenario in self._told or scenario in self._found():
            return
        self._told.add(scenario)
        from difflib import get_close_matches

        near = get_close_matches(scenario, self._found(), _NEAR_MAX)
        hint = f" Near it: {', '.join(near)}." if near else " coord verify --status lists what there is."
        note(
            f"no scenario {scenario} is known here; the item completes only when one of that name has passed.{hint}"
        )

    def _found(self) -> set[str]:
        if self._ids is None:
            self._ids = self._run_here() | _own()
        return self._ids

    def _run_here(self) -> set[str]:
        try:
            rows = client.peek(self._call.folder, "scenarios", {}, _GLANCE_SECONDS)["rows"]
        except (CoordError, KeyError):
            return set()
        return {str(row["id"]) for row in rows}


def _own() -> set[str]:
    """Return those of coord's own features, where they are at hand."""
    from coord.services.verification.features import own_place, read_features

    place = own_place()
    try:
        features = read_features(place.features) if place else []
    except CoordError:
        return set()
    return {scenario.id for feature in features for scenario in feature.scenarios}
