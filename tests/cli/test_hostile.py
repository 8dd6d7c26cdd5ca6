"""The corpus of hostile command lines: every line mapped to ours, none executed, none a traceback.

Where our verbs and names differ, ours win; DIFFERENCES says where, and why.
"""

import base64
import json
import os
import resource
import signal
import stat
from collections.abc import Callable
from glob import glob
from pathlib import Path
from typing import Any

import pytest
from command_line import Cli, Ran, run_measured, stopped_by
from scripted_service import AS_OF, SILENCE, Service, done, refused, said, streamed

from coord.services import clock

Start = Callable[..., Service]
LINES = [
    json.loads(line)
    for line in (Path(__file__).parent.parent / "data" / "hostile_cli.jsonl").read_text().splitlines()
]
SECONDS_MAX = 10
MEMORY_BYTES_MAX = 300 * 2**20
CANARIES = "/tmp/chaos-canary-*"

VERBS = {"status": ["doctor"], "events tail": ["tail", "--from", "1"]}
FLAGS = {"--ttl": "--lease", "--epoch": "--fence", "--server": "--nats"}
DIFFERENCES = {
    "task/emoji": ("usage", "a name is letters, digits, '_' and '-'"),
    "agent/emoji": ("usage", "a name is letters, digits, '_' and '-'"),
    "task/flag": ("help", "--help asks for the page of the verb, wherever it stands"),
    "output/abs": ("usage", "nothing is exported yet: there is no such verb"),
    "config-path/unreadable": (
        "usage unless root",
        "root can read a file of mode 000, and an empty one is fine",
    ),
    "process/clock-jump-during-wait": ("skip", "a wait rests on socket time-outs, which no clock can move"),
}
CODES = {"usage": 2, "refuse": 4, "help": 0}


def ours(line: dict[str, Any]) -> list[Any]:
    """Map a line to a command of coord."""
    words = line["argv"][1:] if line["argv"][0] == "coord" else line["argv"]
    for name, verb in VERBS.items():
        if words[: len(name.split())] == name.split():
            words = [*verb, *words[len(name.split()) :]]
    if line.get("env") and words == ["doctor"]:
        words = ["board"]
    return [FLAGS.get(word, word) for word in words]


def value_of(line: dict[str, Any], tmp_path: Path) -> str | bytes:
    """Return the value that `@V` stands for; the files that it names are made here."""
    value = line["value"]
    if isinstance(value, dict):
        return base64.b64decode(value["b64"])
    path = tmp_path / "made"
    match value:
        case "@FIFO":
            os.mkfifo(path)
        case "@SYMLOOP":
            path.symlink_to(path)
        case "@MODE000" | "@MODE666":
            path.touch()
            path.chmod(int(value[-3:], 8))
        case _:
            return str(value)
    return str(path)


def well_behaved(ran: Ran) -> None:
    """Hold what holds for every line."""
    printed = ran.out + ran.err
    assert "Traceback" not in printed
    assert "unexpected" not in printed
    assert all(line.isprintable() for line in printed.splitlines())
    assert not glob(CANARIES)


PLAIN = [line for line in LINES if not line["label"].startswith("process/")]


@pytest.mark.parametrize("line", PLAIN, ids=[line["label"] for line in PLAIN])
def test_a_hostile_line_is_refused_well_or_taken_literally(
    cli: Cli, service: Start, projector: Start, tmp_path: Path, line: dict[str, Any]
) -> None:
    asked = service(refused("unknown_id"))
    projector(said({"as_of": AS_OF, "counts": {}, "rows": []}))
    value = value_of(line, tmp_path)
    words = [value if word == "@V" else word for word in ours(line)]
    expected = DIFFERENCES.get(line["label"], (line["expect"],))[0]
    if expected == "usage unless root":
        expected = "literal" if os.geteuid() == 0 else "usage"
    before = clock.monotonic()
    ran, memory_bytes = run_measured(cli, *words, environment=line.get("env", {}))
    assert clock.monotonic() - before < SECONDS_MAX
    assert memory_bytes < MEMORY_BYTES_MAX
    well_behaved(ran)
    if expected in CODES:
        assert ran.code == CODES[expected]
    else:
        assert ran.code in (0, 4, 5)
    if expected == "usage":
        assert ran.out == ""
        assert ran.err.startswith("coord: ")
        assert ran.err.count("\n") == 1
        assert not asked.heard


