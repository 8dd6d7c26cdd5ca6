"""What importing the door to NATS costs: nothing of a transport that is not spoken."""

import subprocess
import sys

from command_line import UNMEASURED

SCRIPT = """
import sys
import coord.services.log
assert "nats.aio.client" in sys.modules
assert "aiohttp" not in sys.modules
import aiohttp
"""


def test_nats_is_imported_without_its_websockets_which_others_may_still_import() -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-c", SCRIPT], env=UNMEASURED, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
