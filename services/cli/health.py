"""The verb health: a score from 0 to 100, and every reason why it is not 100."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from coord.services.cli.call import Call, note_cut, note_pause
from coord.services.cli.render import as_of, meaning_of
from coord.services.cli.safe import safe
from coord.services.cli.terminal import out, out_json, painted
from coord.services.cli.values import as_text

_ENTITY_LENGTH_MAX: Final = 80
_MARKS: Final = {"ok": "●", "warn": "▲", "bad": "✖"}
_EVIDENCE_SHOWN: Final = 5
_PARTS_SHOWN: Final = 10


def health(call: Call) -> None:
    """Print the score of the system, or of one entity."""
    entity = call.read("explain", lambda text, what: as_text(text, what, _ENTITY_LENGTH_MAX))
    answer = call.ask_now("health", entity=entity)
    if call.json:
        out_json(answer)
        return
    note_pause(answer)
    out(f"{_scored(answer['entity'], answer['score'])}{as_of(answer)}")
    _print_deductions(answer.get("deductions", ()), evidence=True)
    parts = answer.get("parts", ())
    poor = [part for part in parts if part["score"] < 100]
    for part in poor[:_PARTS_SHOWN]:
        out(_scored(part["entity"], part["score"]))
        _print_deductions(part.get("deductions", ()), evidence=entity is not None)
    rest = len(parts) - min(len(poor), _PARTS_SHOWN)
    if rest:
        better = "at 100" if len(poor) <= _PARTS_SHOWN else "better ones"
        out(painted(f"and {rest} more, {better}", "dim"))
    note_cut(answer)


def _scored(entity: str, score: float) -> str:
    meaning = meaning_of(score)
    return f"{painted(f'{_MARKS[meaning]} {_shown(score)}', meaning)}  {safe(entity)}"


def _shown(score: float) -> str:
    """Write a score so that 100 means 100: what is missing shows, however little."""
    below = math.floor(score * 10) / 10
    return f"{below:5.1f}".removesuffix(".0").rjust(5)


def _print_deductions(deductions: Sequence[Mapping[str, Any]], evidence: bool) -> None:
    for deduction in deductions:
        points = f"-{deduction['points']:.1f}".removesuffix(".0")
        where = _evidence(deduction.get("evidence", ())) if evidence else ""
        out(f"{points:>10}  {safe(deduction['name'])}: {safe(deduction['reason'])}{painted(where, 'dim')}")


def _evidence(positions: Sequence[Mapping[str, Any]]) -> str:
    if not positions:
        return ""
    shown = ", ".join(f"{entry['stream']} {entry['position']}" for entry in positions[:_EVIDENCE_SHOWN])
    more = f" and {len(positions) - _EVIDENCE_SHOWN} more" if len(positions) > _EVIDENCE_SHOWN else ""
    return safe(f"  [{shown}{more}]")
