"""deploy/secrets.sh, really run."""

import os
import subprocess
from pathlib import Path

from deployed import DEPLOY


def made_secrets(folder: Path) -> Path:
    """Make all secrets in a folder."""
    made = folder / "secrets"
    subprocess.run(
        ["sh", DEPLOY / "secrets.sh", made], check=True, capture_output=True, env={"PATH": os.environ["PATH"]}
    )
    return made


def variables_in(path: Path) -> dict[str, str]:
    """Read a file of NAME=value lines."""
    lines = path.read_text().splitlines()
    return dict(line.split("=", 1) for line in lines)