def test_every_difference_is_a_line_of_the_corpus() -> None:
    labels = {line["label"] for line in LINES}
    assert labels >= DIFFERENCES.keys()
    assert all(reason for _, reason in DIFFERENCES.values())


@pytest.mark.parametrize("words", [["export", "events", "--out", "/tmp/chaos-canary-out"]])
def test_a_verb_that_is_not_there_is_said_so(cli: Cli, words: list[str]) -> None:
    ran = cli.run(*words)
    well_behaved(ran)
    assert ran.code == 2
    assert f"there is no command '{words[0]}'" in ran.err


@pytest.mark.parametrize("label", ["sigterm-during-wait"])
def test_a_wait_can_be_ended(cli: Cli, projector: Start, label: str) -> None:
    asked = projector(SILENCE)
    process = cli.start("tail", "--from", "1")
    assert asked.asked.wait(30)
    ran = stopped_by(process, signal.SIGTERM)
    well_behaved(ran)
    assert ran.code == -signal.SIGTERM


EVENT = {
    "position": 1,
    "recorded_at_ns": 0,
    "subject": "ev.l.work.w",
    "type": "work.claimed.v2",
    "fields": {},
}


def limited(kind: int, most: int) -> Callable[[], None]:
    return lambda: resource.setrlimit(kind, (most, most))


@pytest.mark.parametrize(
    "limit",
    [
        pytest.param((resource.RLIMIT_NOFILE, 16), id="fd-limit-16"),
        pytest.param((resource.RLIMIT_AS, 300 * 2**20), id="ulimit-v-300m"),
    ],
)
def test_a_command_needs_little(cli: Cli, projector: Start, limit: tuple[int, int]) -> None:
    projector(streamed(EVENT))
    ran = cli.run("tail", "--from", "1", "--until", "now", preexec_fn=limited(*limit))
    well_behaved(ran)
    assert (ran.code, ran.err) == (0, "")


def test_two_commands_of_one_agent_at_once_do_not_meet(cli: Cli, service: Start) -> None:
    service(lambda heard: done(heard.body["item_id"]))
    processes = [cli.start("claim", item_id, "--agent", "a1") for item_id in ("w-1", "w-2")]
    printed = [process.communicate(timeout=30)[0].decode() for process in processes]
    assert [line.split()[0] for line in printed] == ["w-1", "w-2"]
    kept = Path(cli.environment["COORD_DATA"], "fences", "a1", "3")
    assert sorted(path.name for path in kept.iterdir()) == ["w-1", "w-2"]


def test_a_home_that_cannot_be_written_is_not_needed(cli: Cli, service: Start) -> None:
    service(done())
    cli.home.chmod(stat.S_IRUSR | stat.S_IXUSR)
    ran = cli.run("claim", "--agent", "a1")
    well_behaved(ran)
    assert ran.code == 0


def test_a_password_in_a_url_is_never_shown(cli: Cli) -> None:
    for url in ("nats://me:hunter2@127.0.0.1:1", "nats://me:hunter2@127.0.0.1:70000", "http://me:hunter2@h",
                "nats://me:hunter2@[::1", "me:hunter2@h"):  # fmt: skip
        for verb in ("doctor", "config"):
            ran = cli.run(verb, "--nats", url)
            well_behaved(ran)
            assert "hunter2" not in ran.out + ran.err


