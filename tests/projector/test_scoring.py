"""The system's score over time, kept by the projector and told when it is asked for."""

import asyncio

from conftest import Server
from projectors import Projector, until

from coord.projections.answers import Moment
from coord.services.folder import Folder
from coord.services.projector import scoring
from coord.services.projector.keeper import Keeper
from coord.services.projector.scoring import Scores
from coord.services.settings import Settings
from coord.services.tasks import end


def test_the_trend_of_health_is_told_only_when_it_is_asked_for(projector: Projector) -> None:
    projector.start()
    trend = until(lambda: projector.ask("health", trend=True).get("trend"))
    assert [set(one) for one in trend] == [{"at_ns", "score"}]
    assert 0 < trend[0]["score"] <= 100
    assert trend[0]["at_ns"] <= projector.ask("health")["as_of"]["time_ns"]
    assert not projector.ask("health").get("trend")


def test_scores_are_kept_in_order_and_only_so_many(settings: Settings) -> None:
    async def main() -> None:
        Folder(settings.data).make()
        keeper = Keeper(settings, Folder(settings.data))
        await keeper.open()
        taken = iter(range(1, 10**9))
        scores = Scores(keeper, lambda: Moment(next(taken)), seconds=0)
        task = asyncio.create_task(scores.keep())
        while len(scores.told()) < 5:
            await asyncio.sleep(0)
        await end(task)
        told = [one.at_ns for one in scores.told()]
        assert told == list(range(1, len(told) + 1))
        assert scores._kept.maxlen == scoring.KEPT_MAX == 2_880
        await keeper.close()

    asyncio.run(main())


def test_a_server_is_not_needed_for_a_score(server: Server) -> None:
    one = Projector(server)
    server.embedded.stop()
    try:
        one.start()
        assert until(lambda: one.ask("health", trend=True).get("trend"))
    finally:
        one.kill()
