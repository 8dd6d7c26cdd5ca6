"""The verb token: who may ask over HTTP. A token is printed once, when it is made; after that only its name is known."""

from typing import Final

from coord.events.errors import UsageError
from coord.services import clock
from coord.services.api.tokens import SCOPES, Scope, known_tokens, make_token, revoke_token
from coord.services.cli.call import Call, note
from coord.services.cli.render import Cell, Column, aged, print_table
from coord.services.cli.safe import safe
from coord.services.cli.terminal import out_json, talk
from coord.services.cli.values import as_choice, as_name

ACTIONS: Final = ("create", "list", "revoke")
_SECOND_NS: Final = 1_000_000_000
_WHAT: Final = {"read": "everything", "metrics": "/metrics alone"}


def token(call: Call) -> None:
    """Make, list or revoke tokens."""
    call.only_this_house()
    action = as_choice(call.text("action") or "", "WHAT", ACTIONS)
    scope, name = call.text("for"), call.text("name")
    if scope is not None and action != "create":
        raise UsageError(f"--for is about a token that is made, and {action} makes none.")
    if action == "list":
        if name is not None:
            raise UsageError("list takes no name: it lists all.")
        _list(call)
    elif name is None:
        raise UsageError(f"{action} takes the name of a token.", f"Such as: coord token {action} prometheus")
    elif action == "create":
        _create(call, as_name(name, "the token"), "read" if scope is None else _scope(scope))
    else:
        revoke_token(call.folder, as_name(name, "the token"))
        call.show({"name": name, "revoked": True}, [])


def _scope(text: str) -> Scope:
    chosen = as_choice(text, "--for", SCOPES)
    return "read" if chosen == "read" else "metrics"


def _create(call: Call, name: str, scope: Scope) -> None:
    made = make_token(call.folder, name, scope, clock.now_ns())
    call.show({"name": name, "for": scope, "token": made}, [made])
    note(f"the token {name} may ask for {_WHAT[scope]}; it is shown this once.")


def _list(call: Call) -> None:
    known = sorted(known_tokens(call.folder).values())
    if call.json:
        out_json(
            {"rows": [{"name": one.name, "for": one.scope, "made_at_ns": one.made_at_ns} for one in known]}
        )
    elif not known:
        talk("coord: there are no tokens. Make one with: coord token create NAME")
    else:
        now_ns = clock.now_ns()
        rows: list[list[Cell]] = [
            [safe(one.name), _WHAT[one.scope], aged(max(0.0, (now_ns - one.made_at_ns) / _SECOND_NS))]
            for one in known
        ]
        print_table((Column("TOKEN"), Column("MAY ASK FOR"), Column("AGE", right=True)), rows)
