"""The process that alone talks to the NVIDIA driver: one request a line in, one JSON line out.

    describe      {"driver": ..., "count": 2, "gpus": [...]}
    read          {"points": [[metric, device, value], ...]}
    read seldom   the same, with what changes seldom
    processes     {"processes": [[pid, bytes], ...]}
    busy          {"busy": [pid, ...]}: those that used a GPU since that was asked last

Any answer also says {"renewed": true} when NVML was initialised anew for it.
Any of them may answer {"fault": "..."}, and then this process ends. A driver call may never return: whoever
asks keeps a deadline and kills this process. It ends by itself with its input, and with its parent.
"""

import ctypes
import json
import signal
import sys
from typing import Any, Final

import pynvml

from coord.services.clock import monotonic
from coord.services.hardware.gpu_readings import Gpus

RENEW_SECONDS: Final = 60.0
"""NVML sees a GPU that came back only when it is initialised again; while one is lost, that often."""
_SET_PARENT_DEATH_SIGNAL: Final = 1


def main() -> int:
    """Answer until the input ends."""
    ctypes.CDLL(None).prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        gpus, since = Gpus(), monotonic()
        for line in sys.stdin:
            renewed = gpus.lost and monotonic() - since > RENEW_SECONDS
            if renewed:
                gpus.close()
                gpus, since = Gpus(), monotonic()
            _say(_answer(gpus, line.strip()) | ({"renewed": True} if renewed else {}))
    except pynvml.NVMLError as error:
        _say({"fault": str(error)})
        return 1
    except BrokenPipeError:
        return 0
    return 0


def _answer(gpus: Gpus, asked: str) -> dict[str, Any]:
    if asked == "describe":
        return gpus.describe()
    if asked == "processes":
        return {"processes": gpus.processes()}
    if asked == "busy":
        return {"busy": gpus.busy()}
    return {"points": gpus.read(with_seldom=asked == "read seldom")}


def _say(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer, separators=(",", ":")) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
