"""What the coordinator knows of alerts, directives and the weights of health: folds of whole subjects, read when needed.

Nothing is decided about them without being asked, so they are not held from the start: the first command that
names an alert, or an entity's directives, has them read from the log, and those used last stay. An entry is
either the fold of its whole subject or not there at all; of an entity with very many directives the
oldest are forgotten, long after their lives are over.
"""

from collections import OrderedDict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Final

from coord.events.envelope import Recorded
from coord.events.weights import WEIGHTS
from coord.services.decisions import alert as alerts
from coord.services.decisions import directive as directives
from coord.services.decisions import health
from coord.services.decisions.alert import Alert
from coord.services.decisions.directive import Directive

OVERSEEN: Final = frozenset({"alert", "directive", "health"})
"""The aggregates that are kept here."""

KEPT_MAX: Final = 20_000
"""Alerts, and directives of all entities, that stay in memory."""
OF_ENTITY_MAX: Final = 2_000
"""Directives of one entity that are remembered: an id is known for as long."""

assert OF_ENTITY_MAX < KEPT_MAX


@dataclass(slots=True)
class _Entry:
    """The fold of one subject."""

    position: int = 0
    """Of its last message; 0: it has none."""
    alert: Alert | None = None
    directives: OrderedDict[str, Directive] = field(default_factory=OrderedDict)
    points: float | None = None
    """What a part of health may cost; None: as many as usual."""

    @property
    def size(self) -> int:
        """How much it counts towards what is kept."""
        return 1 + len(self.directives)


class Oversight:
    """Alerts by id, and directives by entity and id."""

    def __init__(self, kept_max: int = KEPT_MAX) -> None:
        self._entries: OrderedDict[tuple[str, str], _Entry] = OrderedDict()
        self._kept_max = kept_max
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def knows(self, aggregate: str, entity: str) -> bool:
        """Tell whether a subject is folded in, be it empty."""
        return (aggregate, entity) in self._entries

    def position(self, aggregate: str, entity: str) -> int:
        """Return the position of the last message of a subject; 0 when there is none, or none is known."""
        entry = self._entries.get((aggregate, entity))
        return entry.position if entry else 0

    def alert(self, alert_id: str) -> Alert | None:
        """Return an alert, if it is known here."""
        entry = self._entries.get(("alert", alert_id))
        return entry.alert if entry else None

    def directive(self, entity: str, directive_id: str) -> Directive | None:
        """Return a directive of an entity, if it is known here."""
        entry = self._entries.get(("directive", entity))
        return entry.directives.get(directive_id) if entry else None

    def points(self, part: str) -> float:
        """Return what a part of health may cost at most, as far as it is known here."""
        entry = self._entries.get(("health", part))
        return WEIGHTS[part] if entry is None or entry.points is None else entry.points

    def begin(self, aggregate: str, entity: str) -> None:
        """Know a subject from its very beginning: it is empty, and what comes will be applied."""
        self.replace(aggregate, entity, (), 0)

    def replace(self, aggregate: str, entity: str, history: Sequence[Recorded], last_position: int) -> None:
        """Forget what is known of a subject and fold its whole history, which ends at `last_position`."""
        before = self._entries.pop((aggregate, entity), None)
        self._size -= before.size if before else 0
        entry = self._entries[aggregate, entity] = _Entry()
        for recorded in history:
            _fold(entry, recorded)
        entry.position = max(entry.position, last_position)
        self._size += entry.size

    def apply(self, recorded: Recorded) -> None:
        """Fold one event in, where its subject is known; one that was folded in before changes nothing."""
        entry = self._entries.get((recorded.aggregate, recorded.entity))
        if entry is None or recorded.position <= entry.position:
            return
        size = entry.size
        _fold(entry, recorded)
        self._size += entry.size - size
        self._entries.move_to_end((recorded.aggregate, recorded.entity))

    def moved(self, aggregate: str, entity: str, position: int) -> None:
        """Note that something stands on a subject that changes nothing: appends go behind it."""
        entry = self._entries.get((aggregate, entity))
        if entry is not None:
            entry.position = max(entry.position, position)

    def trim(self, in_use: Collection[str]) -> None:
        """Forget the subjects used longest ago, until what is left fits; those `in_use` are left alone."""
        for aggregate, entity in list(self._entries) if self._size > self._kept_max else ():
            if self._size <= self._kept_max:
                break
            if f"{aggregate}.{entity}" not in in_use:
                self._size -= self._entries.pop((aggregate, entity)).size


def _fold(entry: _Entry, recorded: Recorded) -> None:
    entry.position = recorded.position
    if recorded.aggregate == "alert":
        entry.alert = alerts.evolve(entry.alert, recorded)
        return
    if recorded.aggregate == "health":
        entry.points = health.evolve(entry.points, recorded)
        return
    directive_id = getattr(recorded.event, "directive_id", "")
    directive = directives.evolve(entry.directives.get(directive_id), recorded)
    if directive is not None:
        entry.directives[directive_id] = directive
        if len(entry.directives) > OF_ENTITY_MAX:
            entry.directives.popitem(last=False)
