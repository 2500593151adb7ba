"""The recorded runs of an experiment as a page shows them."""

import math
from pathlib import Path

import matplotlib.pyplot as plt
import pytest
from made_up import store

from ssllib import pages
from ssllib.recorded import NOTHING, Recorded, at, final, first
from ssllib.records import Store


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    texts: list[str] = []
    monkeypatch.setattr(pages, "show", texts.append)
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
    runs.table({"k-NN": final("knn_test")}, caption="None", name="tab-none")
    assert NOTHING in shown[0]
    fig, axes = plt.subplots(1, 2)
    runs.curves(axes, {"knn_val": "one", "loss": "other"})
    assert [t.get_text() for ax in axes for t in ax.texts] == [NOTHING] * 2
    plt.close(fig)
    assert "Not recorded yet: simclr-arms" in pages.pending_box("simclr-arms")
