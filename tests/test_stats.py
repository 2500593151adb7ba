import math

import numpy as np
import pytest
import scipy.stats

from ssllib import stats


def test_interval_against_scipy() -> None:
    values = [1.0, 2.5, 2.0, 4.0]
    e = stats.interval(values)
    low, high = scipy.stats.t.interval(0.95, 3, loc=np.mean(values), scale=scipy.stats.sem(values))
    assert (e.n, e.mean) == (4, pytest.approx(2.375)) and (e.low, e.high) == pytest.approx((low, high))
    assert stats.p_value(values) == pytest.approx(scipy.stats.ttest_1samp(values, 0).pvalue)


def test_few_values_have_no_interval() -> None:
    assert stats.interval([]).n == 0 and math.isnan(stats.interval([]).mean)
    assert stats.interval([3.0]).low == -math.inf


def test_holm_widens_and_never_for_one_cell() -> None:
    cells = [[5.0, 5.1, 4.9], [1.0, 3.0, 2.0], [0.1, -0.1, 0.0], []]
    alone, together = [stats.interval(c) for c in cells], stats.holm(cells)
    assert stats.holm([cells[0]]) == [alone[0]]
    assert together[0] == stats.interval(cells[0], 0.05 / 3)
    assert together[1] == stats.interval(cells[1], 0.05 / 2)  # p = 0.074 > 0.025: not rejected
    assert together[2] == stats.interval(cells[2], 0.05 / 2)  # so the level stays
    assert together[3].n == 0


E = stats.Estimate


@pytest.mark.parametrize(
    "estimate,direction,expected",
    [
        (E(3, 2.0, 0.5, 3.5), ">", "holds"),
        (E(3, 2.0, 0.5, 3.5), "<", "opposite"),
        (E(3, -2.0, -3.5, -0.5), "<", "holds"),
        (E(3, -2.0, -3.5, -0.5), ">", "opposite"),
        (E(3, 0.8, 0.5, 1.1), ">", "undecided"),  # surely positive, perhaps too small
        (E(3, 0.2, -0.5, 0.9), ">", "no effect"),
        (E(3, 2.0, -0.5, 4.5), ">", "undecided"),
        (E(2, 2.0, 1.9, 2.1), ">", "undecided"),  # fewer than three seeds
        (E(0, math.nan, -math.inf, math.inf), ">", "not yet run"),
        (E(3, 0.2, -0.5, 0.9), "0", "holds"),
        (E(3, 2.0, 0.5, 3.5), "0", "opposite"),
        (E(3, 0.8, 0.5, 1.1), "0", "undecided"),
    ],
)
def test_words(estimate: stats.Estimate, direction: str, expected: str) -> None:
    assert stats.word(estimate, direction, 1.0) == expected


@pytest.mark.parametrize(
    "words,expected",
    [
        (["holds"], "holds"),
        (["holds"] * 4 + ["undecided"], "holds"),
        (["holds"] * 3 + ["undecided"] * 2, "undecided"),
        (["holds"] * 9 + ["opposite"], "mixed"),
        (["opposite"] * 4 + ["no effect"], "opposite"),
        (["no effect"] * 3, "no effect"),
        (["not yet run"] * 3, "not yet run"),
        (["holds", "not yet run"], "undecided"),
    ],
)
def test_many_cells(words: list[str], expected: str) -> None:
    assert stats.combine(words) == expected


def test_spearman() -> None:
    assert stats.spearman([1, 2, 3, 4], [10, 20, 15, 40]) == pytest.approx(0.8)
