"""The verbs work and run: from a command line to a worker, and from its end to an exit code."""

import os
from collections.abc import Sequence
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
from coord.services.worker.company import Company
from coord.services.worker.holding import Holding
from coord.services.worker.plan import Plan, Surroundings
from coord.services.worker.template import SHELL, Template, first_word, line_for_shell, program
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
    capabilities, team = (
        [as_name(one, "--capability") for one in call.many("capability")],
        call.read("team", as_name),
    )
    company, incarnation, is_registered = _registered(call, agent, capabilities, team)
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
    return _code_of_work(_worked(call, plan, company))


def run(call: Call) -> int:
    """Claim one item and run a command for it."""
    words = call.many("command")
    item_id, wait = as_name(call.text("id") or "", "the item"), call.read("wait", as_wait)
    agent, template, lease = (
        call.agent(),
        _program(words, "A line for the shell: -- sh -c 'LINE'."),
        call.read("lease", as_lease),
    )
    company, incarnation, is_registered = _registered(call, agent)
    plan = Plan(
        agent=agent,
        template=template,
        incarnation=incarnation,
        is_registered=is_registered,
        lease_seconds=lease,
        item_id=item_id,
        wait_seconds=0.0 if call.text("wait") is None else wait if wait is not None else inf,
        most=1,
        usual_lease_seconds=call.settings.lease_seconds,
    )
    worker = _worked(call, plan, company)
    if worker.asked_to_stop and not worker.is_reader_gone:
        return _BY_SIGNAL + worker.signal
    if worker.fault is not None:
        raise worker.fault
    assert worker.last is not None
    return _code_of_run(worker.last)


def _template(line: str | None, words: list[str]) -> Template:
    """Read the command of `coord work`, in one of its two forms."""
    if bool(line) == bool(words):
        raise UsageError(
            "two commands are given." if line else "no command is given.",
            "Give one: --exec 'LINE FOR THE SHELL', or -- PROGRAM ARGUMENTS.",
        )
    if not line:
        return _program(words, "A line for the shell goes with --exec.")
    template, first = line_for_shell(line), first_word(line)
    if first is not None and not _is_known_to_shell(first):
        raise UsageError(f"the shell knows no command '{safe(first)[:64]}' here.")
    return template


def _program(words: list[str], hint: str) -> Template:
    if not words:
        raise UsageError("no command is given.", "Give a program and its arguments behind --.")
    if not _is_there(words[0]):
        raise UsageError(f"there is no program '{safe(words[0])[:64]}' here.", hint)
    return program(words)


def _is_known_to_shell(command: str) -> bool:
    """Tell whether a line for the shell may begin so: with a program, or with a word of the shell's own."""
    if _is_there(command):
        return True
    import subprocess

    return not subprocess.call(
        [SHELL, "-c", 'command -v -- "$1" || exit 1', SHELL, command],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def _is_there(program: str) -> bool:
    """Tell whether a program can be started under this name; shutil, which tells too, takes 8 ms to import."""
    places = [""] if os.sep in program else os.get_exec_path()
    return any(os.access(os.path.join(place, program), os.X_OK) for place in places)


def _registered(
    call: Call, agent: str, capabilities: Sequence[str] = (), team: str | None = None
) -> tuple[Company, int | None, bool]:
    """Register the agent where its team or capabilities are given, or nobody knows it; else it is who it is."""
    call.only_this_house()
    client.reach(call.folder, COORDINATOR_SOCKET)
    company = Company(call.folder, agent)
    offers = bool(capabilities) or team is not None
    if call.incarnation() is not None and not offers:
        return company, call.incarnation(), False
    fields = {
        "agent": agent,
        "team": team,
        "capabilities": list(capabilities) or None,
        "host": call.settings.node,
        "if_unknown": None if offers else True,
    }
    reply = call.tell("register", clock.new_id(), fields)
    if reply.get("already"):
        return company, None, False
    incarnation = int(reply["agent"]["incarnation"])
    company.registered(incarnation)
    if offers:
        note(f"{agent} is registered as incarnation {incarnation}")
    return company, incarnation, True


def _retire(call: Call, agent: str, incarnation: int) -> None:
    """Say that the agent has left on purpose; where that cannot be said now, it is found lost later."""
    from contextlib import suppress

    from coord.events.errors import CoordError

    command = {
        "request_id": clock.new_id(),
        "agent": agent,
        "incarnation": incarnation,
        "reason": f"coord {call.parsed.verb.name} ended",
    }
    with suppress(CoordError):
        client.tell(call.folder, "retire", command, agent, _RETIRE_SECONDS, connect_seconds=0.0)


def _worked(call: Call, plan: Plan, company: Company) -> Worker:
    call.only_this_house()
    client.reach(call.folder, COORDINATOR_SOCKET)
    flush()
    surroundings = Surroundings(
        call.folder, call.settings.site, call.settings.request_seconds, _line_of if call.json else None
    )
    worker = Worker(plan, surroundings)
    worker.run()
    with company.leaving() as incarnation:
        if incarnation is not None:
            _retire(call, plan.agent, incarnation)
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
    if worker.asked_to_stop:
        return int(Exit.DONE)
    if worker.counts["unknown"]:
        return int(Exit.UNKNOWN)
    if worker.wanting:
        return int(Exit.WANTING)
    return int(Exit.DONE if counts or worker.is_drained else Exit.NOTHING)


def _code_of_run(holding: Holding) -> int:
    """Return the command's own exit code; where the claim was lost, the end is unknown or not taken as done, coord's."""
    if holding.verdict == "lost":
        return int(Exit.REFUSED)
    if holding.verdict == "unknown":
        return int(Exit.UNKNOWN)
    code = holding.code
    if code is None:
        return int(Exit.USAGE)
    if code == 0 and holding.verdict != "completed":
        return int(Exit.WANTING)
    return code if code >= 0 else _BY_SIGNAL - code
