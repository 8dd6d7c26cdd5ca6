"""The generated files that are committed, and `make documents`, which writes them.

Run as a script it writes what is new. It refuses to change the shape of a type that is already stored
somewhere, unless that type is named: `python tests/golden.py --reshape work.claimed.v2` is for a type that
was never released.
"""

import argparse
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from rule_texts import MODULE, written_rules

from coord.events.documents import asyncapi
from coord.events.schemas import STORED, json_schema
from coord.services.cli.completion import SCRIPTS
from coord.services.cli.manual import mdoc
from coord.services.cli.page import reference

ROOT: Final = Path(__file__).resolve().parent.parent
ASYNCAPI: Final = ROOT / "deploy" / "asyncapi.json"
COMMANDS: Final = ROOT / "tests" / "data" / "commands.txt"
MANUAL: Final = ROOT / "deploy" / "man" / "coord.1"
COMPLETIONS: Final = {
    "bash": ROOT / "deploy" / "completions" / "bash" / "coord",
    "zsh": ROOT / "deploy" / "completions" / "zsh" / "_coord",
    "fish": ROOT / "deploy" / "completions" / "fish" / "coord.fish",
}
"""Each where its shell looks for it, once it is installed: a file is called as its shell wants it."""
SHAPES: Final = ROOT / "tests" / "data" / "schemas.json"
HOW_TO_CHANGE: Final = (
    "what is stored is never rewritten and must stay readable, so a stored shape never changes. Add the new "
    "shape as the next version in events/catalog.py, keep the old one in events/upcasters.py with the function "
    "that reads it as the new one, give both an example, and run `make documents`. (A type that was never "
    "released: `python tests/golden.py --reshape TYPE`.)"
)


def shapes() -> dict[str, Any]:
    """Return the shape of every stored type: its JSON Schema without the sentences meant for people."""
    return {type_: _without_prose(json_schema(type_)) for type_ in sorted(STORED)}


def changes(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Return the types whose stored shape differs or is gone; new types are no change."""
    return [type_ for type_, shape in before.items() if now.get(type_) != shape]


def written(value: Any) -> str:
    """Return the text of a generated file."""
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


def deployment() -> dict[Path, str]:
    """Return what is generated of the deployment, by file: the dashboards, and the server's users."""
    from boards.writing import BOARDS, file_name, written
    from nats_confs import users_conf

    boards = ROOT / "deploy" / "grafana" / "dashboards"
    return {
        **{boards / file_name(board): written(board) for board in BOARDS},
        ROOT / "deploy" / "nats" / "users.conf": users_conf(),
    }


def _without_prose(node: Any) -> Any:
    if isinstance(node, dict):
        return {
            key: {name: _without_prose(inner) for name, inner in value.items()}
            if key in ("properties", "$defs")
            else _without_prose(value)
            for key, value in node.items()
            if key not in ("description", "title", "$schema")
        }
    return [_without_prose(inner) for inner in node] if isinstance(node, list) else node


def main(reshaped: Iterable[str]) -> int:
    """Write the generated files; 1 when a stored shape would change."""
    before = json.loads(SHAPES.read_text()) if SHAPES.exists() else {}
    now = shapes()
    changed = [type_ for type_ in changes(before, now) if type_ not in set(reshaped)]
    if changed:
        sys.stderr.write(f"{', '.join(changed)} changed shape: {HOW_TO_CHANGE}\n")
        return 1
    SHAPES.write_text(written(now))
    ASYNCAPI.write_text(written(asyncapi()))
    COMMANDS.write_text(reference())
    MODULE.write_text(written_rules())
    MANUAL.write_text(mdoc())
    for shell, path in COMPLETIONS.items():
        path.write_text(SCRIPTS[shell])
    for path, text in deployment().items():
        path.write_text(text)
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Write the generated files that are committed.")
    parser.add_argument("--reshape", nargs="*", default=[], metavar="TYPE")
    sys.exit(main(parser.parse_args().reshape))
