"""Which numbers a criterion reads, and from which runs."""

import math
import re
from pathlib import Path
from typing import Any

import pytest
from made_up import store

from ssllib.errors import InputError
from ssllib.evidence import metrics, stats
from ssllib.evidence.estimands import Estimand
from ssllib.runs import records
from ssllib.runs.records import Store

NORM_AT_0 = {"arm": "cut", "metric": "norm_projector", "epoch": 0}
GAIN = {"value": {"arm": "cut", "metric": "knn_test"}, "minus": {"arm": "default", "metric": "knn_test"}}


def estimand(cell: dict[str, Any]) -> Estimand:
    return Estimand.of(cell, "simclr-arms", "made-up")


def values(cell: dict[str, Any], s: Store, scale: str = "gpu") -> list[float]:
    return [round(v, 6) for v in estimand(cell).measure(s, scale).sample.values]


@pytest.mark.parametrize(
    "cell,expected",
    [
        ({"value": {"arm": "cut", "metric": "norm_projector", "epoch": 1}, "over": NORM_AT_0}, 100.0),
        ({"value": {"arm": "cut", "metric": "norm_projector", "epoch": "best"}}, 4.0),
        ({"value": {"arm": "cut", "metric": "knn_test"}, "log10_over": {"arm": "default", "metric": "knn_test"}}, 1.0),
        ({"value": {"arm": "cut", "metric": "knn_test"}, "target": 3.0}, 1.0),
        ({"value": {"arm": "cut", "less": "default", "metric": "knn_test"}}, 3.6),
        ({"value": {"spearman": ["knn_test", "norm_projector"], "arms": ["cut", "default"]}}, 1.0),
    ],
)
def test_estimands(tmp_path: Path, cell: dict, expected: float) -> None:
    s = store(tmp_path, "gpu", {"default": [0.4] * 3, "cut": [4.0] * 3})
    e = estimand(cell).measure(s, "gpu").sample.interval()
    assert e.mean == pytest.approx(expected, abs=1e-3) and e.n == 3


def test_an_epoch_is_read_only_from_runs_that_reached_it(tmp_path: Path) -> None:
    s = store(tmp_path, "gpu", {"cut": [10.0] * 3}, epochs=16)
    at = {"value": {"arm": "cut", "metric": "knn_test", "epoch": 100}}
    assert values(at, s) == []
    assert values({"value": {"arm": "cut", "metric": "knn_test", "epoch": 8}}, s) == [5.0] * 3  # held-out images
    assert values({"value": {"arm": "cut", "metric": "knn_test", "epoch": 16}}, s) == [10.0] * 3  # the test set
    assert values(at, store(tmp_path, "gpu", {"cut": [20.0] * 3}, epochs=100)) == [20.0] * 3


def test_a_run_that_stops_at_the_epoch_is_preferred_to_one_that_passes_it(tmp_path: Path) -> None:
    store(tmp_path, "gpu", {"cut": [10.0] * 3}, epochs=16)
    s = store(tmp_path, "gpu", {"cut": [30.0] * 3}, epochs=100)
    assert values({"value": {"arm": "cut", "metric": "knn_test", "epoch": 16}}, s) == [10.0] * 3


def test_last_compares_runs_that_stop_at_the_same_epoch(tmp_path: Path) -> None:
    store(tmp_path, "gpu", {"default": [10.0] * 3, "cut": [12.0] * 3}, epochs=16)
    s = store(tmp_path, "gpu", {"cut": [40.0] * 3}, epochs=100)
    assert values(GAIN, s) == [2.0] * 3
    store(tmp_path, "gpu", {"default": [30.0] * 2}, epochs=100)
    assert values(GAIN, s) == [2.0] * 3  # two seeds are too few
    store(tmp_path, "gpu", {"default": [30.0] * 3}, epochs=100)
    assert values(GAIN, s) == [10.0] * 3


def test_an_untrained_network_is_compared_with_any_end(tmp_path: Path) -> None:
    store(tmp_path, "gpu", {"default": [10.0] * 3}, epochs=1)
    s = store(tmp_path, "gpu", {"cut": [12.0] * 3}, epochs=16)
    assert values(GAIN, s) == [2.0] * 3


