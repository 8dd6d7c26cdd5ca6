"""The drill: a house is lost, and what its backup brings back is that house, to the last fence and digest."""

import asyncio
from contextlib import closing
from pathlib import Path

from command_line import Cli
from houses import House, environment_of, house

from coord.events.streams import EVENTS
from coord.projections.store import begin_store, digests_of_events
from coord.services.folder import Folder
from coord.services.log import Log
from coord.services.log.whole import read_whole
from coord.services.projector.folding import fold_batch
from coord.services.server.alone import serving_alone
from coord.services.settings import Settings

__all__ = ["house"]


async def _fold(settings: Settings, path: Path, last: int) -> dict[str, str]:
    log = await Log.connect(settings, Folder(settings.data))
    try:
        with closing(begin_store(path, 128)) as store:
            async for stretch in read_whole(log, EVENTS.name, 1, last):
                assert stretch.lost == []
                fold_batch(store, "the same", stretch.messages)
            with store.reader() as reader:
                return digests_of_events(reader)
    finally:
        await log.close()


def digests(folder: Path, path: Path, last: int) -> dict[str, str]:
    """Fold the log of a house that is down up to a position, and return the digest of every table."""
    with serving_alone(Folder(folder), Settings(data=folder)) as settings:
        return asyncio.run(_fold(settings, path, last))


def test_a_restored_house_has_the_same_tables_and_believes_the_same_fences(
    house: House, tmp_path: Path
) -> None:
    for number in range(2):
        house.ask("submit", f"item {number}", "--id", f"w-{number}", "--lease", "5m")
    held = house.ask("claim", "w-0", "--agent", "ada", "--request-id", "r-1")["item"]
    stale = house.ask("claim", "w-1", "--agent", "ada")["item"]
    house.ask("release", "w-1", "--agent", "ada")
    house.ask("claim", "w-1", "--agent", "bob")
    file = tmp_path / "house.tar"
    told = house.ask("backup", str(file))
    last = told["streams"]["EVENTS"]["state"]["last_seq"]
    house.ask("complete", "w-0", "--agent", "ada")
    assert house.cli.run("down").code == 0

    root = tmp_path / "restored"
    cli = Cli(house.cli.home, environment_of(house.cli.home, root))
    ran = cli.run("restore", str(file))
    assert (ran.code, f"EVENTS up to position {last}" in ran.out) == (0, True), ran
    assert cli.run("up", "--detach").code == 0
    try:
        after = House(cli, Folder(root))
        assert after.ask("claim", "w-0", "--agent", "ada", "--request-id", "r-1")["position"] == held["fence"]
        late = cli.run("complete", "w-1", "--agent", "ada", "--fence", str(stale["fence"]))
        assert late.code == 4, late
        done = after.ask("complete", "w-0", "--agent", "ada", "--fence", str(held["fence"]))
        assert done["position"] > last
    finally:
        cli.run("down")
    before = digests(house.folder.root, tmp_path / "before.duckdb", last)
    assert digests(root, tmp_path / "after.duckdb", last) == before
    assert digests(root, tmp_path / "more.duckdb", done["position"]) != before
