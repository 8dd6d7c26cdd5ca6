"""A rebuild from the archive: the same tables, or a sentence and the tables as they were."""

import asyncio
from pathlib import Path
from typing import Any

import duckdb
import pytest
from conftest import Server
from projectors import log_on, say

from coord.events import work
from coord.events.errors import CoordError, NothingThere, UsageError
from coord.services.archive.exporting import Export
from coord.services.archive.place import files_of
from coord.services.log.whole import read_whole
from coord.services.projector.rebuild import rebuild
from coord.services.settings import Settings


async def exported(server: Server, root: Path, behind: int) -> int:
    """Fill the log, and archive all of it but its last messages; return where the log ends."""
    async with log_on(server) as log:
        for number in range(30):
            last = await say(log, f"w-{number}", work.WorkSubmitted(title=f"item {number}"))
        export = Export(root)
        async for stretch in read_whole(log, "EVENTS", 1, last - behind):
            export.write(stretch.messages)
        export.close()
    return last


def rebuilt(settings: Settings, from_archive: bool) -> dict[str, Any]:
    told: list[dict[str, Any]] = []
    rebuild(settings, told.append, from_archive)
    return told[-1]


def written(path: Path, query: str) -> None:
    """Write a file anew from what a query makes of it."""
    made = query.format(file=f"read_parquet('{path}')")
    duckdb.connect().execute(f"COPY ({made}) TO '{path}.new' (FORMAT parquet)")
    Path(f"{path}.new").replace(path)


def test_the_tables_from_the_archive_and_the_rest_of_the_log_equal_those_from_the_log(
    server: Server, tmp_path: Path
) -> None:
    root = tmp_path / "archive"
    settings = server.settings.changed(archive=root)
    with pytest.raises(NothingThere, match="no archive"):
        rebuilt(settings, from_archive=True)
    with pytest.raises(UsageError, match="no archive is set"):
        rebuilt(server.settings, from_archive=True)
    last = asyncio.run(exported(server, root, behind=3))
    (path,) = (found.path for found in files_of(root))
    written(path, "FROM {file} WHERE position <> 5")
    assert rebuilt(settings, from_archive=False)["events"] == last
    told = rebuilt(settings, from_archive=True)
    assert (told["equal"], told["events"]) == (True, last), told

    whole = path.read_bytes()
    written(path, "SELECT * REPLACE (replace(body, 'item 7', 'item X') AS body) FROM {file}")
    differing = rebuilt(settings, from_archive=True)
    assert "work" in differing["differing"], differing
    path.write_bytes(whole[:-9])
    with pytest.raises(CoordError, match="cannot be read"):
        rebuilt(settings, from_archive=True)
