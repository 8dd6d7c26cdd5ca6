"""The verb weigh: say what a part of health may cost at most, or list what each may."""

from typing import Any, Final

from coord.events.errors import UsageError
from coord.events.weights import WEIGHTS
from coord.services.cli.call import Call
from coord.services.cli.render import Cell, Column, Toned, as_of, print_table
from coord.services.cli.safe import safe
from coord.services.cli.terminal import out, out_json
from coord.services.cli.values import as_choice, as_points


def weigh(call: Call) -> None:
    """Change the weight of a part where one is named, and list all where none is."""
    part, points, usual = call.text("part"), call.text("points"), call.on("usual")
    if part is None:
        if usual or points is not None or call.text("request_id") is not None:
            raise UsageError("which part of health is meant is not said.", "coord weigh lists them.")
        _list(call)
        return
    if call.text("at") is not None:
        raise UsageError("what a part costs from now on is said, and never of the past.", "Leave --at away.")
    name = as_choice(part, "PART", WEIGHTS)
    if (points is None) is not usual:
        raise UsageError(f"what {name} may cost must be said once.", "Say --points N, or --usual.")
    wanted = call.read("points", as_points)
    reply = call.tell("weigh", call.request_id(), {"part": name, "points": wanted}, call.person())
    already = " (already)" if reply.get("already") else ""
    call.show(reply, [f"{name}  costs {reply['points']:g} points at most{already}"])


def _list(call: Call) -> None:
    answer = call.ask("health")
    weights, lost = answer["weights"], {one["name"]: one["points"] for one in answer.get("deductions", ())}
    if call.json:
        out_json({"as_of": answer["as_of"], "weights": weights, "usual": WEIGHTS})
        return
    out(f"what each part of health may cost at most{as_of(answer)}")
    heaviest = sorted(weights, key=lambda part: (-weights[part], part))
    print_table(_COLUMNS, [_row(part, weights[part], lost.get(part)) for part in heaviest])


def _row(part: str, points: float, lost: Any) -> list[Cell]:
    usual = WEIGHTS.get(part, points)
    return [
        safe(part),
        Toned(f"{points:g}", "" if points == usual else "accent"),
        f"{usual:g}",
        None if lost is None else Toned(f"-{lost:.1f}", "warn"),
    ]


_COLUMNS: Final = (
    Column("PART"),
    Column("POINTS", right=True),
    Column("USUAL", right=True),
    Column("LOST NOW", right=True),
)
