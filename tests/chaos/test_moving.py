"""From one server to three: every position stays, and with it every fence and every answer that was given."""

import asyncio
import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest
from chaos.clusters import Cluster, cluster
from chaos.grounds import one_node
from houses import House, until
from nats_servers import CONFIGURATIONS, passwords

from coord.services.supervisor.moving import main

PASSWORD: Final = "NATS_MOVER_PASSWORD"
README: Final = CONFIGURATIONS.parent / "README.md"


def worked_on(house: House) -> Mapping[str, str]:
    """Submit, claim and complete; return what the holder of an open claim knows."""
    for number in range(3):
        house.ask("submit", f"item {number}", "--id", f"w-{number}")
    house.ask("register", "ada")
    house.ask("claim", "w-0", "--agent", "ada")
    until(lambda: house.ask("nodes")["rows"])
    held = house.ask("claim", "w-1", "--agent", "ada", "--request-id", "r-1")
    house.ask("complete", "w-0", "--agent", "ada")
    return {"fence": str(held["item"]["fence"]), "incarnation": str(held["item"]["incarnation"])}


def moved(ground: Cluster, folder: Path) -> "subprocess.CompletedProcess[str]":
    """Move the log of a house that is down, as an operator does."""
    command = [sys.executable, "-P", "-m", "coord.services.supervisor.moving", str(folder)]
    credential = ground.root / "mover.json"
    credential.write_text(json.dumps({"user": "~mover", "password": ground.known[PASSWORD]}))
    environment = ground.environment(ground.root / "unused") | {"COORD_NATS_CREDENTIALS": str(credential)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)


def with_a_mover(folder: Path) -> Path:
    """Copy the configuration of deploy/, with the line in it that its README tells to add for a move."""
    shutil.copytree(CONFIGURATIONS, folder)
    (line,) = [line.strip() for line in README.read_text().splitlines() if 'user: "~mover"' in line]
    users = folder / "users.conf"
    before = "  COORD: { jetstream: enabled, users: ["
    assert before in users.read_text()
    users.write_text(users.read_text().replace(before, f"{before}\n    {line}"))
    return folder


def test_a_fence_and_an_answer_from_one_server_hold_on_three(tmp_path: Path) -> None:
    with one_node(tmp_path / "house", lease_seconds=60.0) as alone:
        held = worked_on(alone.house)
        up = subprocess.run(
            [sys.executable, "-P", "-m", "coord.services.supervisor.moving", str(alone.house.folder.root)],
            env=alone.house.cli.environment | {"COORD_NATS": "nats://127.0.0.1:1"},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert up.returncode == 5, up
        alone.house.cli.run("down")
        known = {**passwords(), PASSWORD: "m0123456789abcdef"}
        with (
            cluster(tmp_path / "cluster", with_a_mover(tmp_path / "conf"), known) as three,
            ExitStack() as stack,
        ):
            first = moved(three, alone.house.folder.root)
            assert first.returncode == 0, first
            assert [line.partition(":")[0] for line in first.stdout.splitlines()] == ["EVENTS", "SAMPLES"]
            again = moved(three, alone.house.folder.root)
            assert (again.returncode, "already" in again.stderr) == (4, True), again
            three.start_coordinator(0, stack)
            goes_on(three, held)


def goes_on(three: Cluster, held: Mapping[str, str]) -> None:
    """The same request is answered the same, the holder completes with its fence, and all of it is on three servers."""
    asyncio.run(three.wait_until_led())
    cli = three.cli(three.coordinators[0][0].root)
    same = cli.run("claim", "w-1", "--agent", "ada", "--request-id", "r-1", "--json")
    assert same.document["position"] == int(held["fence"]), same
    done = cli.run("complete", "w-1", "--agent", "ada", "--fence", held["fence"], "--json")
    assert done.code == 0, done
    assert done.document["position"] > int(held["fence"])

    async def kept() -> dict[str, int]:
        async with three.log() as log:
            names = ("EVENTS", "SAMPLES")
            return {name: (await log.stream_state(name)).config["num_replicas"] for name in names}

    assert asyncio.run(kept()) == {"EVENTS": 3, "SAMPLES": 3}


def test_where_to_must_be_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([str(tmp_path)]) == 4
    assert "COORD_NATS" in capsys.readouterr().err
    assert main([]) == 2
