"""Who may do what on the server: a credential per role and per agent, every one an allow-list.

    core     the services: the log, commands, questions; no deletion and no purge of a stream
    monitor  the hardware monitor: readings and what nodes say of themselves
    reader   dashboards: ask questions, watch what happens
    trainer  the training worker: what its runs say; of the log it reads directives, and what runs have said
    exporter reads the log and asks for figures; it writes nothing but which exporter sends the metrics
    sys      the server's own account, for its operator
    NAME     an agent: its own commands, questions, watching

Nothing is forbidden by a deny rule: what is not named is refused. Each user has an inbox prefix of its own,
so that nobody reads another's replies. A role's user begins with `~`, which no agent's name can.
"""

import os
from collections.abc import Mapping
from typing import Any, Final

from coord.events.streams import EVENTS, LEASES_BUCKET, STREAMS
from coord.events.tokens import is_token
from coord.services.folder import Folder
from coord.services.settings import Settings

ROLES: Final = ("core", "monitor", "reader", "trainer", "exporter", "sys")
ACCOUNT: Final = "COORD"
_SECRET_BYTES: Final = 32

_CORE_API: Final = (
    "$JS.API.INFO",
    "$JS.API.STREAM.CREATE.*",
    "$JS.API.STREAM.UPDATE.*",
    "$JS.API.STREAM.INFO.*",
    "$JS.API.STREAM.NAMES",
    "$JS.API.STREAM.LIST",
    "$JS.API.STREAM.MSG.GET.*",
    "$JS.API.DIRECT.GET.>",
    "$JS.API.CONSUMER.>",
    "$JS.ACK.>",
    "$JS.FC.>",
    *(f"$JS.API.STREAM.SNAPSHOT.{stream.name}" for stream in STREAMS),
    *(f"$JS.SNAPSHOT.ACK.{stream.name}.>" for stream in STREAMS),
)
"""All of JetStream's API but deleting, purging, restoring and moving streams, and deleting messages.

A snapshot of EVENTS or SAMPLES, for a backup, tells no more than reading them does.
"""

EXPORTER_ASKS: Final = ("health", "meters")
"""The questions of the exporter."""
EXPORTER_LEASE: Final = "otlp-metrics"
"""The key of the exporter that sends the metrics."""
_EXPORTING: Final = (
    *(
        f"$JS.API.STREAM.INFO.{name}"
        for name in (*(stream.name for stream in STREAMS), f"KV_{LEASES_BUCKET}")
    ),
    f"$JS.API.STREAM.MSG.GET.{EVENTS.name}",
    f"$JS.API.DIRECT.GET.{EVENTS.name}",
    f"$JS.API.DIRECT.GET.KV_{LEASES_BUCKET}.$KV.{LEASES_BUCKET}.{EXPORTER_LEASE}",
    f"$KV.{LEASES_BUCKET}.{EXPORTER_LEASE}",
    f"$JS.API.CONSUMER.CREATE.{EVENTS.name}.>",
    f"$JS.API.CONSUMER.INFO.{EVENTS.name}.*",
    f"$JS.API.CONSUMER.MSG.NEXT.{EVENTS.name}.*",
    f"$JS.API.CONSUMER.DELETE.{EVENTS.name}.*",
    f"$JS.ACK.{EVENTS.name}.*.>",
)
"""Reading EVENTS whole, with consumers of its own. Their names are made of its password: see exporter/consumers.py."""

_STREAM_STATE: Final = tuple(f"$JS.API.STREAM.INFO.{stream.name}" for stream in STREAMS)


def inbox_of(user: str) -> str:
    """Return the prefix of a user's inboxes."""
    return f"_INBOX.{user}"


def role_credentials(folder: Folder) -> dict[str, dict[str, str]]:
    """Return the credential of every role, made at the first call: user, password and inbox prefix."""
    stored = folder.read_json("credentials.json")
    known: dict[str, dict[str, str]] = stored if isinstance(stored, dict) else {}
    missing = [role for role in ROLES if role not in known]
    if missing:
        known = {**known, **{role: _credential(f"~{role}") for role in missing}}
        folder.write_json(known, "credentials.json")
    return known


