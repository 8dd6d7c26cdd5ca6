"""The users of a server that is not embedded: the embedded server's own text, with each password a variable."""

import json
import tempfile
from pathlib import Path
from typing import Final

from coord.services.folder import Folder
from coord.services.server.credentials import ROLES, inbox_of, users_text
from coord.services.settings import Settings

DEFAULT_SITE: Final = "local"

_OPENING: Final = """\
# Who may do what: what the embedded server writes for the site "local", with passwords from the environment.
# Written by `make documents`: do not edit. For another site: sed 's/\\.local\\./.SITE./g'.
#
# Each password begins with a letter (a variable that looks like a number is read as one):
#
#     NATS_CORE_PASSWORD="c$(openssl rand -hex 32)"
#
# The services have ~core, the hardware monitors ~monitor, trainers ~trainer, dashboards ~reader. An agent elsewhere
# needs a user of its own: `coord register NAME` says what to add here.

"""


def variable_of(role: str) -> str:
    """Return the environment variable that holds a role's password."""
    return f"NATS_{role.upper()}_PASSWORD"


def users_conf(site: str = DEFAULT_SITE) -> str:
    """Write users.conf for a site."""
    credentials = {
        role: {"user": f"~{role}", "password": f"@{role}@", "inbox": inbox_of(f"~{role}")} for role in ROLES
    }
    with tempfile.TemporaryDirectory() as root:
        folder = Folder(Path(root))
        folder.path("credentials.json").write_text(json.dumps(credentials))
        text = users_text(folder, Settings(data=folder.root, site=site))
    for role in ROLES:
        text = text.replace(f'"@{role}@"', f"${variable_of(role)}")
    return _OPENING + "\n".join(line for line in text.splitlines() if not line.startswith("#")) + "\n"
