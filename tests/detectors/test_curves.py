"""The detectors on curves of real runs, held to their bars; the scoring itself; and the folder of curves."""

import gzip
import json
from functools import cache
from pathlib import Path

import pytest

from coord.events.errors import UsageError
from coord.services.bench import detectors
from coord.services.bench.curves import BROKEN, HARD, SPIKY, own_folder, read_curves
from coord.services.bench.detectors import DAMAGE, OURS, Report
from coord.services.bench.peer_detectors import PEERS
from coord.services.detectors.loss import LossSettings
from coord.services.detectors.scoring import Label, Score, alarms_of, score


@cache
def report() -> Report:
    """Bench once for all tests."""
    return detectors.run(read_curves(own_folder()), None)


def row(name: str) -> detectors.Row:
    """Return what one detector did."""
    return next(one for one in report().rows if one.name == name)


def test_on_real_curves_the_major_spikes_are_found_and_clean_runs_are_left_alone() -> None:
    ours = row(OURS)
    assert ours.marked.majors >= 20
    assert ours.marked.major_recall is not None
    assert ours.marked.major_recall >= 0.95
    assert ours.clean.clean_samples > 100_000
    assert ours.clean.false_rate is not None
    assert ours.clean.false_rate <= 0.1
    assert report().missed() == []


def test_eight_in_ten_of_all_marked_spikes_are_found_small_ones_too() -> None:
    assert row(OURS).marked.spikes_found >= 0.8 * row(OURS).marked.spikes


def test_no_clean_run_and_no_hard_batch_is_taken_for_a_damaged_model() -> None:
    assert row(DAMAGE).clean.false_alarms == 0
    assert row(DAMAGE).families[HARD].false_alarms == 0


def test_the_published_detectors_are_scored_beside_ours_and_find_less_or_cry_wolf() -> None:
    for name in PEERS:
        peer = row(name)
        assert peer.marked.majors_found < row(OURS).marked.majors_found
    assert row("llm-foundry KillLossSpike").marked.spikes_found == 0
    assert row("Lightning SpikeDetection").marked.spikes_found == 0
    assert row("Megatron spiky loss").marked.spikes_found == 0
    assert row("OLMo-core, Levanter SkipStep").marked.spikes_found == 14
    assert (row("ZClip statistic").clean.false_rate or 0) > 10


def test_another_threshold_is_scored_beside_the_defaults_and_held_to_the_same_bars() -> None:
    curves = [curve for curve in read_curves(own_folder()) if curve.family == SPIKY]
    found = detectors.run(curves, LossSettings(k=60, k_again=60))
    assert [one.name for one in found.rows[:3]] == [OURS, "coord, as --set", f"{DAMAGE}, as --set"]
    assert found.rows[0].marked.majors_found == 21
    (missed,) = found.missed()
    assert missed.startswith("coord, as --set: ")
    assert missed.endswith("% of the major spikes found; the bar is 95%")


def write(folder: Path, name: str, losses: list[float], header: str = "step,loss,other") -> None:
    """Write a curve."""
    rows = "".join(f"{step},{loss},1\n" for step, loss in enumerate(losses))
    (folder / f"{name}.csv.gz").write_bytes(gzip.compress(f"{header}\n{rows}".encode()))


def test_a_folder_of_the_same_layout_is_read_with_its_labels_and_families(tmp_path: Path) -> None:
    write(tmp_path, "mdd_1", [1.0, float("nan"), 2.0])
    write(tmp_path, "bigscience_x", [1.0])
    write(tmp_path, "mine", [3.0, 2.0])
    write(tmp_path, "spiky", [3.0] * 10)
    events = [{"start": 4, "end": 5, "kind": "spike", "major": True}]
    (tmp_path / "labels.json").write_text(json.dumps({"spiky": {"use": [1, 99], "events": events}}))
    broken, mine, spiky = read_curves(tmp_path)
    assert (broken.family, mine.family, spiky.family) == (BROKEN, "clean", SPIKY)
    assert (broken.clean, mine.clean, spiky.clean) == (False, True, False)
    assert mine.losses == (3.0, 2.0)
    assert (spiky.first, spiky.last, spiky.labels) == (1, 9, (Label(4, 5, True, False),))


