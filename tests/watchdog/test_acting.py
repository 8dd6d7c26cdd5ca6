"""Acting: what an incident wants is asked for whenever it changes, also in the moment in which all was done."""

import asyncio
from typing import Any, cast

from coord.services.settings import Settings
from coord.services.watchdog.acting import Acting


class Wants:
    """Incidents that want nothing the first time, and change before that is noted."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.acting: Acting | None = None
        self._changed = ["a-1"]

    def changed(self) -> list[str]:
        """Return what changed since this was asked last."""
        changed, self._changed = self._changed, []
        return changed

    def next_step(self, alert_id: str) -> None:
        """Want nothing; the first time something changes right behind."""
        assert self.acting is not None
        self.asked.append(alert_id)
        if len(self.asked) == 1:
            self._changed = ["a-1"]
            asyncio.get_running_loop().call_soon(self.acting.look)


def test_what_changes_as_the_last_is_done_is_seen_to(settings: Settings) -> None:
    async def main() -> list[str]:
        wants = Wants()
        acting = wants.acting = Acting(cast(Any, None), settings, cast(Any, wants))
        acting.look()
        for _ in range(10):
            await asyncio.sleep(0)
        await acting.close()
        return wants.asked

    assert asyncio.run(main()) == ["a-1", "a-1"]
