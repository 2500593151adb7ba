"""The recorded runs of an experiment as a page shows them."""

import math
import re
from pathlib import Path

import matplotlib.pyplot as plt
import pytest
from made_up import store

from ssllib.pages import page
from ssllib.pages.recorded import NOTHING, Recorded, at, final, first, join, norm_at, number, place
from ssllib.runs.records import Store


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    texts: list[str] = []
    monkeypatch.setattr(page, "show", texts.append)
    return texts


def test_runs_by_arm_in_the_declared_order(tmp_path: Path) -> None:
    s = store(tmp_path, "cpu", {"cut": [12.0, 13.0], "default": [10.0, 11.0]}, epochs=16)
    runs = Recorded("simclr-arms", s)
    assert list(runs) == ["default", "cut"] and runs.scale == "cpu" and runs.seeds == 2 and runs.end == 16
    assert runs.numbers("cut", final("knn_test")) == [12, 13] and runs.mean("default", first("norm_projector")) == 2
    assert runs.numbers("cut", at("knn_test", 4)) == [6, 6.5]  # on the way: held-out images
    assert math.isnan(runs.mean("gradscale", final("knn_test")))


def test_the_latest_end_that_all_arms_share(tmp_path: Path) -> None:
    store(tmp_path, "cpu", {"cut": [12.0], "default": [10.0]}, epochs=16)
    s = store(tmp_path, "cpu", {"default": [30.0]}, epochs=100)
    assert Recorded("simclr-arms", s).end == 16
    alone = Recorded("simclr-arms", s, arms=["default"])
    assert alone.end == 100 and [len(r) for r in alone.values()] == [1]
    assert Recorded("simclr-arms", s, end=100).numbers("default", final("knn_test")) == [30]


def test_diverged_runs_are_said(tmp_path: Path, shown: list[str]) -> None:
    s = store(tmp_path, "cpu", {"cut": [12.0, 14.0]}, epochs=16)
    store(tmp_path, "cpu", {"default": [10.0]}, epochs=16, status="diverged")
    Recorded("simclr-arms", s).table({"k-NN": (final("knn_test"), 2)}, more={"paper": {"cut": "79.6"}})
    assert "| 13.00 (12.00 to 14.00) | 79.6 | 2 |" in shown[0] and "| diverged |  | 1 |" in shown[0]


def test_a_page_stands_before_its_runs(tmp_path: Path, shown: list[str]) -> None:
    runs = Recorded("simclr-arms", Store(tmp_path))
    assert not runs and runs.setting == NOTHING and runs.finished("cut") == []
    runs.table({"k-NN": final("knn_test")}, caption="None", name="tab-none", fold="In numbers")
    assert NOTHING in shown[0] and shown[0].startswith("::::{dropdown} In numbers\n:::{table} None\n")
    fig, axes = plt.subplots(1, 2)
    runs.curves(axes, {"knn_val": "one", "loss": "other"})
    assert [t.get_text() for ax in axes for t in ax.texts] == [NOTHING] * 2
    plt.close(fig)
    assert re.search(r"Not recorded yet.*: `simclr-arms` \(place \d+\)\. `python", page.pending_line(["simclr-arms"]))
    assert "run simclr-arms-imagenet100 --scale gpu`" in page.pending_line(["simclr-arms-imagenet100"])


def test_an_end_with_enough_seeds_goes_before_a_later_one(tmp_path: Path) -> None:
    store(tmp_path, "cpu", {"cut": [1.0, 2.0, 3.0], "default": [1.0, 2.0, 3.0]}, epochs=16)
    s = store(tmp_path, "cpu", {"cut": [30.0], "default": [30.0]}, epochs=100)
    assert Recorded("simclr-arms", s).end == 16
    s = store(tmp_path, "cpu", {"cut": [30.0, 31.0, 32.0], "default": [30.0, 31.0, 32.0]}, epochs=100)
    assert Recorded("simclr-arms", s).end == 100


def test_an_arm_against_another_seed_by_seed(tmp_path: Path) -> None:
    s = store(tmp_path, "cpu", {"cut": [12.0, 18.0, 5.0], "default": [10.0, 12.0]}, epochs=16)
    runs = Recorded("simclr-arms", s)
    assert runs.paired("cut", "default", final("knn_test")) == [2, 6]
    assert runs.paired("cut", "default", final("knn_test"), percent=True) == pytest.approx([20, 50])
    assert runs.paired("cut", "gradscale", final("knn_test")) == []
    assert runs.missing == ["weight-decay", "gradscale"] and runs.epochs == list(range(1, 17))


def test_parts_and_joins(tmp_path: Path, shown: list[str]) -> None:
    s = store(tmp_path, "cpu", {"simclr-cut": [1.0], "byol-cut": [2.0]}, epochs=16, experiment="cut-controls")
    runs = Recorded("cut-controls", s)
    part = runs.under("simclr-")
    assert list(part) == ["cut"] and part.numbers("cut", final("knn_test")) == [1] and "cut-last" in part.missing
    assert list(runs.only("byol-cut", "simclr-default")) == ["byol-cut"]
    whole = join({"simclr": part, "byol": runs.under("byol-")})
    assert list(whole) == ["simclr-cut", "byol-cut"] and whole.config("cut") == {"simclr-cut": "1", "byol-cut": "1"}
    assert not join({"simclr": runs.under("none-")})
    part.inventory({"cut": "the cut"})
    assert "the cut 1." in shown[0] and "No run yet of: default; " in shown[0]


def test_a_number_of_a_diverged_run_is_none(tmp_path: Path) -> None:
    s = store(tmp_path, "cpu", {"default": [10.0]}, epochs=16, status="diverged")
    (run,) = Recorded("simclr-arms", s)["default"]
    assert math.isnan(number(run, "knn_test")) and place(run) == "projector" and norm_at(0)(run) == 2


def test_curves_over_powers_of_two(tmp_path: Path) -> None:
    s = store(tmp_path, "cpu", {"default": [10.0], "cut": [12.0]}, epochs=5)
    fig, axes = plt.subplots(1, 2)
    Recorded("simclr-arms", s).curves(axes, {"knn_val": "one", "nothing": "two"}, log=True, labels={"cut": "small"})
    assert [t.get_text() for t in axes[0].get_xticklabels()] == ["0", "1", "2", "4"]
    assert [t.get_text() for t in fig.legends[0].get_texts()] == ["default", "small"]
    assert [t.get_text() for t in axes[1].texts] == [NOTHING]
    plt.close(fig)


def test_an_answer_gives_word_and_effect(
    tmp_path: Path, shown: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    s = store(tmp_path, "cpu", {"default": [3.0, 3.1, 3.2], "cut": [3.0, 3.1, 3.2]}, epochs=100)
    monkeypatch.setattr(page.records, "committed", lambda: s)
    questions = {"Do norms grow?": "norms-grow-simclr", "Does it help?": "control-cut-last-layer"}
    page.Page("training/simclr-norms", {}).answer(questions)
    first_line, second = shown[0].splitlines()
    assert first_line.startswith("- Do norms grow? **Confirmed** (small network): +55 [+43, +68]")
    assert "(% of a norm)" in first_line
    assert second.startswith("- Does it help? **Untested**. ")
