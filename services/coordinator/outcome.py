"""What a decision comes to: events to append, "already so", or a refusal; and what its reply shows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from msgspec import UNSET, Struct, UnsetType

from coord.events.commands import Done, Refusal
from coord.events.envelope import Recorded
from coord.events.model import Event, trusted, weighty
from coord.events.views import ItemView
from coord.services.coordinator.ledger import Ledger
from coord.services.coordinator.oversight import OVERSEEN
from coord.services.decisions import agent as agents
from coord.services.decisions import alert as alerts
from coord.services.decisions import directive as directives
from coord.services.decisions import work


class Change(NamedTuple):
    """One event to append, behind the position the decision saw."""

    aggregate: str
    entity: str
    expected_position: int
    event: Event

    @property
    def key(self) -> str:
        """Name the aggregate, as `touches` do."""
        return f"{self.aggregate}.{self.entity}"


class Plan(Struct, frozen=True):
    """What is to be appended together or not at all, and the items that the reply lists, if it lists several."""

    changes: tuple[Change, ...]
    listed: tuple[str, ...] = ()

    @property
    def directive_id(self) -> str:
        """Which directive of the entity the event is about; empty when it is about none."""
        first = self.changes[0]
        return str(getattr(first.event, "directive_id", "")) if first.aggregate == "directive" else ""


class DoneWithItem(Struct, frozen=True, gc=False):
    """A `Done` about one item as it is written, for most want it for nothing else; `at_length` makes the model of it."""

    status: str
    id: str
    position: int | UnsetType
    already: bool
    item: Struct
    """A light `ItemView`."""
    items: tuple[()] = ()


Outcome = Plan | Done | Refusal


@dataclass(frozen=True, slots=True)
class Beside:
    """What a decision rests on beside the ledger: read from the log for it alone."""

    last_position: int | None = None
    """Of the last event of the entity that is to be directed; None: it has none."""
    verification: Recorded | None = None
    """The last run of the scenario that the item must have passed."""


NOTHING_BESIDE: Final = Beside()


def outcome(
    ledger: Ledger,
    aggregate: str,
    entity: str,
    position: int,
    decision: Sequence[Event] | Refusal,
    directive_id: str = "",
) -> Outcome:
    """Return what a decision about one aggregate comes to; `position` is where it stands."""
    if decision.__class__ is not list and isinstance(decision, Refusal):
        return decision
    if not decision:
        if _known(ledger, aggregate, entity):
            return done(ledger, aggregate, entity, None, directive_id)
        return Done(id=entity, already=True)
    (event,) = decision
    return Plan((Change(aggregate, entity, position, event),))


def of_item(ledger: Ledger, item_id: str, decision: Sequence[Event] | Refusal) -> Outcome:
    """Return what a decision about an item comes to."""
    item = ledger.item(item_id)
    return outcome(ledger, "work", item_id, item.position if item is not None else 0, decision)


def done(ledger: Ledger, aggregate: str, entity: str, position: int | None, directive_id: str = "") -> Done:
    """Say that a wish is fulfilled, and show what it was about as it is now."""
    already = position is None
    if aggregate == "agent":
        shown = agents.view(ledger.agents[entity], ledger.holds(entity))
        return Done(id=entity, position=position, already=already, agent=shown)
    if aggregate == "team":
        return Done(id=entity, position=position, already=already, team=ledger.team_view(entity))
    if aggregate == "alert":
        alert = ledger.oversight.alert(entity)
        assert alert is not None
        return Done(id=entity, position=position, already=already, alert=alerts.view(alert))
    if aggregate == "directive":
        directive = ledger.oversight.directive(entity, directive_id)
        assert directive is not None
        return Done(id=directive_id, position=position, already=already, directive=directives.view(directive))
    if aggregate == "health":
        points = ledger.oversight.points(entity)
        return Done(id=entity, position=position, already=already, points=points)
    return at_length(done_with_item(ledger, entity, position))


def done_with_item(ledger: Ledger, item_id: str, position: int | None) -> DoneWithItem:
    """Say that a wish about one item is fulfilled, and show it as it is now."""
    item = ledger.item(item_id)
    assert item is not None
    return DoneWithItem(
        "done", item_id, UNSET if position is None else position, position is None, work.shown(item)
    )


def at_length(answer: DoneWithItem) -> Done:
    """Return the model of an answer about one item."""
    shown = weighty(ItemView, answer.item)
    position = None if answer.position is UNSET else answer.position
    return trusted(Done, {"id": answer.id, "position": position, "already": answer.already, "item": shown})


def done_with_items(ledger: Ledger, item_ids: Sequence[str], position: int | None) -> Done:
    """Say that a wish about several items is fulfilled, and show those that are known, in order."""
    items = [item for one in item_ids if (item := ledger.item(one)) is not None]
    views = tuple(work.view(item) for item in items)
    return Done(id=item_ids[0], position=position, already=position is None, item=views[0], items=views)


def _known(ledger: Ledger, aggregate: str, entity: str) -> bool:
    """Tell whether there is something to show; of the timekeeper's wishes, what they are about may be gone."""
    if aggregate in OVERSEEN or aggregate == "team":
        return True
    return entity in ledger.agents if aggregate == "agent" else ledger.item(entity) is not None