def agent_credentials(folder: Folder) -> dict[str, dict[str, str]]:
    """Return the credential of every agent that has one, by name: as a role's, with url and pool."""
    found = {
        path.stem: folder.read_json("agents", path.name) for path in folder.path("agents").glob("*.json")
    }
    return {name: record for name, record in sorted(found.items()) if is_token(name) and record}


def new_agent_credential(name: str) -> dict[str, str]:
    """Make the credential of an agent; `name` must be a token."""
    return _credential(name)


def _credential(user: str) -> dict[str, str]:
    return {"user": user, "password": os.urandom(_SECRET_BYTES).hex(), "inbox": inbox_of(user)}


def allowed(role: str, site: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what a role may publish and what it may subscribe to, besides its own inbox."""
    rivers: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
        "core": (
            (f"ev.{site}.>", f"sample.{site}.>", "cmd.>", "ask.>", "_INBOX.>", "$SRV.>",
             f"$KV.{LEASES_BUCKET}.>", *_CORE_API),
            ("cmd.>", "ask.>", "live.>", "$SRV.>"),
        ),
        "monitor": ((f"sample.{site}.*.*", f"ev.{site}.node.*", *_STREAM_STATE), ()),
        "reader": (("ask.>",), ("live.>",)),
        "trainer": (
            (f"ev.{site}.run.*", *_STREAM_STATE,
             *_reading(f"ev.{site}.directive.*", f"ev.{site}.run.*")),
            (f"live.{site}.directive.*",),
        ),
        "exporter": ((*(f"ask.{one}" for one in EXPORTER_ASKS), *_EXPORTING), ()),
        "sys": (("$SYS.REQ.>",), ("$SYS.>",)),
    }  # fmt: skip
    return rivers[role]


def _reading(*subjects: str) -> tuple[str, ...]:
    """Name what reading these subjects of EVENTS takes.

    The server checks that a consumer's filter is the one in the subject of its creation. The names of
    consumers cannot be guessed, so nobody pulls from another's, or deletes it.
    """
    return (
        *(f"$JS.API.CONSUMER.CREATE.{EVENTS.name}.*.{one}" for one in subjects),
        f"$JS.API.CONSUMER.MSG.NEXT.{EVENTS.name}.*",
        f"$JS.API.CONSUMER.DELETE.{EVENTS.name}.*",
    )


def agent_allowed(name: str, pool: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what an agent may publish and what it may subscribe to, besides its own inbox."""
    return (f"cmd.{pool}.{name}.>", "ask.>"), ("live.>",)


def users_text(folder: Folder, settings: Settings) -> str:
    """Write the accounts and users of the server's configuration."""
    roles = role_credentials(folder)
    members = [_user(roles[role], allowed(role, settings.site)) for role in ROLES if role != "sys"]
    members += [
        _user(credential, agent_allowed(name, credential.get("pool", settings.pool)))
        for name, credential in agent_credentials(folder).items()
    ]
    return (
        "# written by coord: do not edit\n"
        "accounts {\n"
        f"  SYS: {{ users: [\n{_user(roles['sys'], allowed('sys', settings.site))}\n  ] }}\n"
        f"  {ACCOUNT}: {{ jetstream: enabled, users: [\n" + "\n".join(members) + "\n  ] }\n"
        "}\n"
        "system_account: SYS\n"
    )


def _user(credential: Mapping[str, Any], rivers: tuple[tuple[str, ...], tuple[str, ...]]) -> str:
    user = credential["user"]
    return (
        f"    {{ user: {quoted(user)}, password: {quoted(credential['password'])},"
        f" permissions: {permissions_text(user, rivers)} }}"
    )


def permissions_text(user: str, rivers: tuple[tuple[str, ...], tuple[str, ...]]) -> str:
    """Write a user's permissions as they stand in a server's configuration."""
    publish, subscribe = rivers
    inbox = f"{inbox_of(user)}.>"
    return (
        f"{{ publish: {{ allow: [{_subjects(publish)}] }},"
        f" subscribe: {{ allow: [{_subjects((*subscribe, inbox))}] }} }}"
    )


def _subjects(subjects: tuple[str, ...]) -> str:
    return ", ".join(quoted(subject) for subject in subjects)


def quoted(text: str) -> str:
    """Write a string for the server's configuration; nothing in it is read as a variable or ends it."""
    for character, written in (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t")):
        text = text.replace(character, written)
    return f'"{text}"'
