import math

import numpy as np
import pytest
import scipy.stats

from ssllib.evidence import stats, words
from ssllib.evidence.stats import FISHER, PERCENT, Sample, bounded
from ssllib.evidence.words import Reading


def test_interval_against_scipy() -> None:
    values = [1.0, 2.5, 2.0, 4.0]
    e = Sample(values).interval()
    low, high = scipy.stats.t.interval(0.95, 3, loc=np.mean(values), scale=scipy.stats.sem(values))
    assert (e.n, e.mean) == (4, pytest.approx(2.375)) and (e.low, e.high) == pytest.approx((low, high))
    assert Sample(values).p_value() == pytest.approx(scipy.stats.ttest_1samp(values, 0).pvalue)


def test_a_target_moves_the_interval_and_the_test() -> None:
    values = [1.0, 2.5, 2.0, 4.0]
    plain, moved = Sample(values).interval(), Sample(values, target=2.0).interval()
    assert (moved.mean, moved.low, moved.high) == pytest.approx((plain.mean - 2, plain.low - 2, plain.high - 2))
    assert Sample(values, target=2.0).p_value() == pytest.approx(scipy.stats.ttest_1samp(values, 2).pvalue)


def test_few_values_have_no_interval() -> None:
    assert Sample([]).interval().n == 0 and math.isnan(Sample([]).interval().mean)
    assert Sample([3.0]).interval().low == -math.inf and Sample([3.0]).p_value() == 1


def test_equal_values() -> None:
    assert Sample([2.0] * 3).p_value() == 0 and Sample([0.0] * 3).p_value() == 1
    assert Sample([2.0] * 3).interval().low == Sample([2.0] * 3).interval().high == 2


@pytest.mark.parametrize("values", [[0.99, 0.5, 0.9], [-0.2, 0.9, 1.0], [1.0, 1.0, 0.999]])
def test_a_correlation_stays_between_its_ends(values: list[float]) -> None:
    e = Sample(values, FISHER).interval()
    assert -1 <= e.low < e.mean < e.high <= 1
    if max(values) < 1:
        z = [math.atanh(v) for v in values]
        low, high = scipy.stats.t.interval(0.95, 2, loc=np.mean(z), scale=scipy.stats.sem(z))
        assert (e.low, e.high) == pytest.approx((math.tanh(low), math.tanh(high)))


def test_a_ratio_never_falls_below_minus_all() -> None:
    e = Sample([150.0, 4000.0, -90.0], PERCENT).interval()  # ratios 2.5, 41, 0.1
    logs = np.log([2.5, 41, 0.1])
    low, high = scipy.stats.t.interval(0.95, 2, loc=logs.mean(), scale=scipy.stats.sem(logs))
    assert (e.low, e.high) == pytest.approx((100 * math.expm1(low), 100 * math.expm1(high))) and e.low > -100
    assert e.mean == pytest.approx(100 * math.expm1(logs.mean()))


def test_an_accuracy_is_cut_off_at_its_ends() -> None:
    e = Sample([98.0, 100.0, 99.9], bounded(0, 100)).interval()
    assert e.high == 100 and 90 < e.low < 99
    moved = Sample([98.0, 100.0, 99.9], bounded(0, 100), target=99.0).interval()
    assert moved.high == pytest.approx(1)


def test_holm_widens_and_never_for_one_cell() -> None:
    cells = [Sample(v) for v in ([5.0, 5.1, 4.9], [1.0, 3.0, 2.0], [0.1, -0.1, 0.0], [])]
    alone, together = [c.interval() for c in cells], stats.holm(cells)
    assert stats.holm([cells[0]]) == [alone[0]]
    assert together[0] == cells[0].interval(0.05 / 3)
    assert together[1] == cells[1].interval(0.05 / 2)  # p = 0.074 > 0.025: not rejected
    assert together[2] == cells[2].interval(0.05 / 2)  # so the level stays
    assert together[3].n == 0


