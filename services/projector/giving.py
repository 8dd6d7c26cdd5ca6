"""Gives whoever asks on the socket a copy of the tables: of now, or of a past moment.

Of now: all that the log held when it was asked is folded in first, as far as that is done soon; the copy is a
snapshot. Of a past moment: the process that folds the past copies its tables once they stand there.
"""

import contextlib
from collections.abc import Mapping

import msgspec
from pydantic import ValidationError

from coord.events.commands import Invalid, Refusal, refusal
from coord.events.errors import CoordError, NoServer
from coord.events.model import first_fault
from coord.events.questions import AsOf
from coord.events.snapshots import SnapshotAnswer, TakeSnapshot
from coord.events.streams import EVENTS
from coord.services import clock
from coord.services.gateway import Lines, Request, Response, Route, json_response
from coord.services.projector.following import Follower
from coord.services.projector.frames import COPY
from coord.services.projector.keeper import Keeper
from coord.services.projector.moments import find_moment
from coord.services.projector.past import Past
from coord.services.projector.snapshots import Snapshots

AFTER_SECONDS_MAX = 5.0
"""How long what the log holds is waited for; then the copy holds less, and its as_of says how much."""


def snapshot_route(giving: "Giving") -> Route:
    """Return how the socket is asked for a copy: a moment stands in the query, as a question's does in its body."""

    async def snapshot(request: Request) -> Response | Lines:
        given = await giving.give(request.query)
        exit_code = int(getattr(given, "exit_code", 0))
        return Response(
            given.model_dump_json(exclude_none=True).encode(), json_response({}, exit_code).status
        )

    return Route("POST", "/v1/snapshot", snapshot)


class Giving:
    """Copies of one projector's tables."""

    def __init__(self, keeper: Keeper, follower: Follower, past: Past, snapshots: Snapshots) -> None:
        self._keeper = keeper
        self._follower = follower
        self._past = past
        self._snapshots = snapshots

    async def give(self, query: Mapping[str, str]) -> SnapshotAnswer | Refusal | Invalid:
        """Give the copy that is asked for.

        Raises:
            CoordError: none can be made now.
        """
        try:
            wanted = TakeSnapshot.model_validate_strings(dict(query))
        except ValidationError as error:
            return Invalid(reason=f"snapshot: {first_fault(error)}")
        return await (self._of_the_past(wanted) if wanted.is_past else self._of_now())

    async def _of_now(self) -> SnapshotAnswer | Refusal:
        with contextlib.suppress(CoordError):
            state = await (await self._follower.log()).stream_state(EVENTS.name)
            await self._keeper.until_folded(state.last, AFTER_SECONDS_MAX)
        taken = await self._snapshots.take(asked=True)
        if taken is None:
            return refusal(
                "no_such_moment", "nothing is folded in yet: there is nothing to take a snapshot of."
            )
        standing = taken.standing
        return SnapshotAnswer(
            as_of=AsOf(
                position=standing.positions.get(EVENTS.name, 0),
                time_ns=standing.taken_at_ns,
                recorded_at_ns=standing.recorded_at_ns,
                lag=self._follower.lag,
            ),
            file=str(taken.file),
            taken_at_ns=standing.taken_at_ns,
        )

    async def _of_the_past(self, wanted: TakeSnapshot) -> SnapshotAnswer | Refusal:
        moment = await find_moment(await self._follower.log(), self._keeper, wanted)
        if isinstance(moment, Refusal):
            return moment
        said = await self._past.answer(COPY, wanted, moment.position)
        if isinstance(said, Refusal):
            return said
        told = msgspec.json.decode(said[1:])
        if said[0]:
            raise NoServer(told["reason"], told.get("hint", ""))
        return SnapshotAnswer(as_of=moment.as_of, file=told["file"], taken_at_ns=clock.now_ns())
