"""README's table of features lists what stands in gherkin/, and nothing else."""

from typing import Final

import pytest
from feature_table import BEGIN, END, README, table_in, with_table

from coord.services.verification.features import own_place, read_features

TEXT: Final = f"# coord\n\n{BEGIN}\n| a |\n{END}\n\nmore\n"


def rows(table: str) -> list[tuple[str, str, int]]:
    """Return feature, promise and number of scenarios of each row."""
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]
    return [(title, promise, int(count)) for title, promise, count, _ in cells]


def test_the_readme_lists_each_feature_with_its_promise_and_its_scenarios() -> None:
    place = own_place()
    assert place is not None
    written = [(one.title, one.promise, len(one.scenarios)) for one in read_features(place.features)]
    assert rows(table_in(README.read_text())) == written, "run: make verified"


def test_a_table_is_put_in_the_place_of_the_old_one() -> None:
    assert table_in(TEXT) == "| a |"
    assert with_table(TEXT, "| b |\n| c |\n") == TEXT.replace("| a |", "| b |\n| c |")


def test_a_text_without_a_place_for_it_is_said_so() -> None:
    assert table_in("# coord") == ""
    with pytest.raises(ValueError, match="there is no <!-- features -->"):
        with_table("# coord", "| b |")
    with pytest.raises(ValueError, match="is not followed by"):
        with_table(f"{BEGIN}\n| a |\n", "| b |")
