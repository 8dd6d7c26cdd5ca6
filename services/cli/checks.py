"""What doctor checks on this machine: services, folder, disk, versions."""

import os
import shutil
import stat
import sys
from collections.abc import Iterator
from typing import Any, Final

from coord.events.errors import CoordError
from coord.events.streams import EVENTS
from coord.projections.snapshots import snapshots
from coord.services import client, clock
from coord.services.cli.finding import BAD, OK, WARN, Finding
from coord.services.cli.server_checks import ServerFacts
from coord.services.folder import Folder, is_alive
from coord.services.pausing import ask_coordinator
from coord.services.settings import Settings
from coord.services.wording import age, size

DISK_FREE_WARN: Final = 0.20
DISK_FREE_BAD: Final = 0.05
LAG_WARN: Final = 1_000
KEPT_WARN: Final = 0.9
"""Share of the rows that are kept at most: from here on the oldest will go before their time."""
RESTARTS_WARN: Final = 5
PYTHON_MIN: Final = (3, 11)
_ANSWER_SECONDS: Final = 5.0
_PRIVATE: Final = ("credentials.json", "agents", "server.json")
_ROUTE_HINT: Final = "Mend it, or set another alert_{}; {} has every try."
_LOG_HINT: Final = "Its log says why: {}."

_PAUSED_HINT: Final = (
    "A cluster that chooses its leader goes on by itself; else see what is said of the server."
)
_PAST_HINT: Final = "Questions of the past are answered all the same, from further back."
_KEPT_HINT: Final = (
    "The oldest go before their time: raise readings_millions_max, or read the hardware less often."
)
_OPENED_HINT: Final = "The file was damaged and is whole again; coord rebuild makes sure."
_OPENED: Final = {
    "clean": "opened clean",
    "wal_set_aside": "its log of writes was damaged and set aside, and EVENTS read on from before it",
    "snapshot": "it was damaged, and a snapshot took its place",
    "rebuilt": "it was of no use, and is folded anew from the log",
}
"""What the ladder of recovery did when the file was opened."""
_SNAPSHOTS_LATE: Final = 3
"""So many times as old as it may be, a snapshot is late."""

assert DISK_FREE_BAD < DISK_FREE_WARN


def check_supervisor(folder: Folder) -> Iterator[Finding]:
    """Check each process that `coord up` minds; a machine without `up` has nothing to check."""
    told = folder.read_json("up.json")
    if not isinstance(told, dict):
        return
    if not is_alive(int(told.get("pid", 0))):
        yield Finding(
            "up", BAD, f"process {told.get('pid')} is gone and left up.json behind", "Start: coord up"
        )
        return
    for name, state in told.get("states", {}).items():
        restarts = told.get("restarts", {}).get(name, 0)
        words = f"{state}, process {told.get('services', {}).get(name, '-')}, restarted {restarts} times"
        if state != "serving":
            yield Finding(name, BAD, words, _LOG_HINT.format(folder.path("log", f"{name}.log")))
        elif restarts >= RESTARTS_WARN:
            yield Finding(name, WARN, words, _LOG_HINT.format(folder.path("log", f"{name}.log")))


def check_coordinator(folder: Folder) -> Finding:
    """Ask the coordinator how it is."""
    told, paused = ask_coordinator(folder, _ANSWER_SECONDS)
    if paused or not told:
        hint = _PAUSED_HINT if told else _start_hint(folder, "coordinator")
        words = (
            f"claims are paused: {paused}" if paused else "no coordinator is here; another machine's may lead"
        )
        return Finding("commands", BAD, words, hint)
    words = (
        f"the coordinator is {told.get('status')}, {told.get('waiting', 0)} requests wait, "
        f"{told.get('leases', 0)} leases run"
    )
    return Finding("commands", OK if told.get("status") == "leading" else WARN, words)


def check_projector(folder: Folder, last_position: int) -> Iterator[Finding]:
    """Ask the projector how it is: lag, dead letters, gaps, how its file was opened."""
    try:
        state = client.ask(folder, "state", {}, _ANSWER_SECONDS)
    except CoordError as error:
        yield Finding("questions", BAD, error.message, _start_hint(folder, "projector"))
        return
    moment = state["as_of"]
    lag = max(last_position - moment["position"], moment.get("lag", 0), 0)
    words = f"the projector stands at position {moment['position']}, {lag} behind{_paces(state)}"
    late = lag >= LAG_WARN
    yield Finding("questions", WARN if late else OK, words, "It catches up, or its log says why not.")
    yield _file_finding(state)
    yield _dead_letters(folder, state["dead_letters"])
    yield _gaps(state["gaps"])
    yield from _kept(state)
    yield from _past(state)


