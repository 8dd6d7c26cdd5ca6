"""What stays when something is said again, and what is told beside an answer."""

from houses import House


def test_who_registers_again_is_who_it_was_but_for_what_is_given(house: House) -> None:
    given = "--team=red", "--serves=blue", "--capability=gpu", "--capability=python", "--wip=2"
    first = house.ask("register", "ada", *given)["agent"]
    house.ask("drain", "ada")
    again = house.ask("register", "ada")["agent"]
    assert again == first | {"incarnation": again["incarnation"]}
    changed = house.ask("register", "ada", "--capability", "tpu", "--wip", "0")["agent"]
    assert (changed["team"], changed["capabilities"], changed.get("wip_limit")) == ("red", ["tpu"], None)
    bare = house.ask("register", "ada", "--team", "", "--capability", "", "--serves", "")["agent"]
    assert (bare.get("team"), bare["capabilities"], bare["serves"]) == (None, [], [])
    assert house.cli.run("register", "ada", "--capability", "gpu", "--capability", "").code == 2


def test_what_can_only_be_waited_for_in_vain_is_told(house: House) -> None:
    for item_id in ("done", "gone", "there"):
        house.ask("submit", "T", "--id", item_id)
    house.ask("cancel", "gone")
    house.ask("claim", "done", "--agent", "ada")
    house.ask("complete", "done", "--agent", "ada")
    told = "coord: gone is cancelled, and what depends on it waits in vain until: coord reopen gone\n"
    first = house.cli.run(
        "submit", "T", "--id", "late", "--after", "done", "--after", "gone", "--after", "there"
    )
    assert (first.code, first.out, first.err) == (0, "late\n", told)
    many = house.cli.run("submit", "-", stdin=b'T\n{"title": "U", "after": "gone"}\n')
    assert (many.code, many.out.count("\n"), many.err) == (0, 2, told)
    assert house.cli.run("depend", "late", "--on", "gone").err == told
    assert house.cli.run("depend", "late", "--on", "there", "--on", "done").err == ""
