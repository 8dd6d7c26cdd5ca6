"""`make verified`: runs every feature on a fresh house, and writes into README what that proved.

The house stays in .verify/ with its log and the transcripts, until the next run makes it anew.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
README: Final = ROOT / "README.md"
DATA: Final = ROOT / ".verify"
COORD: Final = str(Path(sys.executable).with_name("coord"))
BEGIN: Final = "<!-- features -->"
END: Final = "<!-- /features -->"


def table_in(text: str, begin: str = BEGIN, end: str = END) -> str:
    """Return what stands between two marks of a text; empty when it has none.

    Raises:
        ValueError: it begins and does not end.
    """
    if begin not in text:
        return ""
    table, found, _ = text.partition(begin)[2].partition(end)
    if not found:
        raise ValueError(f"{begin} is not followed by {end}.")
    return table.strip()


def with_table(text: str, table: str, begin: str = BEGIN, end: str = END) -> str:
    """Put a table in the place of the one that is there.

    Raises:
        ValueError: there is no place for one.
    """
    if begin not in text:
        raise ValueError(f"there is no {begin} in it.")
    table_in(text, begin, end)
    before, _, rest = text.partition(begin)
    return f"{before}{begin}\n{table.strip()}\n{end}{rest.partition(end)[2]}"


def coord(*words: str, **options: object) -> "subprocess.CompletedProcess[str]":
    """Run a command on the house of .verify/."""
    environment = {**os.environ, "COORD_DATA": str(DATA)}
    return subprocess.run([COORD, *words], env=environment, text=True, check=False, **options)  # type: ignore[call-overload,no-any-return]


def main() -> int:
    """Verify everything and write the table; return the exit code of the verification."""
    coord("down", stderr=subprocess.DEVNULL)
    shutil.rmtree(DATA, ignore_errors=True)
    coord("up", "--detach")
    try:
        code = coord("verify").returncode
        told = coord("verify", "--status", "--markdown", stdout=subprocess.PIPE)
    finally:
        coord("down")
    if told.returncode not in (0, 7):
        return told.returncode
    README.write_text(with_table(README.read_text("utf-8"), told.stdout), "utf-8")
    sys.stderr.write(f"README states what was verified; the evidence is in {DATA.name}/verified/.\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
