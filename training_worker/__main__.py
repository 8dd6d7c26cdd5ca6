"""`python -m coord.training_worker [FILE] [OPTIONS]`: what `coord train` does, for launchers such as torchrun.

    torchrun --nproc-per-node 2 -m -- coord.training_worker FILE --run NAME

(the `--` keeps torchrun from taking --run for an option of its own). The options are those of `coord train`; settings come from COORD_* and coord.toml.
"""

import argparse
import sys

from coord.events.errors import CoordError
from coord.services.settings import load_settings
from coord.training_worker.configuration import read_configuration
from coord.training_worker.options import FILE, OPTIONS

STOPPED = 130


def main(words: list[str]) -> int:
    """Train as a command line says, and return the exit code."""
    try:
        configuration = read_configuration(vars(_parser().parse_args(words)))
        settings = load_settings().settings
        from coord.training_worker.main import train

        ended = train(configuration, settings)
    except CoordError as error:
        sys.stderr.write(f"coord: {error}\n")
        return int(error.exit_code)
    except KeyboardInterrupt:
        return STOPPED
    if ended is None:
        return 0
    sys.stdout.write(f"{ended.sentence}\n")
    return STOPPED if ended.by_signal else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "coord.training_worker", description="Train a small model on a text.", allow_abbrev=False
    )
    parser.add_argument("file", nargs="?", help=FILE)
    for option in OPTIONS:
        what = option.sentence.replace("%", "%%")
        if not option.metavar:
            parser.add_argument(option.flag, action="store_true", help=what)
        else:
            action = "append" if option.many else "store"
            parser.add_argument(option.flag, metavar=option.metavar, action=action, help=what)
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
