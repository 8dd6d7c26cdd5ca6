"""What outlasts a house: the archive, a backup, and a file of tables that broke."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from command_line import Cli
from features.scene import Scene, telling_of
from houses import until
from incubator import start_house
from pytest_bdd import given, then, when

from coord.events.errors import Exit
from coord.services.archive.place import read_standing

BLOCK_BYTES: Final = 262_144
"""Of the file of tables; each has a checksum."""
HEADERS_BYTES: Final = 3 * 4_096


@given("events are exported to an archive")
def export(scene: Scene) -> None:
    environment = scene.house.cli.environment
    environment["COORD_ARCHIVE"] = str(scene.root / "archive")
    environment["COORD_ARCHIVE_SECONDS"] = "0.1"
    scene.kept["archiving"] = scene.begin("serve", "archive")


@then("the archive equals the log")
def archive_equals(scene: Scene) -> None:
    until(lambda: read_standing(scene.root / "archive"))
    ran = scene.house.cli.run("archive", "verify")
    assert ran.code == Exit.DONE, ran
    assert "equal those of the log" in ran.out


@when("a file of the archive is altered")
def alter(scene: Scene) -> None:
    scene.kept["archiving"].terminate()
    scene.kept["archiving"].wait()
    file = next((scene.root / "archive" / "events").rglob("*.parquet"))
    _flip(file, [file.stat().st_size // 3])


@then("the comparison names what was altered")
def altered_named(scene: Scene) -> None:
    ran = scene.house.cli.run("archive", "verify")
    assert ran.code == Exit.WANTING, ran
    assert "differs from the log" in ran.out + ran.err or "cannot be read" in ran.out + ran.err, ran


@when("the house is backed up while it runs, and made anew of that file elsewhere")
def move_house(scene: Scene) -> None:
    file, elsewhere = scene.root / "coord.tar", scene.root / "elsewhere"
    scene.kept["fence"] = scene.show()["fence"]
    scene.house.ask("backup", str(file), "--events-only")
    scene.house.ask("restore", str(file), "--data", str(elsewhere))
    there = Cli(scene.house.cli.home, {**scene.house.cli.environment, "COORD_DATA": str(elsewhere)})
    scene.house.ask("down")
    assert not start_house(there.environment, there.home)
    scene.ending.callback(there.run, "down")
    scene.kept["there"] = there


@then("an old fence is refused there, and ada completes the item with the one that she was given")
def fences_hold(scene: Scene) -> None:
    fence = scene.kept["fence"]
    with _at(scene, scene.kept["there"]):
        stale = scene.act("ada", "complete", scene.it, "--fence", str(fence - 1))
        assert stale.code == Exit.REFUSED, stale
        scene.must("ada", "complete", scene.it, "--fence", str(fence))


@then("the tables there equal those of the log, made anew")
def tables_there(scene: Scene) -> None:
    ran = scene.kept["there"].run("rebuild")
    assert ran.code == Exit.DONE, ran
    assert "every table equals the one it replaces" in ran.out


@when("everything is taken down, a byte of the tables is flipped, and everything is started again")
def flip_tables(scene: Scene) -> None:
    scene.house.ask("down")
    file = scene.house.folder.path("projection", "coord.duckdb")
    blocks = range(HEADERS_BYTES + BLOCK_BYTES // 2, file.stat().st_size, BLOCK_BYTES)
    _flip(file, blocks)
    assert not start_house(scene.house.cli.environment, scene.house.cli.home)


@then("it is told what was done about the file")
def recovery_told(scene: Scene) -> None:
    checks = scene.house.cli.run("doctor", "--json").document["checks"]
    (found,) = [check for check in checks if check["name"] == "projection"]
    assert found["verdict"] == "warn", found


def _flip(file: Path, places: Iterator[int] | range | list[int]) -> None:
    raw = bytearray(file.read_bytes())
    for place in places:
        raw[place] ^= 0xFF
    file.write_bytes(raw)


@contextlib.contextmanager
def _at(scene: Scene, there: Cli) -> Iterator[None]:
    """Let commands go to another house for a while."""
    telling = telling_of(scene.house)
    here, telling.environment = telling.environment, there.environment
    try:
        yield
    finally:
        telling.environment = here
