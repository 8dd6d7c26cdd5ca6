"""The verb stats: how much gets done, how long it takes, what is refused, and how busy the agents are."""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from coord.events.errors import CoordError, UsageError
from coord.services import client, clock
from coord.services.cli.call import Call, note
from coord.services.cli.render import Cell, Column, Toned, as_of, print_pairs, print_table
from coord.services.cli.terminal import out, out_json
from coord.services.cli.values import as_name, as_silence
from coord.services.folder import COORDINATOR_SOCKET
from coord.services.wording import age, percent

_GLANCE_SECONDS: Final = 2.0
_BARS: Final = "▁▂▃▄▅▆▇█"
_BINS: Final = 24
_SECOND_NS: Final = 1_000_000_000
_KINDS: Final = {
    "submitted": "", "claimed": "", "completed": "ok", "failed": "bad", "released": "", "expired": "warn",
    "cancelled": "dim",
}  # fmt: skip
_NAMES: Final = {"expired": "taken away"}
"""What is called otherwise here: leases run out, and claims are ended for other reasons, too."""
_SPREADS: Final = {
    "wait": "from when it could be claimed to its claim",
    "cycle": "from its claim to the end of that",
    "lead": "from when it was submitted to its completion",
}


def stats(call: Call) -> None:
    """Say how work flows, over a window that ends now or at --at."""
    team, agent = call.read("team", as_name), call.read("agent", as_name)
    answer = call.ask("stats", team=team, agent=agent, bins=_BINS, limit=call.limit(), **_window(call))
    refused = None if call.text("at") is not None else _refused(call)
    if call.json:
        out_json({**answer, "refused": refused})
        return
    length = age((answer["until_ns"] - answer["since_ns"]) / _SECOND_NS)
    whom = f" of {team or agent}" if team or agent else ""
    out(f"the last {length}{whom}{as_of(answer)}")
    out("")
    print_table(_RATES, list(_rates(answer["throughput"])))
    out("")
    print_table(_TIMES, [_times(name, answer[name]) for name in _SPREADS])
    out("")
    print_pairs(list(_rest(answer, refused)))
    if answer["agents"]:
        out("")
        print_table(_AGENTS, [_agent(row) for row in answer["agents"]])
    for name in answer.get("unknown", ()):
        note(f"nothing is known of {'a team' if name == team else 'an agent'} {name}.")
    if answer.get("truncated"):
        note(f"there are more agents than these {len(answer['agents'])}; see --limit.")


def _window(call: Call) -> dict[str, Any]:
    last, since = call.read("last", as_silence), call.text("since")
    if since is None:
        return {"last_seconds": last}
    if last is not None:
        raise UsageError("--last and --since name two windows.", "Give one of them.")
    from coord.services.when import parse_when

    moment = parse_when(since, clock.now_ns(), "--since")
    if moment.at_ns is None:
        raise UsageError("--since takes a time, and no position.")
    return {"since_ns": moment.at_ns}


def _refused(call: Call) -> dict[str, int] | None:
    """Ask the coordinator what it refused since it began to lead; refusals are no events. None: it is away."""
    try:
        told = client.health(call.folder, COORDINATOR_SOCKET, _GLANCE_SECONDS).get("refused")
    except CoordError:
        return None
    return told if isinstance(told, dict) else None


def _rates(throughput: Mapping[str, Mapping[str, Any]]) -> Iterator[Sequence[Cell]]:
    for kind, meaning in _KINDS.items():
        rate = throughput.get(kind)
        if rate is not None:
            count = rate["count"]
            name = Toned(_NAMES.get(kind, kind), meaning if count else "dim")
            yield name, count, f"{rate['per_minute']:,.1f}", _spark(rate["bins"])


def _spark(bins: Sequence[int]) -> str | None:
    """Draw how often something happened, from the oldest to the newest; nothing where there are no glyphs for it."""
    most = max(bins, default=0)
    if not most or "utf" not in (getattr(sys.stdout, "encoding", None) or "").lower():
        return None
    return "".join(_BARS[-(-count * (len(_BARS) - 1) // most)] for count in bins)


def _times(name: str, spread: Mapping[str, Any]) -> Sequence[Cell]:
    values = [_length(spread.get(figure)) for figure in ("mean", "p50", "p90", "p99", "max")]
    return name, spread["count"], *values, Toned(_SPREADS[name], "dim")


def _length(seconds: float | None) -> str | None:
    """Write a length of time; below a tenth of a second in milliseconds."""
    if seconds is None:
        return None
    return f"{1_000 * seconds:.0f}ms" if seconds < 0.1 else age(seconds)


def _rest(answer: Mapping[str, Any], refused: Mapping[str, int] | None) -> Iterator[tuple[str, Cell]]:
    stuck = f" ({answer['stuck']} stuck)" if answer.get("stuck") else ""
    yield "items now", _counted(answer["items"].items()) + stuck
    yield "because of", _counted(answer["causes"].items())
    if refused is None:
        yield "refused", Toned("not known: the coordinator is away, or this is the past", "dim")
    else:
        told = _counted(sorted(refused.items(), key=lambda one: -one[1]))
        yield "refused", f"{told or 'nothing'}, since the coordinator began"
    if answer.get("utilisation") is not None:
        yield "at work", f"{percent(answer['utilisation'])} of the agents' time"


def _counted(counts: Iterable[tuple[str, int]]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts if count)


_RATES: Final = (
    Column("CLAIMS AND ITEMS"),
    Column("COUNT", right=True),
    Column("A MINUTE", right=True),
    Column("WHEN", rank=1),
)
_TIMES: Final = (
    Column("TIME"),
    Column("COUNT", right=True),
    Column("MEAN", right=True, rank=3),
    Column("P50", right=True),
    Column("P90", right=True, rank=2),
    Column("P99", right=True),
    Column("MAX", right=True, rank=1),
    Column("WHAT", rank=4, flexible=True),
)
_AGENTS: Final = (
    Column("AGENT"),
    Column("AT WORK", right=True),
    Column("BUSY", right=True, rank=2),
    Column("PRESENT", right=True, rank=2),
    Column("IN HAND", right=True, rank=3),
    Column("TEAM", rank=1),
)


def _agent(row: Mapping[str, Any]) -> list[Cell]:
    present = row["present_seconds"]
    return [
        row["agent"],
        percent(row["utilisation"]),
        age(row["busy_seconds"]),
        age(present),
        f"{row['held_seconds'] / present:.1f}" if present else None,
        row.get("team"),
    ]
