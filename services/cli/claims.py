"""`coord verify claims`: every figure that README states, measured again and compared."""

from typing import Any, Final

from coord.events.errors import Exit, FoundWanting, UsageError
from coord.services.cli.bars import bar
from coord.services.cli.call import Call, note
from coord.services.cli.render import Column, print_table
from coord.services.cli.safe import safe
from coord.services.cli.terminal import out_json
from coord.services.verification.claims import CLAIMS, Stated, Verdict, choose, claims_in
from coord.services.verification.features import own_place
from coord.services.verification.measuring import MEASUREMENTS, measure

_MARKS: Final = {"true": "ok", "bar missed": "bad", "not as stated": "bad", "not measured": "warn"}


def claims(call: Call) -> int:
    """Measure the figures of README, or one of them, and compare."""
    place = own_place()
    if place is None:
        raise UsageError("this coord is installed without its README.", "Run it from a source checkout.")
    stated = choose(claims_in((place.root / "README.md").read_text("utf-8")), call.text("name"))
    wanted = {CLAIMS[one.name].measure for one in stated}
    measured: dict[str, float] = {}
    faults: dict[str, str] = {}
    chosen = [name for name in MEASUREMENTS if name in wanted]
    with bar("measuring", "measurements", len(chosen), quiet=call.json, ticking=True) as told:
        for count, name in enumerate(chosen):
            told.to(count, words=name)
            try:
                measured.update(measure(name, call.settings, place.root))
            except FoundWanting as fault:
                faults[name] = str(fault)
    verdicts = [_verdict(one, measured, faults) for one in stated]
    if call.json:
        out_json([_document(one) for one in verdicts])
    else:
        print_table(_CLAIMS, [_row(one) for one in verdicts])
        for one in verdicts:
            if one.why:
                note(f"{one.name} was not measured: {safe(one.why)}")
    wrong = [one.name for one in verdicts if one.word != "true"]
    note(f"{len(verdicts) - len(wrong)} of {len(verdicts)} figures are true here.")
    return int(Exit.WANTING if wrong else Exit.DONE)


def _verdict(stated: Stated, measured: dict[str, float], faults: dict[str, str]) -> Verdict:
    claim = CLAIMS[stated.name]
    value = measured.get(stated.name)
    why = faults.get(claim.measure, "its measurement does not give it") if value is None else ""
    return Verdict(stated.name, claim, stated.value, value, why)


def _document(one: Verdict) -> dict[str, Any]:
    return {
        "name": one.name,
        "what": one.claim.what,
        "unit": one.claim.unit,
        "stated": one.stated,
        "measured": one.measured,
        "bar": one.claim.bar_told,
        "verdict": one.word,
        "why": one.why or None,
    }


def _row(one: Verdict) -> list[str | int | None]:
    measured = None if one.measured is None else f"{one.measured:.3g}"
    return [
        one.name,
        one.claim.what,
        f"{one.stated:.3g}",
        measured,
        one.claim.unit,
        one.claim.bar_told,
        one.word,
    ]


_CLAIMS: Final = (
    Column("CLAIM"),
    Column("WHAT", flexible=True, rank=1),
    Column("STATED", right=True),
    Column("MEASURED", right=True),
    Column("UNIT"),
    Column("BAR", rank=2),
    Column("VERDICT", paint=_MARKS),
)
