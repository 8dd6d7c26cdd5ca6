"""The watchdog in a whole house: `coord up` starts it, and it acts while the projector stands still."""

import asyncio
import os
import signal

from houses import House, until
from standing_still import stop
from told_runs import ToldRun
from told_steps import STEPS_TO_WARM

from coord.events.tokens import event_subject
from coord.services.log import Log
from coord.services.settings import Settings


async def a_hard_batch(house: House) -> None:
    """Let a run have one, and wait until the directive is in the log."""
    log = await Log.connect(Settings(data=house.folder.root), house.folder)
    try:
        run = ToldRun(log, "r-1")
        await run.start()
        await run.steps(STEPS_TO_WARM)
        await run.hard_batch()
        async with asyncio.timeout(30):
            while not await log.count(event_subject("local", "directive", "r-1")):
                await asyncio.sleep(0.01)
    finally:
        await log.close()


def test_it_acts_with_the_projector_stopped_and_is_started_again_when_killed(house: House) -> None:
    stop(house.pid("projector"))
    try:
        asyncio.run(a_hard_batch(house))
    finally:
        os.kill(house.pid("projector"), signal.SIGCONT)
    row = until(lambda: [one for one in house.ask("alerts")["rows"] if one["directives"]])[0]
    assert (row["rule"], row["entity"], row["directives"][0]["action"]) == ("loss-spike", "r-1", "skip_batch")

    before = house.pid("watchdog")
    house.kill("watchdog")
    up = house.folder.path("up.json")
    until(lambda: up.exists() and _serves_anew(house, before))
    verdicts = {check["name"]: check["verdict"] for check in house.ask("doctor")["checks"]}
    assert "bad" not in verdicts.values()
    assert len(house.ask("alerts")["rows"]) == 1


def _serves_anew(house: House, before: int) -> bool:
    up = house.folder.read_json("up.json") or {}
    serving = up["states"].get("watchdog") == "serving"
    return bool(serving and up["services"].get("watchdog") != before)