E = stats.Estimate
YES, NO, NONE, NOT_SO = (
    Reading(words.CONFIRMED), Reading(words.CONTRADICTED, words.OTHER_WAY),
    Reading(words.CONTRADICTED, words.NO_EFFECT), Reading(words.CONTRADICTED, words.NOT_SO),
)  # fmt: skip
PERHAPS, NEVER = Reading(words.UNCLEAR), Reading(words.UNTESTED)


@pytest.mark.parametrize(
    "estimate,direction,expected",
    [
        (E(3, 2.0, 0.5, 3.5), ">", YES),
        (E(3, 2.0, 0.5, 3.5), "<", NO),
        (E(3, -2.0, -3.5, -0.5), "<", YES),
        (E(3, -2.0, -3.5, -0.5), ">", NO),
        (E(3, 0.8, 0.5, 1.1), ">", PERHAPS),  # surely positive, perhaps too small
        (E(3, 0.2, -0.5, 0.9), ">", NONE),
        (E(3, 0.2, -0.5, 0.9), "<", NONE),
        (E(3, 2.0, -0.5, 4.5), ">", PERHAPS),
        (E(2, 2.0, 1.9, 2.1), ">", Reading(words.UNCLEAR, "2 seeds")),
        (E(0, math.nan, -math.inf, math.inf), ">", NEVER),
        (E(3, 0.2, -0.5, 0.9), "0", YES),
        (E(3, 2.0, 1.5, 2.5), "0", NOT_SO),
        (E(3, -2.0, -2.5, -1.5), "0", NOT_SO),
        (E(3, 2.0, 0.5, 3.5), "0", PERHAPS),  # reaches into the tolerance
        (E(3, 0.8, 0.5, 1.1), "0", PERHAPS),
    ],
)
def test_readings(estimate: stats.Estimate, direction: str, expected: Reading) -> None:
    assert stats.read(estimate, direction, 1.0) == expected


@pytest.mark.parametrize(
    "readings,quantifier,word,detail",
    [
        ([YES], "each", "confirmed", ""),
        ([NO], "each", "contradicted", "the other way"),
        ([YES] * 4, "each", "confirmed", "4 of 4 cells"),
        ([YES] * 4 + [NEVER] * 2, "each", "confirmed", "4 of 4 measured, 2 not run"),
        ([YES] * 9 + [NO], "each", "contradicted", "1 of 10 cells the other way"),
        ([YES, NO, NONE], "each", "contradicted", "2 of 3 cells"),
        ([YES] * 3 + [PERHAPS], "each", "unclear", "3 of 4 cells confirmed"),
        ([YES] * 3 + [PERHAPS, NO], "most", "confirmed", "3 of 5 cells"),
        ([YES] * 2 + [NO] * 2, "most", "contradicted", "2 of 4 cells the other way"),
        ([YES] * 2 + [PERHAPS, NO], "most", "unclear", "2 of 4 cells confirmed, 1 contradicted"),
        ([YES] * 2 + [NO] * 4, "often", "confirmed", "2 of 6 cells"),
        ([YES] + [NO] * 5, "often", "contradicted", "5 of 6 cells the other way"),
        ([YES] + [PERHAPS] * 5, "often", "unclear", "1 of 6 cells confirmed"),
        ([YES] + [NO] * 5, "some", "confirmed", "1 of 6 cells"),
        ([NONE] * 6, "some", "contradicted", "6 of 6 cells no effect"),
        ([PERHAPS] + [NO] * 5, "some", "unclear", "0 of 6 cells confirmed, 5 contradicted"),
        ([NEVER, NEVER], "each", "untested", ""),
        ([YES, NEVER, NEVER], "each", "confirmed", "1 of 1 measured, 2 not run"),
    ],
)
def test_many_cells(readings: list[Reading], quantifier: str, word: str, detail: str) -> None:
    assert words.combine(readings, quantifier) == (word, detail)


def test_where() -> None:
    assert words.where("experiment", "cpu") == "small network" and words.where("experiment", "gpu") == "gpu"
    assert words.where("simulation", "paper") == "simulation" and words.where("proof", "paper") == "proof"
    assert words.where("experiment", "paper") == "paper's own setting" and words.where("arithmetic", None) == "table"
