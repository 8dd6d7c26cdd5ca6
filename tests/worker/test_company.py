"""Who works under an agent's name on this machine: the last one retires it, and nobody else does."""

from pathlib import Path
from threading import Thread

from coord.services.folder import Folder
from coord.services.worker.company import Company


def left(company: Company) -> int | None:
    """Leave, and return which incarnation was to retire."""
    with company.leaving() as incarnation:
        return incarnation


def test_the_last_one_retires_what_a_worker_registered_whoever_that_was(tmp_path: Path) -> None:
    first, second, third = (Company(Folder(tmp_path), "ada") for _ in range(3))
    first.registered(5)
    assert [left(one) for one in (first, third, second)] == [None, None, 5]


def test_an_agent_that_no_worker_registered_stays(tmp_path: Path) -> None:
    assert left(Company(Folder(tmp_path), "ada")) is None


def test_the_newest_incarnation_retires_whoever_noted_it_first(tmp_path: Path) -> None:
    first, second = (Company(Folder(tmp_path), "ada") for _ in range(2))
    second.registered(70)
    first.registered(8)
    assert [left(one) for one in (first, second)] == [None, 70]


def test_each_agent_has_a_company_of_its_own(tmp_path: Path) -> None:
    ada, bob = Company(Folder(tmp_path), "ada"), Company(Folder(tmp_path), "bob")
    ada.registered(5)
    assert (left(ada), left(bob)) == (5, None)


def test_of_two_who_leave_at_once_one_is_the_last(tmp_path: Path) -> None:
    first, second = (Company(Folder(tmp_path), "ada") for _ in range(2))
    first.registered(5)
    with first.leaving() as one, second.leaving() as other:
        assert (one, other) == (None, 5)


def test_who_comes_while_the_last_one_leaves_waits_and_begins_anew(tmp_path: Path) -> None:
    last = Company(Folder(tmp_path), "ada")
    last.registered(5)
    came: list[Company] = []
    newcomer = Thread(target=lambda: came.append(Company(Folder(tmp_path), "ada")))
    with last.leaving() as incarnation:
        newcomer.start()
        newcomer.join(0.05)
        assert (incarnation, came) == (5, [])
    newcomer.join(5)
    assert (left(came[0]), list((tmp_path / "working").iterdir())) == (None, [])


def test_where_no_file_can_be_made_nobody_is_known_and_nobody_retires(tmp_path: Path) -> None:
    (tmp_path / "working").touch()
    alone = Company(Folder(tmp_path), "ada")
    alone.registered(5)
    assert left(alone) is None