CONFIGS: dict[str, tuple[str, bytes]] = {
    "python-object.yaml": ("refuse", b"!!python/object/apply:os.system ['touch /tmp/chaos-canary-yaml']\n"),
    "python-object-new.yaml": (
        "refuse",
        b"x: !!python/object/new:os.system ['touch /tmp/chaos-canary-yaml']\n",
    ),
    "billion-laughs.yaml": (
        "refuse",
        b"a: &a [x, x]\n" + b"".join(b"b%d: &b%d [*a, *a]\n" % (n, n) for n in range(99)),
    ),
    "recursive-anchor.yaml": ("refuse", b"a: &a [*a]\n"),
    "merge-bomb.yaml": ("refuse", b"a: &a {x: 1}\n<<: [" + b"*a, " * 9_999 + b"*a]\n"),
    "dup-keys.yaml": ("refuse", b"site: a\nsite: b\n"),
    "tabs.yaml": ("refuse", b"\tsite: a\n"),
    "env-expand.yaml": ("refuse", b"site: ${HOME}\npool: $(touch /tmp/chaos-canary-env)\n"),
    "bad-type.toml": ("refuse", b"lease_seconds = [1, 2]\n"),
    "neg.toml": ("refuse", b"lease_seconds = -5\n"),
    "huge-int.toml": ("refuse", b"server_port = " + b"9" * 4_000 + b"\n"),
    "utf16.toml": ("refuse", 'site = "a"\n'.encode("utf-16")),
    "latin1.toml": ("refuse", 'site = "m\u00fcnchen"\n'.encode("latin-1")),
    "nul.toml": ("refuse", b'site = "a\0b"\n'),
    "empty.toml": ("accept", b""),
    "binary.toml": ("refuse", bytes(range(256)) * 8),
    "include-loop.toml": ("refuse", b'include = "include-loop.toml"\n'),
    "include-etc.toml": ("refuse", b'include = "/etc/passwd"\n'),
    "include-url.toml": ("refuse", b'include = "http://192.0.2.1/coord.toml"\n'),
    "bind-all.toml": ("refuse", b'listen = "0.0.0.0:8080"\n'),
    "cors-star.toml": ("refuse", b'cors = "*"\n'),
    "tls-off.toml": ("refuse", b"tls_verify = false\n"),
    "plain-secret.toml": ("refuse", b'nats_password = "hunter2"\n'),
    "webhook-ssrf.toml": ("refuse", b'webhook = "http://169.254.169.254/latest"\n'),
    "webhook-exec.toml": ("refuse", b'webhook_exec = "touch /tmp/chaos-canary-hook"\n'),
    "rule-sql.toml": ("refuse", b"[[rule]]\nsql = \"COPY x TO '/tmp/chaos-canary-rule'\"\n"),
    "rule-1e6.toml": ("refuse", b"[[rule]]\nname = 'x'\n" * 1_000_000),
    "sync-default.toml": ("refuse", b'sync_interval = "2m"\n'),
    "dup.json": ("refuse", b'{"site": "a", "site": "b"}\n'),
    "nan.json": ("refuse", b'{"lease_seconds": NaN}\n'),
    "interp.ini": ("refuse", b"[coord]\nsite = %(home)s\n"),
    # More of the same kinds.
    "dup-keys.toml": ("refuse", b'site = "a"\nsite = "b"\n'),
    "nan.toml": ("refuse", b"lease_seconds = nan\n"),
    "inf.toml": ("refuse", b"lease_seconds = inf\n"),
    "deep.toml": ("refuse", b"site = " + b"[" * 20_000 + b"\n"),
    "escape.toml": ("refuse", b'site = "\\u001b[2J"\n'),
    "unknown-key-escape.toml": ("refuse", b'"\\u001b[2J" = 1\n'),
    "bidi.toml": ("refuse", 'site = "a\u202eb"\n'.encode()),
    "table.toml": ("refuse", b'[data]\npath = "x"\n'),
    "one-setting.toml": ("accept", b'site = "berlin"\n'),
}
"""What the corpus of configuration files names, written anew: coord reads TOML and nothing else."""


@pytest.mark.parametrize("name", CONFIGS)
def test_a_hostile_settings_file_is_refused_quickly_and_in_one_sentence(
    cli: Cli, tmp_path: Path, name: str
) -> None:
    expected, content = CONFIGS[name]
    path = tmp_path / name
    path.write_bytes(content)
    before = clock.monotonic()
    ran, memory_bytes = run_measured(cli, "config", "--config", str(path))
    assert clock.monotonic() - before < SECONDS_MAX / 2
    assert memory_bytes < MEMORY_BYTES_MAX
    well_behaved(ran)
    assert "hunter2" not in ran.out + ran.err
    if expected == "accept":
        assert (ran.code, ran.err) == (0, "")
    else:
        assert (ran.code, ran.out) == (2, "")
        assert name in ran.err
        assert ran.err.count("\n") == 1
        assert len(ran.err) < 1_000
