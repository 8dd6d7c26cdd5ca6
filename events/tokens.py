"""The one rule for names, and the grammar of subjects.

A token is 1 to 64 characters of `A-Z a-z 0-9 _ -`: it is at once a NATS subject token, a file name,
a label value and a word in a terminal, and none of these can be broken out of.

    ev.<site>.<aggregate>.<id>       facts, one subject an aggregate (stream EVENTS)
    live.<site>.<aggregate>.<id>     the same, republished as stored, for eyes
    sample.<site>.<node>.<kind>      packed readings (stream SAMPLES)
    cmd.<pool>.<actor>.<verb>        commands; the server enforces <actor>
    ask.<question>                   questions to the projector
"""

import re
from functools import lru_cache
from typing import Final

from coord.events.errors import InvalidEvent, TokenError

TOKEN_LENGTH_MAX: Final = 64
TOKEN_PATTERN: Final = rf"[A-Za-z0-9_-]{{1,{TOKEN_LENGTH_MAX}}}"
TRACEPARENT_PATTERN: Final = r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"

_TOKEN = re.compile(TOKEN_PATTERN)
_SUBJECT = re.compile(rf"({TOKEN_PATTERN})\.({TOKEN_PATTERN})\.({TOKEN_PATTERN})\.({TOKEN_PATTERN})")
_DIGEST_LENGTH: Final = 8


def is_token(value: str) -> bool:
    """Tell whether `value` is a token."""
    return _TOKEN.fullmatch(value) is not None


def token(value: str, what: str) -> str:
    """Return `value` if it is a token.

    Raises:
        TokenError: it is not; the message names `what` and the value.
    """
    if is_token(value):
        return value
    shown = value if len(value) <= TOKEN_LENGTH_MAX else value[:TOKEN_LENGTH_MAX] + "..."
    raise TokenError(
        f"{what} {shown!a} is not a name:",
        f"use 1 to {TOKEN_LENGTH_MAX} letters, digits, '_' or '-'.",
    )


def is_traceparent(value: str) -> bool:
    """Tell whether `value` is a W3C trace context, version 00."""
    return re.fullmatch(TRACEPARENT_PATTERN, value) is not None


def scenario_id(scenario: str) -> str:
    """Return the name a scenario is stored under: its title in small letters and hyphens.

    A title too long for a name ends in a digest of the whole, so that two titles never share one. A name is
    its own.
    """
    from hashlib import sha256

    words = "-".join(re.findall(r"[a-z0-9]+", scenario.lower()))
    if words and len(words) <= TOKEN_LENGTH_MAX:
        return words
    digest = sha256(scenario.encode()).hexdigest()[:_DIGEST_LENGTH]
    return f"{words[: TOKEN_LENGTH_MAX - _DIGEST_LENGTH - 1].strip('-')}-{digest}".lstrip("-")


def event_subject(site: str, aggregate: str, entity: str) -> str:
    """Return the subject that holds every event of one aggregate."""
    return f"{_family(site, aggregate)}{entity if is_token(entity) else token(entity, aggregate)}"


def entity_of(subject: str) -> tuple[str, str]:
    """Return the kind and the name of the aggregate whose events a subject of the log holds."""
    _, _, aggregate, entity = subject.split(".")
    return aggregate, entity


@lru_cache(maxsize=64)
def _family(site: str, aggregate: str) -> str:
    return f"ev.{token(site, 'site')}.{token(aggregate, 'aggregate')}."


def sample_subject(site: str, node: str, kind: str) -> str:
    """Return the subject of one kind of packed readings of one node."""
    return f"sample.{token(site, 'site')}.{token(node, 'node')}.{token(kind, 'kind of sample')}"


def command_subject(pool: str, actor: str, verb: str) -> str:
    """Return the subject a command travels on; the server lets an agent use only its own `actor`."""
    return f"cmd.{token(pool, 'pool')}.{token(actor, 'actor')}.{token(verb, 'verb')}"


def question_subject(question: str) -> str:
    """Return the subject a question travels on."""
    return f"ask.{token(question, 'question')}"


def split_subject(subject: str, river: str) -> tuple[str, str, str]:
    """Split a four-token subject of `river` (`ev`, `sample` or `cmd`) into its three names.

    Raises:
        InvalidEvent: the subject does not follow the grammar.
    """
    found = _names_of(subject)
    if found is None or found[0] != river:
        raise InvalidEvent(f"subject {subject[:200]!a} is not {river}.<name>.<name>.<name>.")
    return found[1:]


@lru_cache(maxsize=8192)
def _names_of(subject: str) -> tuple[str, str, str, str] | None:
    """Split a subject; what happens to something now mostly goes on happening to it."""
    found = _SUBJECT.fullmatch(subject)
    return (found[1], found[2], found[3], found[4]) if found is not None else None
