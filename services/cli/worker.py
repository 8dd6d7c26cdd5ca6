"""The verbs work and run: from a command line to a worker, and from its end to an exit code."""

import os
from math import inf
from typing import Final

from coord.events.errors import Exit, UsageError
from coord.services import client, clock
from coord.services.cli.call import Call, note
from coord.services.cli.main import READER_GONE
from coord.services.cli.safe import safe, safe_json
from coord.services.cli.terminal import flush
from coord.services.cli.values import as_delay, as_lease, as_name, as_wait, as_whole
from coord.services.folder import COORDINATOR_SOCKET
from coord.services.worker.holding import Holding
from coord.services.worker.plan import Plan, Surroundings
from coord.services.worker.template import Template, line_for_shell, program
from coord.services.worker.worker import Worker

JOBS_MAX: Final = 256
ITEMS_MAX: Final = 1_000_000
_BY_SIGNAL: Final = 128
_RETIRE_SECONDS: Final = 2.0


def work(call: Call) -> int:
    """Claim items and run a command for each, until told to stop."""
    template = _template(call.text("exec"), call.many("command"))
    most = call.read("max", lambda text, what: as_whole(text, what, 1, ITEMS_MAX))
    if call.on("once") and most is not None:
        raise UsageError("--once and --max contradict each other.", "Give one of them.")
    agent = call.agent()
    jobs = call.read("jobs", lambda text, what: as_whole(text, what, 1, JOBS_MAX)) or 1
    lease, idle = call.read("lease", as_lease), call.read("idle", as_delay)
    incarnation, is_registered = _registered(call, agent)
    plan = Plan(
        agent=agent,
        template=template,
        incarnation=incarnation,
        is_registered=is_registered,
        jobs=jobs,
        lease_seconds=lease,
        most=1 if call.on("once") else most,
        idle_seconds=idle,
        usual_lease_seconds=call.settings.lease_seconds,
    )
    worker = _worked(call, plan)
    if is_registered:
        _retire(call, agent, incarnation)
    return _code_of_work(worker)


def run(call: Call) -> int:
    """Claim one item and run a command for it."""
    words = call.many("command")
    item_id, wait = as_name(call.text("id") or "", "the item"), call.read("wait", as_wait)
    plan = Plan(
        agent=call.agent(),
        template=_template(None, words),
        incarnation=call.incarnation(),
        lease_seconds=call.read("lease", as_lease),
        item_id=item_id,
        wait_seconds=0.0 if call.text("wait") is None else wait if wait is not None else inf,
        most=1,
        usual_lease_seconds=call.settings.lease_seconds,
    )
    worker = _worked(call, plan)
    if worker.asked_to_stop and not worker.is_reader_gone:
        return _BY_SIGNAL + worker.signal
    if worker.fault is not None:
        raise worker.fault
    assert worker.last is not None
    return _code_of_run(worker.last)


def _template(line: str | None, words: list[str]) -> Template:
    if bool(line) == bool(words):
        raise UsageError(
            "two commands are given." if line else "no command is given.",
            "Give one: --exec 'LINE FOR THE SHELL', or -- PROGRAM ARGUMENTS.",
        )
    if line:
        return line_for_shell(line)
    if not _is_there(words[0]):
        raise UsageError(
            f"there is no program '{safe(words[0])[:64]}' here.", "A line for the shell goes with --exec."
        )
    return program(words)


def _is_there(program: str) -> bool:
    """Tell whether a program can be started under this name; shutil, which tells too, takes 8 ms to import."""
    places = [""] if os.sep in program else os.get_exec_path()
    return any(os.access(os.path.join(place, program), os.X_OK) for place in places)


def _registered(call: Call, agent: str) -> tuple[int | None, bool]:
    """Register the agent where its team or capabilities are given; else it is who it is."""
    capabilities, team = (
        [as_name(one, "--capability") for one in call.many("capability")],
        call.read("team", as_name),
    )
    call.only_this_house()
    client.reach(call.folder, COORDINATOR_SOCKET)
    if not capabilities and team is None:
        return call.incarnation(), False
    fields = {"agent": agent, "team": team, "capabilities": capabilities or None, "host": call.settings.node}
    reply = call.tell("register", clock.new_id(), fields)
    note(f"{agent} is registered as incarnation {reply['agent']['incarnation']}")
    return int(reply["agent"]["incarnation"]), True


def _retire(call: Call, agent: str, incarnation: int | None) -> None:
    """Say that the agent has left on purpose; where that cannot be said now, it is found lost later."""
    from contextlib import suppress

    from coord.events.errors import CoordError

    command = {
        "request_id": clock.new_id(),
        "agent": agent,
        "incarnation": incarnation,
        "reason": "coord work ended",
    }
    with suppress(CoordError):
        client.tell(call.folder, "retire", command, agent, _RETIRE_SECONDS, connect_seconds=0.0)


def _worked(call: Call, plan: Plan) -> Worker:
    call.only_this_house()
    client.reach(call.folder, COORDINATOR_SOCKET)
    flush()
    surroundings = Surroundings(
        call.folder, call.settings.site, call.settings.request_seconds, _line_of if call.json else None
    )
    worker = Worker(plan, surroundings)
    worker.run()
    return worker


def _line_of(holding: Holding) -> bytes:
    """Write an item that has ended as a line of JSON."""
    document = {
        "id": holding.id,
        "verdict": holding.verdict,
        "reason": holding.reason or None,
        "exit_code": holding.code if holding.code is None or holding.code >= 0 else _BY_SIGNAL - holding.code,
        "attempt": holding.item["attempt"],
        "fence": holding.fence,
        "incarnation": holding.incarnation,
        "seconds": round(holding.seconds, 3),
        "result": ((holding.result or {}).get("item") or {}).get("result"),
    }
    return (safe_json(document) + "\n").encode()


def _code_of_work(worker: Worker) -> int:
    counts = ", ".join(f"{count} {verdict}" for verdict, count in worker.counts.items() if count)
    note(f"done: {counts or 'nothing'}")
    if worker.fault is not None:
        raise worker.fault
    if worker.is_reader_gone:
        return READER_GONE
    if worker.asked_to_stop > 1:
        return _BY_SIGNAL + worker.signal
    return int(Exit.DONE if worker.asked_to_stop or counts else Exit.NOTHING)


def _code_of_run(holding: Holding) -> int:
    """Return the command's own exit code; where the claim was lost or the end is unknown, coord's."""
    if holding.verdict == "lost":
        return int(Exit.REFUSED)
    if holding.verdict == "unknown":
        return int(Exit.UNKNOWN)
    code = holding.code
    if code is None:
        return int(Exit.USAGE)
    return code if code >= 0 else _BY_SIGNAL - code
