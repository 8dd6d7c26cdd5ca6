"""Telling the log what this node is made of: at every start, and whenever that has changed.

The disk is measured a little after the start, so that nothing waits for it; the inventory with the result is
then a change like any other. Changes closer together than `BETWEEN_SECONDS` become one event.
"""

import asyncio
import contextlib
from importlib.metadata import version
from typing import Final

from coord.events.catalog import kind_of
from coord.events.envelope import Envelope
from coord.events.model import Event
from coord.events.node import Inventory, NodeRegistered
from coord.events.tokens import event_subject
from coord.services import clock
from coord.services.folder import Folder
from coord.services.hardware import bandwidth, files, inventory
from coord.services.hardware.gpu_poller import GpuPoller
from coord.services.log import Log
from coord.services.settings import Settings

GPU_WAIT_SECONDS: Final = 5.0
"""How long the first registration waits for the driver to name its GPUs."""
MEASURE_AFTER_SECONDS: Final = 5.0
BETWEEN_SECONDS: Final = 5.0
LOOK_AGAIN_SECONDS: Final = 600.0
"""How often the inventory is looked up again without a reason."""


class Registration:
    """What this monitor has registered of its node."""

    def __init__(
        self, settings: Settings, folder: Folder, poller: GpuPoller | None, root: str = files.ROOT
    ) -> None:
        self._settings = settings
        self._folder = folder
        self._poller = poller
        self._root = root
        self._measured = bandwidth.recall(folder)
        self._registered: Inventory | None = None
        self._unsure: tuple[Envelope, NodeRegistered] | None = None
        self._changed = asyncio.Event()

    def change(self) -> None:
        """Have the inventory looked up again soon."""
        self._changed.set()

    async def keep(self, log: Log) -> None:
        """Register now and whenever something has changed; runs until cancelled or the server is gone.

        Raises:
            NoServer: nothing was registered.
            OutcomeUnknown: calling again sends the same event, which then counts once.
        """
        if self._poller is not None and self._registered is None:
            await self._wait(GPU_WAIT_SECONDS)
        while True:
            self._changed.clear()
            await self._register(log)
            await asyncio.sleep(BETWEEN_SECONDS)
            await self._wait(LOOK_AGAIN_SECONDS)

    async def measure(self) -> None:
        """Measure the disk once, unless an earlier start did so today."""
        if self._measured is None:
            await asyncio.sleep(MEASURE_AFTER_SECONDS)
            self._measured = await asyncio.to_thread(bandwidth.measure, self._folder)
            self.change()

    async def _register(self, log: Log) -> None:
        if self._unsure is None:
            found = inventory.take(
                self._folder.root,
                self._measured,
                self._poller.gpus if self._poller else (),
                self._poller.driver if self._poller else None,
                self._root,
            )
            if found == self._registered:
                return
            self._unsure = self._event(found)
        envelope, event = self._unsure
        await log.publish(event_subject(self._settings.site, "node", self._settings.node), envelope, event)
        self._registered, self._unsure = event.inventory, None

    def _event(self, found: Inventory) -> tuple[Envelope, NodeRegistered]:
        event = NodeRegistered(
            inventory=found,
            monitor_version=version("coord"),
            sample_seconds=self._settings.sample_seconds,
        )
        return envelope_of(event, self._settings.node), event

    async def _wait(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._changed.wait()


def envelope_of(event: Event, node: str) -> Envelope:
    """Return the attributes of an event that a node's monitor tells, with an id of its own."""
    return Envelope(
        id=clock.new_id(),
        type=kind_of(event).type,
        source=f"/hardware/{node}",
        time=clock.rfc3339(clock.now_ns()),
        actor=node,
    )