def _paces(state: dict[str, Any]) -> str:
    """Say how quickly each stream is folded in, and how far behind those are that no position was told of."""
    told = [
        f"{one['stream']} {one['per_second']:,.0f}/s"
        + (f", {one['behind']:,} behind" if one["behind"] and one["stream"] != EVENTS.name else "")
        for one in state.get("streams", ())
    ]
    return f" ({'; '.join(told)})" if told else ""


def _kept(state: dict[str, Any]) -> Iterator[Finding]:
    """Say how much is kept of readings and their minutes, and warn of a limit before it is reached."""
    for one in state.get("kept", ()):
        since_ns = one.get("since_ns")
        old = age(max(0.0, (clock.now_ns() - since_ns) / 1e9)) if since_ns else ""
        there = f"{one['rows']:,} in {one['segments']} segments, the oldest {old} old" if old else "none yet"
        words = f"{there}; kept for {age(one['seconds_max'])}, at most {one['rows_max']:,}"
        full = one["rows"] >= KEPT_WARN * one["rows_max"]
        yield Finding(one["name"], WARN if full else OK, words, _KEPT_HINT)


def _past(state: dict[str, Any]) -> Iterator[Finding]:
    """Say from how many copies a question of the past may begin, and why there are not more."""
    past = state.get("past")
    if past is None or not past["bytes_max"]:
        return
    words = (
        f"{past['copies']} copies to begin from, {size(past['bytes'])} of {size(past['bytes_max'])} at most"
    )
    if past["copies"]:
        words += f", of positions {past['first']} to {past['last']}"
    yield Finding("past", WARN if past["fault"] else OK, past["fault"] or words, _PAST_HINT)


def check_snapshots(folder: Folder, settings: Settings, last_position: int) -> Finding:
    """Check that there is a snapshot to go back to, and that it is not much older than it should be."""
    found = snapshots(folder.path("projection", "snapshots"))
    if not found:
        return Finding(
            "snapshots", WARN if last_position else OK, "none yet", "One is taken within half a minute."
        )
    standing = found[0].standing
    seconds = max(0.0, (clock.now_ns() - standing.taken_at_ns) / 1e9)
    position = standing.positions.get(EVENTS.name, 0)
    words = (
        f"{len(found)} kept, the newest {age(seconds)} old, at position {position},"
        f" {size(found[0].size_bytes)}; folding stood still {standing.pause_seconds * 1_000:.0f} ms for it"
    )
    late = seconds > _SNAPSHOTS_LATE * settings.snapshot_seconds and position < last_position
    hint = _LOG_HINT.format(folder.path("log", "projector.log"))
    return Finding("snapshots", WARN if late else OK, words, hint)


def check_monitor(folder: Folder, settings: Settings) -> Finding:
    """Ask whether this machine's monitor was heard lately."""
    try:
        rows = client.ask(folder, "nodes", {"node": settings.node}, _ANSWER_SECONDS)["rows"]
    except CoordError as error:
        return Finding("monitor", WARN, f"cannot be asked about: {error.message}")
    if not rows:
        return Finding("monitor", WARN, f"{settings.node} was never heard", "Run: coord serve hardware")
    row = rows[0]
    words = f"{row['node']} is {row['status']}, heard {age(row.get('silent_seconds'))} ago"
    hint = _LOG_HINT.format(folder.path("log", "hardware.log"))
    return Finding("monitor", OK if row["status"] == "active" else WARN, words, hint)


def check_watchdog(folder: Folder) -> Iterator[Finding]:
    """Check that somebody watches where `coord up` runs; one that does not serve is told of as any service."""
    told = folder.read_json("up.json")
    if not isinstance(told, dict) or not is_alive(int(told.get("pid", 0))):
        return
    state = told.get("states", {}).get("watchdog")
    if state is None:
        yield Finding("watchdog", WARN, "nobody here watches runs and machines", "Run: coord serve watchdog")
    elif state == "serving":
        yield Finding("watchdog", OK, f"it watches; {_open_alerts(folder)}")


