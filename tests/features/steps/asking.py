"""Questions of one's own: in SQL, and over HTTP."""

import json
import urllib.error
import urllib.request
from typing import Any

from features.scene import Scene
from houses import until
from pytest_bdd import given, parsers, then, when

from coord.events.errors import Exit
from coord.services.folder import HTTP_PLACE

Table = list[list[str]]
ANSWER_SECONDS = 20


@when(parsers.parse('"{statement}" is asked in SQL'))
def ask_sql(scene: Scene, statement: str) -> None:
    scene.last = scene.house.cli.run("query", statement, "--fresh", "--json")


@then(parsers.parse('the answer is "{status}" and {count:d}, and says of which position it is'))
def answered(scene: Scene, status: str, count: int) -> None:
    assert scene.last.code == Exit.DONE, scene.last
    answer = scene.last.document
    assert answer["rows"] == [{"status": status, "items": count}]
    assert answer["as_of"]["position"] >= count


@when("each of these statements is asked in SQL")
def ask_each(scene: Scene, datatable: Table) -> None:
    scene.kept["before"] = _files(scene)
    scene.kept["sentences"] = [sentence for _, sentence in datatable[1:]]
    scene.answers = [scene.house.cli.run("query", statement, "--json") for statement, _ in datatable[1:]]


@then("each is refused in one sentence that says so, and leaves nothing behind")
def refused_each(scene: Scene) -> None:
    for ran, sentence in zip(scene.answers, scene.kept["sentences"], strict=True):
        assert (ran.code, ran.out) == (Exit.REFUSED, ""), ran
        assert sentence in ran.err
        assert ran.err.count("\n") == 1, ran.err
    assert _files(scene) == scene.kept["before"]
    assert scene.house.ask("board")["counts"]["open"] == 3


def _files(scene: Scene) -> list[str]:
    return sorted(path.name for path in scene.house.cli.home.iterdir())


@given(parsers.parse('HTTP is served, and "{name}" has a token'))
def serve_http(scene: Scene, name: str) -> None:
    scene.kept["token"] = scene.house.ask("token", "create", name)["token"]
    serving = scene.begin("serve", "api", "--http-port", "0")
    scene.kept["url"] = until(lambda: _place(scene, serving.pid))["url"]


def _place(scene: Scene, pid: int) -> Any:
    told = scene.house.folder.read_json(HTTP_PLACE) or {}
    return told if told.get("pid") == pid else None


@when(parsers.parse('the token of "{name}" is revoked'))
def revoke(scene: Scene, name: str) -> None:
    scene.house.ask("token", "revoke", name)


@when("the board is asked for over HTTP with the token")
def ask_with_token(scene: Scene) -> None:
    if scene.it:
        scene.show()
    _post(scene, "questions/board", {"limit": 10}, scene.kept["token"])


@when("the board is asked for over HTTP without a token")
def ask_without_token(scene: Scene) -> None:
    _post(scene, "questions/board", {"limit": 10})


@when("something is submitted over HTTP with the token")
def submit_over_http(scene: Scene) -> None:
    _post(scene, "commands/submit", {"request_id": "r-1", "title": "by HTTP"}, scene.kept["token"])


def _post(scene: Scene, path: str, body: dict[str, Any], token: str = "") -> None:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    wish = urllib.request.Request(f"{scene.kept['url']}/v1/{path}", json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(wish, timeout=ANSWER_SECONDS) as answer:
            scene.kept["answer"] = (answer.status, json.loads(answer.read()))
    except urllib.error.HTTPError as error:
        scene.kept["answer"] = (error.code, json.loads(error.read()))


@then("it shows the item that the command line shows")
def same_item(scene: Scene) -> None:
    code, answer = scene.kept["answer"]
    shown = [(row["id"], row["title"], row["status"]) for row in answer["rows"]]
    assert (code, shown) == (200, [(scene.it, scene.show()["title"], "open")])


@then(parsers.parse('it is refused over HTTP, because "{words}"'))
def refused_over_http(scene: Scene, words: str) -> None:
    code, answer = scene.kept["answer"]
    assert code in (401, 403, 404), answer
    assert words in answer["reason"]
