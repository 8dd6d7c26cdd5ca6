"""The wall clock of one process, set wrong while it runs.

The kernel maps a page of code into every process, the vDSO, from which C and Go read the time without a system
call. Its `clock_gettime` is written over, in that process alone, with one that makes the call and adds to the
seconds of CLOCK_REALTIME; every other clock is answered as it is. So statically linked programs have a wrong
clock too, and one that no library is preloaded into.
"""

import os
import platform
import signal
import struct
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

from standing_still import stop

_SYMBOL: Final = b"__vdso_clock_gettime"
_CODE: Final = bytes.fromhex("b8e4000000 0f05 85ff 7507 488106")
"""mov eax, 228 (clock_gettime); syscall; test edi, edi; jne over the next; add qword [rsi], the seconds that follow."""
_RETURN: Final = b"\xc3"
_DYNAMIC_SYMBOLS: Final = 11
_TRIES_MAX: Final = 50


def can_be_set() -> str:
    """Say why no clock can be set wrong here; empty: it can."""
    if platform.machine() != "x86_64":
        return f"the code that sets a clock wrong is written for x86-64, and this is {platform.machine()}"
    try:
        _function(os.getpid())
        with Path("/proc/self/mem").open("r+b", buffering=0):
            return ""
    except (OSError, ValueError, LookupError) as error:
        return f"a clock cannot be set wrong here: {error}"


def shift(pid: int, seconds: int) -> None:
    """Set the wall clock of a process to so many seconds beside the right one; 0 sets it right.

    It is stopped meanwhile, and at a moment at which none of its threads reads the time.
    """
    address, size = _function(pid)
    code = _CODE + struct.pack("<i", seconds) + _RETURN
    assert len(code) <= size
    for _ in range(_TRIES_MAX):
        stop(pid)
        try:
            if not any(address <= at < address + size for at in _standing_at(pid)):
                with Path(f"/proc/{pid}/mem").open("r+b", buffering=0) as memory:
                    memory.seek(address)
                    memory.write(code)
                return
        finally:
            os.kill(pid, signal.SIGCONT)
    raise TimeoutError(f"a thread of {pid} always reads the time")


def _standing_at(pid: int) -> Iterator[int]:
    """Yield where in the code each thread of a stopped process stands."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        told = (thread / "syscall").read_text().split()
        if told[0] == "running":
            yield from (_function(pid)[0],)
        else:
            yield int(told[-1], 16)


def _function(pid: int) -> tuple[int, int]:
    """Return address and size of the function in a process."""
    for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
        if line.endswith("[vdso]"):
            start = int(line.partition("-")[0], 16)
            offset, size = _symbol()
            return start + offset, size
    raise LookupError("the process has no vDSO")


@cache
def _symbol() -> tuple[int, int]:
    """Find the function in this process's own vDSO: the kernel maps the same into all."""
    for line in Path("/proc/self/maps").read_text().splitlines():
        if line.endswith("[vdso]"):
            start, end = (int(part, 16) for part in line.split()[0].split("-"))
            with Path("/proc/self/mem").open("rb", buffering=0) as memory:
                memory.seek(start)
                return _find(memory.read(end - start))
    raise LookupError("this process has no vDSO")


def _find(image: bytes) -> tuple[int, int]:
    """Find the function in an ELF image of 64 bits."""
    table = struct.unpack_from("<Q", image, 40)[0]
    size, count = struct.unpack_from("<HH", image, 58)
    sections = [struct.unpack_from("<IIQQQQIIQQ", image, table + place * size) for place in range(count)]
    for section in sections:
        if section[1] == _DYNAMIC_SYMBOLS:
            names = sections[section[6]][4]
            for at in range(section[4], section[4] + section[5], section[9]):
                name, _, _, _, value, length = struct.unpack_from("<IBBHQQ", image, at)
                if image[names + name :].startswith(_SYMBOL + b"\0"):
                    return value, length
    raise LookupError("the vDSO has no clock_gettime")
