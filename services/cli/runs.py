"""The verb runs: all training runs, or one of them with its metrics, directives, checkpoints and alerts."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from coord.services.cli.alerts import print_alerts
from coord.services.cli.call import Call, note_cut
from coord.services.cli.directing import asked_for, became, outlook
from coord.services.cli.render import Cell, Column, Toned, aged, as_of, print_pairs, print_table, scored
from coord.services.cli.safe import safe
from coord.services.cli.terminal import out, out_json, painted, talk
from coord.services.cli.values import as_name
from coord.services.run_state import is_paused
from coord.services.wording import age, size

STATUSES: Final = {
    "running": "accent", "paused": "warn", "completed": "ok", "failed": "bad", "lost": "bad", "stopped": "dim",
}  # fmt: skip
_FIRST: Final = (
    "loss", "canary_loss", "gradient_norm", "learning_rate", "step_seconds", "tokens_per_second",
    "micro_batch", "batch",
)  # fmt: skip
_CHECKPOINTS_SHOWN: Final = 5
_DIRECTIVES_SHOWN: Final = 20


def runs(call: Call) -> None:
    """List the runs, or show one in full."""
    text = call.text("run")
    run = None if text is None else as_name(text, "the run")
    answer = call.ask("runs", run=run, limit=call.limit())
    if run is not None:
        found = call.ask("alerts", entity=run)["rows"]
        answer["alerts"] = [row for row in found if row["entity_kind"] == "run"]
    if call.json:
        out_json(answer)
    elif run is not None:
        _print_run(answer["rows"][0], answer)
    else:
        _print_runs(answer)
    note_cut(answer)


def _print_runs(answer: Mapping[str, Any]) -> None:
    rows = answer["rows"]
    states = [_status(row) for row in rows]
    paused = f", {states.count('paused')} paused" if "paused" in states else ""
    out(f"{states.count('running')} of {len(rows)} runs running{paused}{as_of(answer)}")
    if rows:
        print_table(_RUNS, [_run_row(row) for row in rows])
    else:
        talk("coord: nothing was trained yet. A run is begun by: coord train FILE")


def _print_run(row: Mapping[str, Any], answer: Mapping[str, Any]) -> None:
    status = _status(row)
    why = f": {row['reason']}" if row.get("reason") else ""
    head = f"{safe(row['run'])}  {painted(safe(status), STATUSES.get(status, ''))}{safe(why)}"
    out(f"{head}  step {row['step']}{as_of(answer)}")
    print_pairs([
        ("name", row["name"]),
        ("node", row.get("node")),
        ("agent", row.get("agent")),
        ("processes", row.get("world_size")),
        ("started", f"{age(row['age_seconds'])} ago{_again(row['starts'])}"),
        ("heard", f"{age(row['silent_seconds'])} ago"),
        ("health", scored(row.get("score"))),
        ("updates left out", _left_out(row)),
        ("failed allocations", row.get("out_of_memory") or None),
        ("not finite", row.get("not_finite") or None),
        ("points dropped", row.get("dropped_points") or None),
    ])  # fmt: skip
    if row.get("latest"):
        out("\nlatest, before it was paused" if is_paused(row) else "\nlatest")
        print_pairs([(name, _number(value)) for name, value in _in_order(row["latest"])])
    _section("directives", _DIRECTIVES, map(_directive_row, row.get("directives", ())), _DIRECTIVES_SHOWN)
    _section(
        "checkpoints", _CHECKPOINTS, map(_checkpoint_row, row.get("checkpoints", ())), _CHECKPOINTS_SHOWN
    )
    if answer["alerts"]:
        out("\nalerts")
        print_alerts(answer["alerts"], about=False)


def _section(title: str, columns: Sequence[Column], rows: Iterator[list[Any]], shown: int) -> None:
    found = list(rows)
    if not found:
        return
    more = f", the last {shown} of {len(found)}" if len(found) > shown else ""
    out(f"\n{title}{more}")
    print_table(columns, found[:shown])


def _in_order(latest: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the metrics everybody looks for first, then the others."""
    yield from ((name, latest[name]) for name in _FIRST if name in latest)
    yield from ((name, latest[name]) for name in sorted(latest) if name not in _FIRST)