def check_routes(folder: Folder) -> Iterator[Finding]:
    """Check that people are told of alerts, where a route is set; the watchdog notes how each of them fares."""
    noted = folder.read_json("watchdog", "routed.json")
    for name, lane in (noted if isinstance(noted, dict) else {}).items():
        if not isinstance(lane, dict):
            continue
        told, failed = lane.get("told", 0), lane.get("failed", 0) + lane.get("dropped", 0)
        words = f"told by alert_{name}: {told}" + (f", given up: {failed}" if failed else "")
        failing, fault = lane.get("failing", 0), lane.get("last_fault", "")
        if failing:
            words = f"alert_{name} failed {failing} times running: {fault}; {words}"
        verdict = BAD if failing else WARN if failed else OK
        yield Finding("people", verdict, words, _ROUTE_HINT.format(name, folder.path("log", "watchdog.log")))  # type: ignore[arg-type]


def check_folder(folder: Folder) -> Finding:
    """Check that nobody else can read or change the data folder."""
    wrong = [
        str(path)
        for path in (folder.root, *map(folder.path, _PRIVATE))
        if path.exists() and _is_open(path.lstat(), private=path == folder.root or path.name in _PRIVATE)
    ]
    if wrong:
        return Finding("folder", BAD, f"others may use {', '.join(wrong)}", f"chmod -R go= {folder.root}")
    return Finding("folder", OK, f"{folder.root} is this user's alone")


def check_disk(folder: Folder) -> Finding:
    """Check what is left on the data folder's disk: a full one stops the log."""
    if not folder.root.is_dir():
        return Finding("disk", WARN, f"the data folder {folder.root} is not there yet", "Start: coord up")
    usage = shutil.disk_usage(folder.root)
    free = usage.free / usage.total
    words = f"{size(usage.free)} of {size(usage.total)} free ({100 * free:.0f} %)"
    verdict = BAD if free < DISK_FREE_BAD else WARN if free < DISK_FREE_WARN else OK
    return Finding("disk", verdict, words, "Make room: at 0 % nothing can be claimed or completed.")  # type: ignore[arg-type]


def check_versions(server: ServerFacts) -> Finding:
    """Check what runs here."""
    from importlib.metadata import version

    python = ".".join(map(str, sys.version_info[:3]))
    words = f"coord {version('coord')}, Python {python}, nats-server {server.version}"
    if sys.version_info < PYTHON_MIN:
        return Finding("versions", BAD, words, "Use Python 3.11 or later.")
    return Finding("versions", OK, words)


def _open_alerts(folder: Folder) -> str:
    try:
        counts = client.ask(folder, "alerts", {"limit": 1}, _ANSWER_SECONDS)["counts"]
    except CoordError:
        return "its alerts cannot be asked about"
    return f"{counts.get('active', 0)} alerts are active, {counts.get('acknowledged', 0)} acknowledged"


def _start_hint(folder: Folder, service: str) -> str:
    return f"Start it: coord up, or coord serve {service}. {_LOG_HINT.format(folder.path('log'))}"


def _file_finding(state: dict[str, Any]) -> Finding:
    opened, because = state["opened"], state.get("opened_because", "")
    words = f"{size(state['file_bytes'])}, {_OPENED.get(opened, opened)}" + (
        f": {because}" if because else ""
    )
    return Finding("projection", OK if opened == "clean" else WARN, words, _OPENED_HINT)


def _dead_letters(folder: Folder, count: int) -> Finding:
    if not count:
        return Finding("dead letters", OK, "none")
    words = f"{count} messages are no events of ours"
    try:
        newest = client.ask(folder, "deadletters", {"limit": 1}, _ANSWER_SECONDS)["rows"][0]
    except (CoordError, IndexError):
        return Finding("dead letters", WARN, words)
    where = f"{newest['stream']} {newest['position']} on {newest['subject']}"
    hint = "They disturb nothing; whoever publishes there must be corrected."
    return Finding("dead letters", WARN, f"{words}; the newest: {where}: {newest['reason']}", hint)


def _gaps(count: int) -> Finding:
    if not count:
        return Finding("gaps", OK, "none: every position of the log was read")
    return Finding(
        "gaps",
        BAD,
        f"{count} positions of the log could not be read",
        "The store is damaged: restore a backup.",
    )


def _is_open(state: os.stat_result, private: bool) -> bool:
    return state.st_uid != os.getuid() or (private and bool(stat.S_IMODE(state.st_mode) & 0o077))
