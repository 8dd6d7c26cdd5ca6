"""The verb verify: runs features and records what they prove, or says what is proved."""

from collections.abc import Sequence
from typing import Any, Final

from coord.events.errors import Exit, NothingThere, UsageError
from coord.services.cli.bars import bar
from coord.services.cli.call import Call, note, note_cut
from coord.services.cli.render import Column, as_of, print_table
from coord.services.cli.safe import safe
from coord.services.cli.terminal import flush, out, out_json, painted
from coord.services.cli.values import ROWS_MAX
from coord.services.verification import recording, runner
from coord.services.verification.features import choose, find_place, own_place, read_features
from coord.services.verification.recording import Record, Recorder
from coord.services.verification.runner import Result
from coord.services.verification.status import Standing, markdown, standings
from coord.services.wording import age

CLAIMS: Final = "claims"
_MARKS: Final = {"passed": "ok", "failed": "bad", "skipped": "warn", "never": "warn"}
_DIGEST_SHOWN: Final = 8


def verify(call: Call) -> int:
    """Run scenarios, say what is verified, show a transcript, or measure the figures of README."""
    modes = [name for name in ("status", "transcript") if call.on(name)]
    if len(modes) > 1:
        raise UsageError("--status and --transcript are two questions.", "Ask one.")
    if call.on("markdown") and modes != ["status"]:
        raise UsageError("--markdown is for --status.")
    if call.text("name") is not None and call.text("what") != CLAIMS:
        raise UsageError("one feature or scenario is run at a time.", "Without one, all are.")
    if call.text("what") == CLAIMS and not modes:
        from coord.services.cli.claims import claims

        return claims(call)
    if modes == ["status"]:
        return _status(call)
    if modes == ["transcript"]:
        return _transcript(call)
    return _run(call)


def _run(call: Call) -> int:
    place = find_place(call.text("features"))
    runner.needs()
    chosen = choose(read_features(place.features), call.text("what"))
    commit = recording.commit_of(place.root)
    recorder = None if call.on("no_record") else Recorder(call.settings, commit)
    if recorder:
        recorder.check()
    results = []
    with bar("verifying", "scenarios", len(chosen), quiet=call.json, ticking=True) as told:
        for result in runner.run(place, chosen):
            record = recorder.record(result) if recorder else None
            results.append(result)
            with told.aside():
                call.show(_document(result, commit, record), _lines(result))
                flush()
            told.to(len(results), words=_failures(results))
    failed = [one for one in results if one.outcome != "passed"]
    where = f", recorded on {call.folder.root}" if recorder else ", not recorded"
    note(f"{len(results) - len(failed)} of {len(results)} passed at {commit}{where}.")
    return int(Exit.WANTING if failed else Exit.DONE)


def _failures(results: Sequence[Result]) -> str:
    count = sum(one.outcome != "passed" for one in results)
    return f"{count} not passed" if count else ""


def _document(result: Result, commit: str, record: Record | None) -> dict[str, Any]:
    told = {
        "id": result.scenario.id,
        "feature": result.scenario.feature,
        "scenario": result.scenario.title,
        "outcome": result.outcome,
        "seconds": round(result.seconds, 3),
        "reason": result.reason,
        "commit": commit,
    }
    if record is None:
        return told
    return told | {
        "position": record.position,
        "transcript": record.transcript,
        "transcript_sha256": record.transcript_sha256,
    }


def _lines(result: Result) -> list[str]:
    mark = painted(f"{result.outcome:<7}", _MARKS[result.outcome])
    line = f"{mark}  {result.seconds:5.1f} s  {safe(result.scenario.feature)}: {safe(result.scenario.title)}"
    return [line, f"                  {safe(result.reason)}"] if result.reason else [line]


def _status(call: Call) -> int:
    place = find_place(call.text("features")) if call.text("features") else own_place()
    features = read_features(place.features) if place else []
    answer = call.ask("scenarios", limit=ROWS_MAX)
    found = standings(features, answer["rows"])
    if call.text("what") is not None:
        ids = {one.id for one in choose(features, call.text("what"))}
        found = [one for one in found if one.id in ids]
    if call.json:
        out_json({"as_of": answer["as_of"], "rows": [_standing(one) for one in found]})
    elif call.on("markdown"):
        out(markdown(features, found))
    else:
        _print_standings(found, answer)
    note_cut(answer)
    return int(Exit.WANTING if any(one.wanting for one in found) else Exit.DONE)


def _standing(one: Standing) -> dict[str, Any]:
    return {
        **one.last,
        "id": one.id,
        "feature": one.feature,
        "scenario": one.scenario,
        "outcome": one.outcome,
        "judged": one.judged,
    }


def _print_standings(found: Sequence[Standing], answer: Any) -> None:
    judged = [one for one in found if one.judged]
    counts = {name: sum(one.outcome == name for one in judged) for name in _MARKS}
    rest = "".join(f", {counts[name]} {name}" for name in ("failed", "skipped") if counts[name])
    never = f", {counts['never']} never run here" if counts["never"] else ""
    out(f"{counts['passed']} of {len(judged)} scenarios passed{rest}{never}{as_of(answer)}")
    if found:
        print_table(_STANDINGS, [_row(one) for one in found])
    for one in found:
        if one.last.get("reason"):
            out(f"{safe(one.scenario)}: {safe(one.last['reason'])}")


def _row(one: Standing) -> list[str | int | None]:
    digest = (one.last.get("transcript_sha256") or "")[:_DIGEST_SHOWN]
    evidence = f"{one.last['transcript']} {digest}" if one.last.get("transcript") else None
    when = age(one.last["age_seconds"]) if one.last else None
    feature = one.feature if one.judged else f"({one.feature})"
    return [feature, one.id, one.scenario, one.outcome, when, one.last.get("commit"), evidence]


def _transcript(call: Call) -> int:
    """Print what a scenario did when it was last run, after checking that this is what was recorded."""
    text = call.text("what")
    if text is None:
        raise UsageError("--transcript is about one scenario.", "Name it: coord verify SCENARIO --transcript")
    place = find_place(call.text("features")) if call.text("features") else own_place()
    rows = call.ask("scenarios", limit=ROWS_MAX)["rows"]
    by_id = {row["id"]: row for row in rows}
    chosen = [one.id for one in choose(read_features(place.features) if place else [], text)]
    if len(chosen) != 1:
        raise UsageError(f"'{safe(text)}' means {len(chosen)} scenarios.", "Name one.")
    row = by_id.get(chosen[0])
    if row is None or not row.get("transcript"):
        raise NothingThere(f"'{safe(text)}' was never run here.", f"Run it: coord verify {chosen[0]}")
    told = recording.read_transcript(call.folder, row["transcript"], row["transcript_sha256"])
    if call.json:
        out_json({**row, "text": told})
    else:
        for line in told.splitlines():
            out(safe(line))
    return 0


_STANDINGS: Final = (
    Column("FEATURE", rank=3),
    Column("ID"),
    Column("SCENARIO", flexible=True, rank=4),
    Column("OUTCOME", paint=_MARKS),
    Column("WHEN", right=True, rank=1),
    Column("COMMIT", rank=2),
    Column("EVIDENCE", rank=5),
)