def _number(value: float | str | None) -> str | None:
    return f"{value:.5g}" if isinstance(value, int | float) else value


def _status(row: Mapping[str, Any]) -> str:
    """Say how a run is; one that runs may be paused."""
    return "paused" if is_paused(row) else str(row["status"])


def _left_out(row: Mapping[str, Any]) -> str | None:
    """Say how many updates were left out, and at which step the last one was."""
    count = row.get("left_out", 0)
    return f"{count:,}, the last at step {row['left_out_step']:,}" if count else None


def _again(starts: int) -> str:
    return f", begun {starts} times" if starts > 1 else ""


def _run_row(row: Mapping[str, Any]) -> list[Cell]:
    latest, directives = row.get("latest", {}), row.get("directives", ())
    return [
        row["run"],
        _status(row),
        scored(row.get("score")),
        row["step"],
        *(_number(latest.get(name)) for name in ("loss", "canary_loss", "learning_rate")),
        None if is_paused(row) else _number(latest.get("tokens_per_second")),
        row.get("checkpoint_step"),
        Toned(f"{directives[0]['action']} {became(directives[0])}", outlook(directives[0]))
        if directives
        else None,
        aged(row["age_seconds"]),
        Toned(age(row["silent_seconds"]), "bad" if row["status"] == "lost" else "dim"),
        row.get("node"),
        row["name"],
    ]


def _directive_row(directive: Mapping[str, Any]) -> list[Cell]:
    return [
        directive["id"],
        aged(directive["age_seconds"]),
        asked_for(directive),
        Toned(became(directive), outlook(directive)),
        _reaction(directive.get("answered_seconds")),
        directive.get("answer"),
        directive["reason"],
        directive.get("alert"),
    ]


def _reaction(seconds: float | None) -> str | None:
    """Write how long an answer took: 42 ms, 3s."""
    return None if seconds is None else f"{1_000 * seconds:.0f} ms" if seconds < 1 else age(seconds)


def _checkpoint_row(checkpoint: Mapping[str, Any]) -> list[Cell]:
    return [
        checkpoint["step"],
        aged(checkpoint["age_seconds"]),
        size(checkpoint["size_bytes"]),
        _reaction(checkpoint["write_seconds"]),
        checkpoint["path"],
    ]


_RUNS: Final = (
    Column("RUN"),
    Column("STATUS", paint=STATUSES),
    Column("HEALTH", right=True, rank=2),
    Column("STEP", right=True),
    Column("LOSS", right=True),
    Column("CANARY", right=True, rank=3),
    Column("RATE", right=True, rank=6),
    Column("TOKENS/S", right=True, rank=5),
    Column("CHECKPOINT", right=True, rank=4),
    Column("DIRECTED", rank=1, flexible=True, least=20),
    Column("AGE", right=True, rank=4),
    Column("HEARD", right=True),
    Column("NODE", rank=7),
    Column("NAME", flexible=True, rank=3),
)
_DIRECTIVES: Final = (
    Column("DIRECTIVE"),
    Column("AGE", right=True),
    Column("ASKED FOR", flexible=True, least=24),
    Column("WHAT CAME OF IT", flexible=True, least=16),
    Column("AFTER", right=True, rank=2),
    Column("ANSWER", flexible=True, rank=1, least=24),
    Column("WHY", flexible=True, rank=3, least=24),
    Column("ALERT", rank=4),
)
_CHECKPOINTS: Final = (
    Column("STEP", right=True),
    Column("AGE", right=True),
    Column("SIZE", right=True),
    Column("WRITTEN IN", right=True, rank=1),
    Column("PATH", flexible=True),
)
