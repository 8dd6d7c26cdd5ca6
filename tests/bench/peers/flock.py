"""The old way: a shell script that takes a lock, rewrites a JSON file with jq, and flushes it.

A loop of shells a worker. What a file holds is rewritten for each change, so few items are given.
"""

import itertools
import json
import os
import sys
from pathlib import Path

from bench.peers.talk import BEGUN, Crew, Driver, serve

SCRIPT = """
set -eu
cd "$1"
rewrite() {
    jq -rc "$@" items.json >items.out
    tail -n +2 items.out >items.new
    sync items.new
    mv items.new items.json
    head -n 1 items.out
}
claim() {
    flock 9
    id=$(rewrite --arg agent "$1" '([.[].status] | index("open")) as $n | if $n == null then "", . else
        .[$n].id, (.[$n] |= (.status = "claimed" | .agent = $agent)) end')
}
complete() {
    flock 9
    rewrite --arg id "$id" --arg agent "$1" \
        '"", map(if .id == $id and .agent == $agent then .status = "completed" else . end)'
}
while claim "$2" 9>lock && [ -n "$id" ]; do
    [ -n "${told:-}" ] || echo "pid $$" >>"$3"
    told=yes
    complete "$2" 9>lock >/dev/null
done
"""


class Flock(Driver):
    """The driver."""

    def __init__(self, where: str) -> None:
        self._numbers = itertools.count()
        self._root = self._folder = Path(where)

    def fill(self, count: int) -> None:
        """Write a fresh file."""
        self._folder = self._root / f"flock-{next(self._numbers)}"
        self._folder.mkdir()
        items = [{"id": f"item-{number}", "status": "open"} for number in range(count)]
        (self._folder / "items.json").write_text(json.dumps(items))

    def left(self) -> int:
        """Count what is not completed."""
        items = json.loads((self._folder / "items.json").read_text())
        return sum(one["status"] != "completed" for one in items)

    def crew(self, workers: int) -> Crew:
        """A loop of shells a worker; the lock is not fair, so one of them may keep the others out for long."""
        run = ("sh", "-c", SCRIPT, "flock", str(self._folder))
        return Crew([(*run, f"agent-{one}", os.environ[BEGUN]) for one in range(workers)], 1)


if __name__ == "__main__":
    serve(Flock(sys.argv[2]))
