"""What the feed keeps and asks for, without a house: every answer is handed to it."""

import threading
from pathlib import Path
from typing import Any

import pytest
from scripted_service import Heard, Service, refused, said

from coord.services.folder import COORDINATOR_SOCKET, PROJECTOR_SOCKET, Folder, bind_socket
from coord.tui.feed import Feed
from coord.tui.pace import Ask
from coord.tui.scene import Act, Past, Wish

BOARD = Wish("board", "board", {"limit": 5}, 0.5)
LINE = Wish("timeline", "timeline", {"bins": 9}, 2.0)


@pytest.fixture
def feed(tmp_path: Path) -> Feed:
    """A feed of no house, not started."""
    return Feed(Folder(tmp_path), "mia", 1.0)


def answer(feed: Feed, key: str, position: int = 100, past: bool = False) -> Ask:
    """Answer what is wanted under a key."""
    ask = next(one for one in feed._pace.asks if one.key == key)
    told: dict[str, Any] = {"as_of": {"position": position, "past": past}, "since_ns": 1, "rows": [position]}
    feed._answered(ask, told, "", 0.0)
    return ask


def past(position: int) -> Past:
    """Return a past moment."""
    return Past(position, position, 100)


def test_an_answer_makes_it_live_and_tells_the_position(feed: Feed) -> None:
    """And where the log is followed from."""
    feed.want([BOARD], None)
    assert feed.known().link.state == "connecting"
    answer(feed, "board")
    known = feed.known()
    assert (known.link.state, known.position) == ("live", 100)
    assert feed._can_follow()


def test_the_same_is_known_while_nothing_is_new(feed: Feed) -> None:
    """The very object: a picture is not drawn twice."""
    feed.want([BOARD], None)
    assert feed.known() is feed.known()
    before = feed.known()
    answer(feed, "board")
    assert feed.known() is not before


def test_the_next_moment_is_asked_for_when_the_last_was_answered(feed: Feed) -> None:
    """However fast somebody drags: each moment is whole."""
    feed.want([BOARD], past(7))
    feed.want([BOARD], past(8))
    feed.want([BOARD], past(9))
    assert answer(feed, "board", 7, True).fields["at_position"] == 7
    feed.want([BOARD], past(9))
    assert answer(feed, "board", 9, True).fields["at_position"] == 9


def test_now_is_asked_for_at_once(feed: Feed) -> None:
    """Whatever the past owes."""
    feed.want([BOARD], past(7))
    feed.want([BOARD], None)
    assert "at_position" not in answer(feed, "board").fields


def test_an_older_moment_is_shown_until_the_right_one_has_come_but_never_the_present(feed: Feed) -> None:
    """What is true now was not true then."""
    feed.want([BOARD], None)
    answer(feed, "board")
    feed.want([BOARD], past(7))
    assert "board" not in feed.known().told
    answer(feed, "board", 7, True)
    feed.want([BOARD], past(8))
    assert feed.known().told["board"].answer["rows"] == [7]


def test_what_is_wanted_is_never_dropped(feed: Feed) -> None:
    """However many moments are passed through; the rest is bounded."""
    feed.want([LINE, BOARD], None)
    answer(feed, "timeline")
    for position in range(1, 200):
        feed.want([LINE, BOARD], past(position))
        answer(feed, "board", position, True)
    assert {"timeline", "board"} == set(feed.known().told)
    assert len(feed._kept) < 100


def test_a_refused_question_is_a_fault_of_its_wish_alone(feed: Feed) -> None:
    """And it goes when the question is answered."""
    feed.want([BOARD, LINE], None)
    ask = next(one for one in feed._pace.asks if one.key == "board")
    feed._answered(ask, None, "limit is too large.", 0.0)
    assert feed.known().faults == {"board": "limit is too large."}
    answer(feed, "board")
    assert feed.known().faults == {}


def test_a_house_that_says_why_it_cannot_answer_is_not_lost(feed: Feed, tmp_path: Path) -> None:
    """Somebody is there: the log is away, or the process that folds the past ended. Silence alone is a lost house."""
    said = refused("no_server", 5, "the log is away.")
    service = Service(lambda _: said, bind_socket(Folder(tmp_path), PROJECTOR_SOCKET))
    threading.Thread(target=service.serve, daemon=True).start()
    feed.want([BOARD], None)
    feed._ask(feed._pace.asks[0])
    assert (feed.known().link.state, feed.known().faults) == ("live", {"board": "the log is away. Do so."})
    service.stop()
    service.close()
    feed._ask(feed._pace.asks[0])
    assert feed.known().link.state == "lost"


def test_a_lost_house_is_tried_less_and_less_often(feed: Feed) -> None:
    """From one second to ten; R tries now; since when it is lost stays."""
    waits = []
    for _ in range(8):
        feed._lose("nobody listens.")
        waits.append(feed.known().link.retry_seconds)
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (1.0, 10.0)
    link = feed.known().link
    assert (link.state, link.reason, link.tries) == ("lost", "nobody listens.", 8)
    feed.retry()
    assert feed.known().retry_at >= 0.0
    feed.want([BOARD], None)
    answer(feed, "board")
    assert feed.known().link.state == "live"


def test_what_is_to_follow_an_act_follows_it_when_it_is_done_and_not_when_it_is_refused(
    feed: Feed, tmp_path: Path
) -> None:
    """Several alerts are silenced one behind the other; the first refusal ends it, and is told."""
    heard: list[str] = []

    def answered(request: Heard) -> bytes:
        heard.append(request.body["alert_id"])
        if heard[-1] == "b":
            return refused("unknown_id", 4, "there is no alert b.")
        return said({"status": "done", "id": "a"})

    service = Service(answered, bind_socket(Folder(tmp_path), COORDINATOR_SOCKET))
    threading.Thread(target=service.serve, daemon=True).start()
    last: Act | None = None
    for name in "cba":
        last = Act("silence", {"alert_id": name, "until_ns": 1}, "", then=last)
    assert last is not None
    assert feed._told(last).how.startswith("refused: there is no alert b.")
    assert heard == ["a", "b"]
    service.stop()
    service.close()


def test_the_rate_counts_what_came_since_the_start(feed: Feed) -> None:
    """Not the events from before that are read at the start."""
    feed.want([BOARD], None)
    answer(feed, "board", 100)
    for position in range(50, 101):
        feed._hear({"position": position})
    assert feed._heard.__len__() == 0
    feed._hear({"position": 101})
    assert sum(count for _, count in feed._heard) == 1
    assert feed.known().position == 101
