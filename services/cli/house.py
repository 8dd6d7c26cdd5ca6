"""The verbs of the house: up, down, serve, demo, bench, rebuild, config, schema."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any, Final

from coord.events.errors import FoundWanting, NoServer, UsageError, visible
from coord.services import client
from coord.services.cli.bars import Bar, bar, waiting
from coord.services.cli.call import Call, note
from coord.services.cli.render import Column, print_table
from coord.services.cli.safe import safe, safe_json
from coord.services.cli.terminal import flush, out, out_json
from coord.services.folder import HTTP_PLACE, PROJECTOR_SOCKET
from coord.services.settings import describe, shown

_INDENT: Final = 2
_LOST_SHOWN: Final = 5


def up(call: Call) -> int:
    """Start the server and all services."""
    from coord.services.supervisor.up import up as run

    detach = call.on("detach")
    with _starting(call) if detach else nullcontext():
        code = run(call.settings, detach=detach)
    if detach and code == 0:
        server = call.folder.read_json("server.json") or {}
        running = call.folder.read_json("up.json") or {}
        document = {"data": str(call.folder.root), "url": server.get("url"), "pid": running.get("pid")}
        line = f"up on {call.folder.root}: process {document['pid']}, server {shown(document['url'])}"
        if call.settings.http_port is not None:
            document["http"] = (call.folder.read_json(HTTP_PLACE) or {}).get("url")
            line += f", questions at {document['http']}"
        call.show(document, [safe(line)])
    return code


def down(call: Call) -> int:
    """Stop what `coord up` started."""
    from coord.services.supervisor.up import down as run

    with bar("stopping", quiet=call.json, ticking=True):
        code = run(call.settings)
    call.show({"data": str(call.folder.root), "stopped": True}, [])
    return code


def serve(call: Call) -> None:
    """Run one service until told to stop."""
    from coord.services.supervisor.serve import serve as run

    run(call.text("service") or "", call.settings)


def demo(call: Call) -> int:
    """Play the demo in a folder of its own."""
    import shutil
    import sys
    from pathlib import Path

    folder = Path(call.text("folder") or ".demo").absolute()
    made_before = (folder / "made").is_dir() and (folder / "data").is_dir()
    if folder.exists() and not made_before and not (folder.is_dir() and not any(folder.iterdir())):
        raise UsageError(
            f"{visible(str(folder), 200)} holds something that no demo made, and the demo makes its folder anew.",
            "Name another folder.",
        )
    shutil.rmtree(folder, ignore_errors=True)
    if not call.on("story") and sys.stdin.isatty() and sys.stdout.isatty():
        from coord.services.demo.live import run_live

        folder.mkdir(parents=True)
        return run_live(folder)
    from coord.services.demo.main import run

    return run(folder)


def bench(call: Call) -> int:
    """Run the benchmarks on a house of their own."""
    from coord.services.bench.main import run

    with bar("measuring", ticking=True) as told:

        def say(text: str) -> None:
            with told.aside():
                out(text)
                flush()

        return run(call.settings, say)


def rebuild(call: Call) -> None:
    """Have the projector build its tables anew, or do it here where none is meant to run."""
    with bar("rebuilding", "messages", quiet=call.json, ticking=True) as told:
        try:
            path = "/v1/rebuild" + ("?from=archive" if call.on("from_archive") else "")
            progress: dict[str, Any] = {}
            for line in client.lines(call.folder, PROJECTOR_SOCKET, "POST", path, None):
                progress = client.progress(line)
                _tell_progress(call, told, progress)
        except NoServer as error:
            if error.reply is not None or client.supervisor(call.folder) is not None:
                raise
            progress = _rebuild_offline(call, told)
    _need_whole(progress, call.on("from_archive"))


def config(call: Call) -> None:
    """Print every setting with its value and where that came from."""
    loaded, meanings = call.loaded, describe()
    values = {name: getattr(loaded.settings, name) for name in loaded.settings.known}
    if call.json:
        out_json({
            name: {"value": _plain(value), "origin": loaded.origins[name], "what": meanings[name]}
            for name, value in values.items()
        })  # fmt: skip
    else:
        print_table(
            _CONFIG,
            [(name, shown(value), loaded.origins[name], meanings[name]) for name, value in values.items()],
        )
    address = loaded.settings.nats
    if address and shown(address) != address:
        note("the password in nats can be read by whoever reads that setting; see nats_credentials.")


def schema(call: Call) -> None:
    """Print a JSON Schema, the names of all, or the AsyncAPI document."""
    from coord.events import documents

    name = call.text("type")
    if call.on("asyncapi"):
        if name is not None:
            raise UsageError("--asyncapi is about everything, not about one type.")
        document: Any = documents.asyncapi()
    elif name is not None:
        document = documents.json_schema(name)
    else:
        call.show(list(documents.names()), map(safe, documents.names()))
        return
    if call.json:
        out_json(document)
    else:
        out(safe_json(document, _INDENT))


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, bool | int | float) else shown(value)


@contextmanager
def _starting(call: Call) -> Iterator[None]:
    """Tell how many of the services serve already; up.json says so."""

    def look() -> tuple[int, int]:
        states = (call.folder.read_json("up.json") or {}).get("states", {})
        return sum(state == "serving" for state in states.values()), len(states)

    with waiting("starting", look, "services serve", quiet=call.json):
        yield


def _rebuild_offline(call: Call, told: Bar) -> dict[str, Any]:
    """Rebuild in this process; returns what was told last."""
    from coord.services.projector.rebuild import rebuild as run

    last: dict[str, Any] = {}

    def tell(progress: dict[str, Any]) -> None:
        last.clear()
        last.update(progress)
        _tell_progress(call, told, progress)

    run(call.settings, tell, call.on("from_archive"))
    return last


def _need_whole(told: Mapping[str, Any], from_archive: bool) -> None:
    """Say which events are in no table any more.

    Raises:
        FoundWanting: there are such.
    """
    lost = told.get("lost")
    if lost:
        places = ", ".join(
            str(first) if first == last else f"{first} to {last}" for first, last in lost[:_LOST_SHOWN]
        )
        more = f" and {len(lost) - _LOST_SHOWN} more" if len(lost) > _LOST_SHOWN else ""
        raise FoundWanting(
            f"the log has lost the events at {places}{more}: what they told is in no table any more.",
            "Restore a backup that has them: coord restore."
            if from_archive
            else "An archive may have them: coord rebuild --from-archive.",
        )


def _tell_progress(call: Call, told: Bar, progress: dict[str, Any]) -> None:
    """Move the bar, and print how it ended."""
    if call.json:
        out_json(progress)
        return
    match progress.get("phase"):
        case "reading":
            told.to(
                progress.get("position", 0), progress.get("until"), f"of {progress.get('stream', 'the log')}"
            )
        case "done":
            differ = f"these tables differ: {progress.get('differing')}"
            outcome = "every table equals the one it replaces" if progress.get("equal") else differ
            with told.aside():
                out(safe(f"done: {progress.get('events')} events; {outcome}"))
        case phase:
            told.to(0, words=str(phase))


_CONFIG: Final = (
    Column("SETTING"),
    Column("VALUE"),
    Column("FROM", rank=1),
    Column("WHAT IT IS", rank=2, flexible=True),
)
