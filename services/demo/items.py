"""The demo's work: sixty small real jobs on real files, and how each result is checked again."""

import gzip
import hashlib
import json
import marshal
import shutil
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from types import CodeType
from typing import Any, Final

TASKS: Final = ("sha256", "lines", "words", "gzip", "compile")
FILES: Final = 12
LEASE_SECONDS: Final = 3
_PYC_HEADER_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class Item:
    """One job: a task on a copy of a source file."""

    id: str
    task: str
    file: Path

    @property
    def line(self) -> str:
        """The item as `coord submit -` reads it."""
        return json.dumps(
            {
                "id": self.id,
                "title": f"{self.task} {self.file}",
                "priority": 5 + (self.task == "compile"),
                "lease": f"{LEASE_SECONDS}s",
            }
        )


def make_items(folder: Path) -> list[Item]:
    """Copy the largest modules of Python's standard library, and make the jobs on them."""
    library = Path(sysconfig.get_path("stdlib"))
    sources = sorted(library.glob("*.py"), key=lambda path: (-path.stat().st_size, path.name))[:FILES]
    folder.mkdir(parents=True)
    items = []
    for task in TASKS:
        for source in sources:
            copy = folder / f"{source.stem}.{task}.py" if task == "compile" else folder / source.name
            shutil.copyfile(source, copy)
            items.append(Item(f"{task}-{source.stem.strip('_')}", task, copy))
    return items


def check(item: Item, result: Any, made: Path) -> str | None:
    """Do the job again here and compare; return what is wrong, or None."""
    if not isinstance(result, dict) or not {"made", "sha256"} <= result.keys():
        return f"{item.id} has no result"
    content = (made / Path(str(result["made"])).name).read_bytes()
    if hashlib.sha256(content).hexdigest() != result["sha256"]:
        return f"{item.id}: the file is not the one that was completed"
    if not _is_right(item, content):
        return f"{item.id}: doing it again gives something else"
    return None


def _is_right(item: Item, content: bytes) -> bool:
    source = item.file.read_bytes()
    match item.task:
        case "sha256":
            return content.split()[0].decode() == hashlib.sha256(source).hexdigest()
        case "lines":
            return int(content) == source.count(b"\n")
        case "words":
            return int(content) == len(source.split())
        case "gzip":
            return gzip.decompress(content) == source
    code = marshal.loads(content[_PYC_HEADER_BYTES:])
    return isinstance(code, CodeType) and code.co_filename == str(item.file)
