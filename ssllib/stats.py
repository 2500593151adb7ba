"""Intervals over seeds and the words they earn (the rules of the book's verdicts)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

LEVEL = 0.05


@dataclass(frozen=True)
class Estimate:
    """Mean over `n` seeds with a two-sided t-interval; the interval is infinite for fewer than two seeds."""

    n: int
    mean: float
    low: float
    high: float


def interval(values: Sequence[float], level: float = LEVEL) -> Estimate:
    """The t-interval of the mean at confidence `1 - level`."""
    n = len(values)
    if n == 0:
        return Estimate(0, math.nan, -math.inf, math.inf)
    mean = math.fsum(values) / n
    if n == 1:
        return Estimate(1, mean, -math.inf, math.inf)
    half = _standard_error(values, mean) * _t_quantile(1 - level / 2, n - 1)
    return Estimate(n, mean, mean - half, mean + half)


def _standard_error(values: Sequence[float], mean: float) -> float:
    n = len(values)
    return math.sqrt(math.fsum((v - mean) ** 2 for v in values) / (n - 1) / n)


def _t_quantile(p: float, df: int) -> float:
    from scipy.stats import t

    return float(t.ppf(p, df))


def spearman(x: Sequence[float], y: Sequence[float]) -> float:
    """Spearman's rank correlation of two equally long sequences."""
    from scipy.stats import spearmanr

    return float(spearmanr(x, y).statistic)


def p_value(values: Sequence[float]) -> float:
    """Two-sided p-value of the t-test that the mean is zero; 1 for fewer than two values."""
    if len(values) < 2:
        return 1.0
    from scipy.stats import t

    mean = math.fsum(values) / len(values)
    error = _standard_error(values, mean)
    if error == 0:
        return 0.0 if mean else 1.0
    return float(2 * t.sf(abs(mean) / error, len(values) - 1))


def holm(cells: Sequence[Sequence[float]], level: float = LEVEL) -> list[Estimate]:
    """An interval for each cell of a claim, at the levels of Holm's step-down procedure (Holm 1979).

    The cell with the smallest p-value is judged at `level / m`, the next at `level / (m - 1)`, and so on;
    from the first that is not rejected, the level no longer rises. Cells without values do not count.
    """
    run = [i for i, values in enumerate(cells) if values]
    order = sorted(run, key=lambda i: p_value(cells[i]))
    estimates = [interval(values) for values in cells]
    current, stopped = level, False
    for rank, i in enumerate(order):
        if not stopped:
            current = level / (len(run) - rank)
            stopped = p_value(cells[i]) > current
        estimates[i] = interval(cells[i], current)
    return estimates


def word(e: Estimate, direction: str, smallest: float) -> str:
    """`holds`, `opposite`, `no effect`, `undecided` or `not yet run` for one cell.

    Direction `>` or `<` claims that side of zero; `0` claims that the effect is smaller than `smallest`.
    """
    if e.n == 0:
        return "not yet run"
    if e.n < 3:
        return "undecided"
    if direction == "0":
        if -smallest < e.low and e.high < smallest:
            return "holds"
        return "opposite" if abs(e.mean) >= smallest and (e.low > 0 or e.high < 0) else "undecided"
    low, high, mean = (e.low, e.high, e.mean) if direction == ">" else (-e.high, -e.low, -e.mean)
    if low > 0 and mean >= smallest:
        return "holds"
    if high < 0 and mean <= -smallest:
        return "opposite"
    if -smallest < low and high < smallest:
        return "no effect"
    return "undecided"


def combine(words: Sequence[str]) -> str:
    """The verdict on a claim of one or many cells.

    Many: `holds` when at least four fifths hold and none is opposite, `opposite` the mirror image, `mixed`
    when some hold and some are opposite, `no effect` when all have none, else `undecided`.
    """
    if len(words) == 1:
        return words[0]
    n, held, against = len(words), words.count("holds"), words.count("opposite")
    if all(w == "not yet run" for w in words):
        return "not yet run"
    if held and against:
        return "mixed"
    if held >= 0.8 * n:
        return "holds"
    if against >= 0.8 * n:
        return "opposite"
    return "no effect" if all(w == "no effect" for w in words) else "undecided"