def test_a_loss_that_was_not_finite_for_good_must_be_found_and_a_lone_one_must_not(tmp_path: Path) -> None:
    nan = float("nan")
    write(tmp_path, "mdd_lone", [1.0, nan, 1.0, nan, nan, 1.0])
    write(tmp_path, "mdd_dead", [1.0, nan, 1.0, nan, nan, nan, nan])
    found = detectors.run(read_curves(tmp_path), None)
    assert [(one.curve, one.not_finite, one.longest, one.found_at) for one in found.broken] == [
        ("mdd_dead", 5, 4, 5),
        ("mdd_lone", 3, 2, None),
    ]
    assert found.missed() == []


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.csv.gz", b"step,loss\n", "a.csv.gz is no gzip of text"),
        (
            "a.csv.gz",
            gzip.compress(b"step,lost\n1,2\n", mtime=0),
            "a.csv.gz has no column `loss`; it has step,lost.",
        ),
        ("a.csv.gz", gzip.compress(b"step,loss\n1\n", mtime=0), "a.csv.gz holds a row without a loss"),
        ("a.csv.gz", gzip.compress(b"step,loss\n1,two\n", mtime=0), "a.csv.gz holds a row without a loss"),
        ("a.csv.gz", gzip.compress(b"\xff\xfe", mtime=0), "a.csv.gz is no gzip of text"),
        ("labels.json", b"{", "labels.json cannot be read"),
        ("labels.json", b"[]", "labels.json is no JSON object of names."),
        ("labels.json", b'{"good": {"use": [1]}}', "labels.json: what it says of good is no label"),
        ("labels.json", b'{"good": {"use": [1, 2], "events": [{}]}}', "what it says of good is no label"),
    ],
)
def test_what_is_no_curve_is_refused_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, content: bytes, sentence: str
) -> None:
    monkeypatch.chdir(tmp_path)  # a long path would be cut
    write(tmp_path, "good", [1.0])
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UsageError) as caught:
        list(read_curves(Path()))
    assert sentence in str(caught.value)


def test_a_folder_without_curves_is_refused(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(UsageError, match=r"holds no curves\. Name a folder"):
            list(read_curves(folder))


LABELS = (Label(300, 302, True, False), Label(400, 400, False, False), Label(500, 500, False, True))


@pytest.mark.parametrize(
    ("alarms", "expected"),
    [
        ([], Score(2, 0, 1, 0, 0, 780)),
        ([298], Score(2, 1, 1, 1, 0, 780)),
        ([305], Score(2, 1, 1, 1, 0, 780)),
        ([297], Score(2, 0, 1, 0, 1, 780)),
        ([306], Score(2, 0, 1, 0, 1, 780)),
        ([401, 403], Score(2, 1, 1, 0, 0, 780)),
        ([500], Score(2, 0, 1, 0, 0, 780)),
        ([199, 999, 1_000], Score(2, 0, 1, 0, 1, 780)),
        ([600, 609, 618], Score(2, 0, 1, 0, 1, 780)),
        ([600, 610, 620], Score(2, 0, 1, 0, 3, 780)),
        ([305, 310, 319], Score(2, 1, 1, 1, 0, 780)),
    ],
    ids=[
        "nothing", "two before", "three behind", "too early", "too late", "one spike twice", "ambiguous",
        "warm-up and beyond the end", "one episode", "three episodes", "an episode that begins at a spike",
    ],
)  # fmt: skip
def test_an_alarm_counts_where_it_is_about_a_label_and_else_once_an_episode(
    alarms: list[int], expected: Score
) -> None:
    assert score(alarms, 0, 999, LABELS) == expected


def test_scores_add_up_and_rates_are_of_what_there_was() -> None:
    both = Score(2, 1, 1, 1, 3, 10_000) + Score(1, 1, 1, 0, 0, 20_000)
    assert both == Score(3, 2, 2, 1, 3, 30_000)
    assert (both.major_recall, both.false_rate) == (0.5, 1.0)
    assert (Score().major_recall, Score().false_rate) == (None, None)


@pytest.mark.parametrize(
    ("name", "losses", "alarms"),
    [
        ("llm-foundry KillLossSpike", [2.0] * 100 + [4.5] * 6, [104, 105]),
        ("Lightning SpikeDetection", [2.0] * 10 + [6.1, 5.9, 6.1], [10]),
        ("Megatron spiky loss", [2.0] * 100 + [19.9, 20.0], [101]),
        ("axolotl loss watchdog", [6.0, 6.0, 4.0, 6.0, 6.0, 6.0], [5]),
        ("OLMo-core, Levanter SkipStep", [2.0, 2.1] * 32 + [2.3, 2.5], [65]),
        ("ZClip statistic", [2.0, 2.1] * 12 + [2.05, 2.15, 2.3], [26]),
        ("rolling median + 8 MAD", [2.0, 2.1] * 32 + [2.7], [64]),
    ],
)
def test_each_published_detector_alarms_where_its_project_says(
    name: str, losses: list[float], alarms: list[int]
) -> None:
    assert alarms_of(PEERS[name](), losses) == alarms
