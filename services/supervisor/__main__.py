"""`up` as a program: `python -m coord.services.supervisor [NAME=MODULE ...]`; settings come as COORD_*."""

import sys

from coord.events.errors import CoordError
from coord.services.settings import load_settings
from coord.services.supervisor.up import up


def main(arguments: list[str]) -> int:
    """Run `up` with these services, or with all that are started here."""
    given = dict(argument.partition("=")[::2] for argument in arguments)
    try:
        return up(load_settings().settings, given or None)
    except CoordError as error:
        sys.stderr.write(f"{error}\n")
        return int(error.exit_code)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
