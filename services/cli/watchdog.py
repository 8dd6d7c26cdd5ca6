"""The verb watchdog: what its rules are, how good they are on real curves, and what they would have found."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from coord.events.errors import Exit, UsageError, visible
from coord.services.cli.bars import bar
from coord.services.cli.call import Call, note
from coord.services.cli.render import Column, print_table
from coord.services.cli.safe import safe
from coord.services.cli.terminal import out, out_json, painted
from coord.services.cli.values import as_name
from coord.services.detectors import catalog
from coord.services.detectors.finding import Finding
from coord.services.detectors.loss import LossSettings

if TYPE_CHECKING:
    from coord.services.bench.detectors import Report, Row
    from coord.services.detectors.scoring import Score
    from coord.services.watchdog.replay import Replayed

_OPTIONS: Final = {"bench": ("curves", "set"), "replay": ("run", "set"), "rules": ()}
"""What it can do, and which options are for that."""


def watchdog(call: Call) -> int:
    """List the rules, bench the detectors of loss, or replay a rule over a run."""
    action = call.text("action") or ""
    if action not in _OPTIONS:
        raise UsageError(f"watchdog cannot '{visible(action, 64)}'.", f"It can {', '.join(_OPTIONS)}.")
    for option in ("curves", "run", "set"):
        if (call.text(option) or call.many(option)) and option not in _OPTIONS[action]:
            raise UsageError(f"--{option} is not for watchdog {action}.")
    if action == "bench":
        return _bench(call)
    return _replay(call) if action == "replay" else _rules(call)


def _rules(call: Call) -> int:
    name = call.text("rule")
    rules = catalog.RULES if name is None else (catalog.find_rule(name),)
    if call.json:
        out_json([_rule_document(rule) for rule in rules])
        return 0
    print_table(_RULES, [(rule.name, rule.entity_kind, rule.what) for rule in rules])
    for kind, source in dict.fromkeys((rule.settings, rule.source) for rule in rules if rule.settings):
        own = [rule.name for rule in rules if (rule.settings, rule.source) == (kind, source)]
        out("")
        out(f"{', '.join(own)}; the thresholds come from {source}")
        print_table(_SETTINGS, [(one.name, _short(one.default), one.what) for one in catalog.described(kind)])
    bare = [rule for rule in rules if rule.settings is None]
    if bare:
        out("")
        print_table(_BARE, [(rule.name, rule.source) for rule in bare])
    return 0


def _short(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _rule_document(rule: catalog.Rule) -> dict[str, Any]:
    return {
        "rule": rule.name,
        "entity_kind": rule.entity_kind,
        "family": rule.family,
        "what": rule.what,
        "source": rule.source,
        "settings": [one._asdict() for one in catalog.described(rule.settings)],
    }


def _thresholds(call: Call) -> LossSettings:
    return catalog.read_settings(LossSettings, call.many("set"))


def _bench(call: Call) -> int:
    from coord.services.bench import curves, detectors

    if call.text("rule") is not None:
        raise UsageError("watchdog bench takes no rule: it scores them all.", "Try --set, e.g. --set k=6.")
    given = call.text("curves")
    folder = Path(given).expanduser() if given is not None else curves.own_folder()
    changed = _thresholds(call) if call.many("set") else None
    with bar("scoring", "curves", quiet=call.json) as told:
        report = detectors.run(
            curves.read_curves(folder),
            changed,
            lambda so_far: told.to(so_far.curves, words=f"{so_far.samples:,} samples"),
        )
    missed = report.missed()
    if call.json:
        out_json(_report_document(report, missed))
    else:
        _print_report(report, missed)
    return int(Exit.WANTING if missed else Exit.DONE)


def _print_report(report: "Report", missed: list[str]) -> None:
    marked = report.rows[0].marked
    out(
        f"{report.curves} curves, {report.samples:,} samples; {marked.spikes} spikes are marked, "
        f"{marked.majors} of them major"
    )
    families = list(report.rows[0].families)
    columns = [*_SCORES, *(Column(title.upper(), right=True, rank=2) for title in families)]
    print_table(columns, [_row(row, families) for row in report.rows])
    out("false alarms are per 10,000 samples; CLEAN is all families that are clean together")
    if report.broken:
        out("")
        print_table(
            _BROKEN,
            [
                (one.curve, one.samples, one.not_finite, one.longest, _or(one.found_at, "not alerted"))
                for one in report.broken
            ],
        )
    for sentence in missed:
        out(painted(safe(sentence), "bad"))
    if not missed:
        out(painted("every bar is met", "ok"))


def _or(value: int | None, otherwise: str) -> str:
    return otherwise if value is None else str(value)


def _row(row: "Row", families: list[str]) -> list[str | None]:
    marked = row.marked
    found = [f"{marked.spikes_found} of {marked.spikes}", f"{marked.majors_found} of {marked.majors}"]
    rates = [_rate(row.clean), *(_rate(row.families.get(family)) for family in families)]
    return [row.name, *(found if marked.spikes else [None, None]), *rates]


def _rate(score: "Score | None") -> str | None:
    return None if score is None or score.false_rate is None else f"{score.false_rate:.2f}"


def _report_document(report: "Report", missed: list[str]) -> dict[str, Any]:
    return {
        "curves": report.curves,
        "samples": report.samples,
        "detectors": [
            {
                "name": row.name,
                "judged": row.judged,
                "marked": _score_document(row.marked),
                "clean": _score_document(row.clean),
                "families": {name: _score_document(one) for name, one in row.families.items()},
            }
            for row in report.rows
        ],
        "not_finite": [asdict(one) for one in report.broken],
        "missed": missed,
    }


def _score_document(score: "Score") -> dict[str, Any]:
    return {**asdict(score), "major_recall": score.major_recall, "false_per_10k": score.false_rate}


def _replay(call: Call) -> int:
    name = call.text("rule")
    if name is None:
        raise UsageError("watchdog replay needs a rule.", f"It can replay {', '.join(_replayable())}.")
    rule = catalog.find_rule(name)
    if rule.family != "loss":
        raise UsageError(
            f"{rule.name} is not about the loss of a run.",
            f"Those are {', '.join(_replayable())}.",
        )
    run = call.read("run", as_name)
    if run is None:
        raise UsageError("watchdog replay needs a run: --run ID.", "coord runs lists what there is.")
    thresholds = _thresholds(call)
    from coord.services.watchdog.replay import replay

    with bar("replaying", "messages", quiet=call.json) as told:
        replayed = replay(call.settings, call.folder, rule.name, run, thresholds, told.to)
    if call.json:
        out_json(_replay_document(replayed, rule.name, run, thresholds))
    else:
        _print_replay(call, replayed, rule.name, run)
    return 0


def _replayable() -> Iterator[str]:
    return (rule.name for rule in catalog.RULES if rule.family == "loss")


def _print_replay(call: Call, replayed: "Replayed", rule: str, run: str) -> None:
    given = f" with {', '.join(call.many('set'))}" if call.many("set") else ""
    began = sum(finding.change == "began" for finding in replayed.findings)
    still = ", the last is open at the end" if replayed.open_at_end else ""
    incidents = f"{began or 'no'} incident{'' if began == 1 else 's'}{still}"
    out(f"{safe(rule)}{safe(given)} over {replayed.points:,} points of {run}: {incidents}")
    if replayed.findings:
        print_table(_FINDINGS, [_finding(one) for one in replayed.findings])
    out("")
    count = len(replayed.raised)
    out(f"what was done then: {count or 'no'} alert{'' if count == 1 else 's'} about {run}")
    if replayed.raised:
        print_table(
            _RAISED,
            [
                (
                    one.id, one.position, one.rule, one.severity,
                    "resolved" if one.resolved else "open", ", ".join(one.directives) or None, one.summary,
                )
                for one in replayed.raised
            ],
        )  # fmt: skip
    if replayed.dropped_points:
        note(f"{replayed.dropped_points:,} points were dropped by the run and are not in the log.")


def _finding(finding: Finding) -> list[str | int | None]:
    figures = finding.figures
    z = figures.get("z")
    return [
        int(figures["step"]),
        finding.change,
        None if z is None or finding.change == "ended" else f"{z:.1f}",
        finding.summary,
    ]


def _replay_document(replayed: "Replayed", rule: str, run: str, thresholds: LossSettings) -> dict[str, Any]:
    return {
        "rule": rule,
        "run": run,
        "settings": asdict(thresholds),
        "points": replayed.points,
        "dropped_points": replayed.dropped_points,
        "open_at_end": replayed.open_at_end,
        "findings": [_finding_document(finding) for finding in replayed.findings],
        "raised": [asdict(one) for one in replayed.raised],
    }


def _finding_document(finding: Finding) -> dict[str, Any]:
    figures: Mapping[str, float] = finding.figures
    return {
        "change": finding.change,
        "severity": finding.severity,
        "summary": finding.summary,
        "evidence": [{"stream": stream, "position": position} for stream, position in finding.evidence],
        "figures": {name: value if value - value == 0 else str(value) for name, value in figures.items()},
    }


_RULES: Final = (Column("RULE"), Column("ABOUT"), Column("WHEN", flexible=True))
_BARE: Final = (Column("WITHOUT THRESHOLDS OF ITS OWN"), Column("BECAUSE", flexible=True))
_SETTINGS: Final = (Column("SETTING"), Column("DEFAULT", right=True), Column("WHAT IT IS", flexible=True))
_SCORES: Final = (
    Column("DETECTOR", flexible=True),
    Column("SPIKES", right=True),
    Column("MAJOR", right=True),
    Column("CLEAN", right=True),
)
_BROKEN: Final = (
    Column("LOSS NOT FINITE IN", flexible=True),
    Column("SAMPLES", right=True, rank=1),
    Column("NOT FINITE", right=True),
    Column("RUNNING", right=True),
    Column("ALERTED AT", right=True),
)
_FINDINGS: Final = (
    Column("STEP", right=True),
    Column("CHANGE"),
    Column("Z", right=True),
    Column("WHAT", flexible=True),
)
_RAISED: Final = (
    Column("ALERT"),
    Column("POSITION", right=True, rank=2),
    Column("RULE"),
    Column("SEVERITY", rank=1),
    Column("STATUS"),
    Column("ASKED"),
    Column("WHAT", flexible=True),
)
