"""Intervals over seeds and the readings they earn (the rules of the book's verdicts).

An interval is computed on a scale on which its quantity has no bounds: correlations by Fisher's z, ratios as
logarithms; the interval of anything else is cut off where the quantity cannot be.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ssllib.evidence.words import (
    CONFIRMED,
    CONTRADICTED,
    NO_EFFECT,
    NOT_SO,
    OTHER_WAY,
    UNCLEAR,
    UNTESTED,
    Reading,
)

LEVEL = 0.05
SEEDS = 3  # fewer earn no word
_NEARLY_ONE = 1 - 1e-4  # a correlation of 1 has no finite z


@dataclass(frozen=True)
class Axis:
    """The scale on which an interval is computed: `to` is increasing, `back` its inverse, both of one number."""

    to: Callable[[float], float]
    back: Callable[[float], float]


LINEAR = Axis(float, float)
PERCENT = Axis(lambda x: math.log1p(max(x, -99.9999) / 100), lambda y: 100 * math.expm1(min(y, 600.0)))
"""100 (value/over - 1), whose logarithm is that of the ratio."""
FISHER = Axis(lambda r: math.atanh(max(-_NEARLY_ONE, min(_NEARLY_ONE, r))), math.tanh)
"""Fisher's z of a correlation (Fisher 1915)."""


def bounded(low: float, high: float) -> Axis:
    """Linear, with the interval cut off at what the quantity can be."""
    return Axis(float, lambda x: min(high, max(low, x)))


@dataclass(frozen=True)
class Estimate:
    """Mean over `n` seeds with a two-sided t-interval at confidence `1 - level`; infinite for one seed."""

    n: int
    mean: float
    low: float
    high: float
    level: float = LEVEL


@dataclass(frozen=True)
class Sample:
    """The numbers that the seeds gave, the axis of their interval, and what is subtracted from all of it."""

    values: Sequence[float]
    axis: Axis = LINEAR
    target: float = 0.0

    def _moved(self) -> list[float]:
        return [self.axis.to(v) for v in self.values]

    def p_value(self) -> float:
        """Two-sided p-value of the t-test that the mean is the target; 1 for fewer than two values."""
        moved = self._moved()
        if len(moved) < 2:
            return 1.0
        off = [v - self.axis.to(self.target) for v in moved]
        if max(off) == min(off):
            return 0.0 if off[0] else 1.0
        from scipy.special import stdtr  # scipy.stats takes seconds to import

        n, mean = len(off), math.fsum(off) / len(off)
        return float(2 * stdtr(n - 1, -abs(mean) / _standard_error(off, mean)))

    def interval(self, level: float = LEVEL) -> Estimate:
        """The mean over seeds and its t-interval, both less the target."""
        moved, n = self._moved(), len(self.values)
        if n == 0:
            return Estimate(0, math.nan, -math.inf, math.inf, level)
        mean = math.fsum(moved) / n

        def at(y: float) -> float:
            return self.axis.back(y) - self.target

        if n == 1:
            return Estimate(1, at(mean), -math.inf, math.inf, level)
        from scipy.special import stdtrit

        half = _standard_error(moved, mean) * float(stdtrit(n - 1, 1 - level / 2))
        return Estimate(n, at(mean), at(mean - half), at(mean + half), level)


def _standard_error(values: Sequence[float], mean: float) -> float:
    n = len(values)
    return math.sqrt(math.fsum((v - mean) ** 2 for v in values) / (n - 1) / n)


def interval(values: Sequence[float], axis: Axis = LINEAR) -> Estimate:
    """The mean of values with its 95 % interval."""
    return Sample(tuple(values), axis).interval()


def spearman(x: Sequence[float], y: Sequence[float]) -> float:
    """Spearman's rank correlation of two equally long sequences."""
    from scipy.stats import spearmanr

    return float(spearmanr(x, y).statistic)


def holm(samples: Sequence[Sample], level: float = LEVEL) -> list[Estimate]:
    """An interval for each cell of a claim, at the levels of Holm's step-down procedure (Holm 1979).

    The cell with the smallest p-value is judged at `level / m`, the next at `level / (m - 1)`, and so on;
    from the first that is not rejected, the level no longer rises. Cells without values do not count.
    """
    run = [i for i, s in enumerate(samples) if s.values]
    order = sorted(run, key=lambda i: samples[i].p_value())
    estimates = [s.interval() for s in samples]
    current, stopped = level, False
    for rank, i in enumerate(order):
        if not stopped:
            current = level / (len(run) - rank)
            stopped = samples[i].p_value() > current
        estimates[i] = samples[i].interval(current)
    return estimates


def read(e: Estimate, direction: str, smallest: float) -> Reading:
    """What one cell says.

    Direction `>` or `<` claims that side of zero, by at least `smallest` in the mean; `0` claims that the whole
    interval is nearer to zero than `smallest`.
    """
    if e.n == 0:
        return Reading(UNTESTED)
    if e.n < SEEDS:
        return Reading(UNCLEAR, f"{e.n} seed{'s' if e.n > 1 else ''}")
    inside = -smallest < e.low and e.high < smallest
    if direction == "0":
        if inside:
            return Reading(CONFIRMED)
        outside = e.low >= smallest or e.high <= -smallest
        return Reading(CONTRADICTED, NOT_SO) if outside else Reading(UNCLEAR)
    low, high, mean = (e.low, e.high, e.mean) if direction == ">" else (-e.high, -e.low, -e.mean)
    if low > 0 and mean >= smallest:
        return Reading(CONFIRMED)
    if high < 0 and mean <= -smallest:
        return Reading(CONTRADICTED, OTHER_WAY)
    return Reading(CONTRADICTED, NO_EFFECT) if inside else Reading(UNCLEAR)