def test_the_best_arm_is_chosen_on_held_out_images(tmp_path: Path) -> None:
    store(tmp_path, "gpu", {"default": [10.0, 30.0]}, linear_val=50.0, linear_test=1.0)
    s = store(tmp_path, "gpu", {"cut": [20.0, 20.0]}, linear_val=40.0, linear_test=99.0)
    side = {"best_of": ["default", "cut"], "metric": "linear_test"}
    assert values({"value": side | {"by": "linear_val"}}, s) == [1.0, 1.0]  # not what is best on the test set
    assert values({"value": side | {"by": "knn_val"}}, s) == [99.0, 1.0]
    with pytest.raises(InputError, match="needs best_of .* and by"):
        estimand({"value": side})


def test_seeds_are_paired(tmp_path: Path) -> None:
    s = store(tmp_path, "gpu", {"default": [70, 60, 50], "cut": [71, 62]})
    found = estimand(GAIN).measure(s, "gpu")
    assert list(found.sample.values) == [1, 2] and found.seeds == (0, 1) and len(found.records) == 4


def test_what_cannot_be_is_no_number(tmp_path: Path) -> None:
    s = store(tmp_path, "gpu", {"default": [0.0, 1, 1], "cut": [4.0] * 3})
    cell = {"value": {"arm": "cut", "metric": "knn_test"}, "over": {"arm": "default", "metric": "knn_test"}}
    assert values(cell, s) == [300.0, 300.0]


@pytest.mark.parametrize(
    "cell,axis,low,high",
    [
        ({"value": {"arm": "cut", "metric": "spearman_norm_correct"}}, "fisher", -1, 1),
        ({"value": {"arm": "cut", "metric": "norm_projector"}, "over": NORM_AT_0}, "percent", -100, math.inf),
        ({"value": {"arm": "cut", "metric": "knn_test"}}, "cut off", 0, 100),
        (GAIN, "cut off", -100, 100),
        ({"value": {"arm": "cut", "less": "default", "metric": "opposite"}}, "cut off", -100, 100),
    ],
)
def test_an_interval_stays_where_its_quantity_can_be(cell: dict, axis: str, low: float, high: float) -> None:
    found = estimand(cell).axis
    assert {"fisher": found is stats.FISHER, "percent": found is stats.PERCENT}.get(axis, True)
    scattered = stats.Sample([-1.0, 1.0, -0.9, 0.99] if high == 1 else [max(low, -99.0), 99.0, 50.0], found)
    e = scattered.interval(1e-6)
    assert low <= e.low <= e.high <= high


@pytest.mark.parametrize(
    "cell,says",
    [
        ({"value": {"arm": "cut", "metric": "knn_tset"}}, "unknown metric 'knn_tset'; nearest: knn_test"),
        ({"value": {"arm": "cut", "metric": "knn_test", "epoch": "end"}}, "unknown epoch of a cell of claim made-up"),
        ({"value": {"arm": "cut", "metrik": "knn_test"}}, "unknown key of a cell of claim made-up 'metrik'"),
        ({"value": {"metric": "knn_test"}}, "a cell of claim made-up names no arm"),
        ({"minus": {"arm": "cut", "metric": "knn_test"}}, "needs a value"),
        ({"valeu": {"arm": "cut", "metric": "knn_test"}}, "unknown key of a cell of claim made-up 'valeu'"),
    ],
)
def test_a_typo_is_an_error(cell: dict, says: str) -> None:
    with pytest.raises(InputError, match=re.escape(says)):
        estimand(cell)


def test_every_recorded_number_lies_where_its_metric_says() -> None:
    wrong = set()
    for r in records.committed():
        for row in (r.final, *r.history):
            for name, value in row.items():
                if name in metrics.METRICS and isinstance(value, (int, float)):
                    m = metrics.METRICS[name]
                    if not (m.low - 1e-9 <= value <= m.high + 1e-9 or math.isnan(value)):
                        wrong.add((name, value))
    assert not wrong
