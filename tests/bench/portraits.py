"""Pictures of every view of the dashboard, from a real terminal on a real house.

    python -P tests/bench/portraits.py [--data DIR] [--out tui/pictures] [--views runs,work] [--sizes 120x40]

Without a data folder on which a house runs it plays `coord demo`; when the story is over and the house still up, more
is asked of it (work in hand, blocked, late and waiting), and the pictures are taken. Each is a PNG named VIEW-WxH.png.
"""

import argparse
import os
import shlex
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Final

TESTS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS))

from browsers import browser
from command_line import Cli
from houses import House
from pictures import draw
from terminals import PROMPT, Terminal, terminal
from web_servers import serving

from coord.services.demo.main import run as play_demo
from coord.services.folder import Folder

VIEWS = ("overview", "work", "agents", "runs", "nodes", "alerts", "events", "health")
SIZES = ("120x40", "80x24", "240x60")
BROWSER_SIZE = (1280, 800)
SETTLED_LOOKS = 12
"""So many looks in a row at an unchanged shape mean that the answers have come."""
LOOKS_MAX = 400
UNSETTLED = ("asking", "CONNECTING")


def portray(data: Path, out: Path, views: list[str], sizes: list[str]) -> list[Path]:
    """Take the picture of each view at each size; returns the files."""
    out.mkdir(parents=True, exist_ok=True)
    made = []
    with tempfile.TemporaryDirectory(prefix="coord-portraits-") as scratch:
        scripts = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        environment = {"HOME": scratch, "PATH": scripts, "LANG": "C.UTF-8", "COORD_DATA": str(data)}
        if "overview" in views and shutil.which("chromium"):
            made.append(
                _browser_portrait(House(Cli(Path(scratch), environment), Folder(data)), out / "browser.png")
            )
        for size in sizes:
            width, height = map(int, size.split("x"))
            root = Path(scratch) / size
            root.mkdir()
            with terminal(root, width, height, environment) as opened:
                for view in views:
                    made.append(_portrait(opened, view, width, out / f"{view}-{size}.png"))
                    sys.stdout.write(f"{made[-1]}\n")
    return made


def _browser_portrait(house: House, path: Path) -> Path:
    with serving(house) as url, browser(house.cli.home) as shown:
        shown.open(url, *BROWSER_SIZE)
        shown.wait_for("[1 Overview]", "now")
        for _ in range(SETTLED_LOOKS):
            shown.screenshot(path)
    return path


def _portrait(opened: Terminal, view: str, width: int, path: Path) -> Path:
    opened.run("coord", "tui", "--view", view)
    opened.wait_for(f"[{VIEWS.index(view) + 1} ")
    lines = _settled(opened)
    draw(lines, width, path, window=f"coord tui --view {view}")
    opened.press("q")
    opened.wait_for(PROMPT.strip())
    return path


def _settled(opened: Terminal) -> list[str]:
    """Return the screen once its shape does not change any more; figures may."""
    seen: list[list[int]] = []
    for _ in range(LOOKS_MAX):
        lines = opened.lines()
        seen.append([len(line.rstrip()) // 8 for line in lines])
        last = seen[-SETTLED_LOOKS:]
        if (
            len(last) == SETTLED_LOOKS
            and all(one == last[0] for one in last)
            and not any(words in "".join(lines) for words in UNSETTLED)
        ):
            break
    return opened.lines(colours=True)


def main() -> int:
    """Take the pictures that are asked for."""
    parser = argparse.ArgumentParser(description="pictures of every view of the dashboard")
    parser.add_argument("--data", type=Path, help="a folder on which a house runs; none: play the demo")
    parser.add_argument("--out", type=Path, default=TESTS.parent / "tui" / "pictures")
    parser.add_argument("--views", default=",".join(VIEWS))
    parser.add_argument("--sizes", default=",".join(SIZES))
    asked = parser.parse_args()
    views, sizes = asked.views.split(","), asked.sizes.split(",")
    if asked.data:
        portray(asked.data, asked.out, views, sizes)
        return 0
    with tempfile.TemporaryDirectory(prefix="coord-portraits-demo-") as folder:
        root = Path(folder) / "demo"
        return play_demo(root, lambda: _portray_demo(root, asked.out, views, sizes))


MORE: Final = (
    "register fay --team writers --capability review",
    "register gus --team writers",
    "submit 'evaluate the model of step 500' --id evaluate --team writers --priority 8 --lease 20m",
    "submit 'copy the corpus' --id copy --team writers --priority 6 --lease 20m --deadline 'in 1s'",
    "claim evaluate --agent fay",
    "claim copy --agent gus",
    "progress evaluate --agent fay --fraction 40% --note '20 of 50 files'",
    "submit 'write the report' --id report --team writers --after evaluate --deadline 'in 2h'",
    "submit 'publish the model' --id publish --team writers --after report --priority 7",
    "submit 'train the larger model' --id train-large --priority 9 --capability gpu",
    "submit 'delete old checkpoints' --id clean --team writers --priority 2 --not-before 'in 2h'",
    "block clean --reason 'a person looks first'",
    "drain dan --reason 'its machine is restarted'",
)
"""What is asked of the demo's house when its story is over."""


def _portray_demo(root: Path, out: Path, views: list[str], sizes: list[str]) -> None:
    house = House(Cli(root, {**os.environ, "COORD_DATA": str(root / "data")}), Folder(root / "data"))
    for words in MORE:
        house.ask(*shlex.split(words))
    portray(root / "data", out, views, sizes)


if __name__ == "__main__":
    sys.exit(main())
