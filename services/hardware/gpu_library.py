"""Whether NVIDIA's library is here, and the process that alone uses it."""

import os
import sys
from typing import Final

LIBRARY: Final = "libnvidia-ml.so.1"
COMMAND: Final = (sys.executable, "-P", "-m", "coord.services.hardware.gpu_child")


def library_loads() -> bool:
    """Tell whether the driver's library is here; it is not kept loaded."""
    import _ctypes

    try:
        _ctypes.dlclose(_ctypes.dlopen(LIBRARY, os.RTLD_LAZY))
    except OSError:
        return False
    return True
