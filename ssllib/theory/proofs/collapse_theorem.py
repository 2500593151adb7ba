r"""Collapsed embeddings are no minima of InfoNCE: second order, for every number of pairs and temperature.

Source: 2403.18699 abstract, section 3.1, Theorem 3.1; 2406.16468 C.1, footnote 5. The curvatures come from
`ssllib.theory.proofs.circle`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from ssllib.theory.proofs import circle
from ssllib.theory.proofs.algebra import vanishes
from ssllib.theory.proofs.collapse_gradient import THEOREM, equal_stationary, rank1_stationary
from ssllib.theory.proofs.collapse_losses import batch_norm, most_losses, probability
from ssllib.theory.proofs.reading import Reading, Symbols, evaluate, numbers, read, sides, value
from ssllib.theory.proofs.statements import Statement, Undecided, added, examine


def _symbols() -> tuple[Any, ...]:
    import sympy as sp

    return (sp.Symbol("t", real=True), *sp.symbols("tau x m k", positive=True))


def _falls_from_equal() -> dict[str, Any]:
    """Two pairs, equal, temperature 1: one pair turned away by a right angle."""
    import sympy as sp

    t = sp.Symbol("t", real=True)
    loss = circle.info_nce([circle.Group(2, t, 0), circle.Group(2, sp.S(0), 1)], sp.S(1))
    return _fall({"pairs": 2, "d": 2, "tau": 1}, "one pair turned", loss, t, sp.pi / 2)


def _falls_from_line() -> dict[str, Any]:
    """Three pairs, two of them on one side, temperature 1: these two turned by 30 degrees, opposite ways."""
    import sympy as sp

    t = sp.Symbol("t", real=True)
    groups = circle.line(sp.S(2), sp.S(1), t)["against"]
    loss = circle.info_nce(groups, sp.S(1))
    return _fall({"pairs": "2 at z*, 1 at -z*", "d": 2, "tau": 1}, "the two turned", loss, t, sp.pi / 6)


def _fall(where: dict[str, Any], what: str, loss: Any, t: Any, angle: Any) -> dict[str, Any]:
    import sympy as sp

    before, after = (sp.N(loss.subs(t, v), 6) for v in (0, angle))
    curve = sp.N(loss.diff(t, 2).subs(t, 0), 6)
    if not (after < before and curve < 0):
        raise Undecided(f"{what}: the loss does not fall")
    name = f"{what} by 0 and by {int(sp.deg(angle))} degrees: loss"
    return {
        **where,
        name: [f"{float(v):.4f}" for v in (before, after)],
        "second derivative": f"{float(curve):.4f}",
    }


def _falls(found: dict[str, Any], kind: str, domain: dict[Any, Any], where: Any = ()) -> bool:
    """Whether the curvature `kind` is negative for every number of pairs and temperature.

    If all kinds but the rotation's are positive there is a minimum; anything else is not decided here.
    """
    if circle.always_positive(-found[kind], domain, where):
        return True
    if all(circle.always_positive(c, domain, where) for name, c in found.items() if name != "rotation"):
        return False
    raise Undecided(f"the curvature {found[kind]} has no sign")


CLOSING = r"\frac{d^2 \mathcal L}{dt^2}"
LOWEST = r"\log(1 + 2 e^{-2/\tau})"


@dataclass(frozen=True)
class Signed(Reading):
    """A number that is equal to an expression, or not printed as one, and its sign: "a = b < 0" or "a > 0"."""

    positive: Callable[[Any], bool] = bool

    def relation(self, latex: str) -> HasSign:

        tree = read(latex, tuple(self.words))
        found = [(*(evaluate(t, self.words, Symbols()) for t in (a, b)), sign) for a, sign, b in sides(tree)]
        a, b, sign = found[-1]
        equal = all(s == "=" and vanishes(x - y) for x, y, s in found[:-1])
        return HasSign(equal, (a - b) if sign == ">" else (b - a) if sign == "<" else None, self.positive)


@dataclass(frozen=True)
class HasSign:
    """Whether the equations before hold and `value` is positive; of what is not so, no example is looked for."""

    equal: bool
    value: Any
    positive: Callable[[Any], bool]
    sign: str = ">"
    how: str = "SymPy, Z3"

    def proved(self) -> bool:
        return self.equal and self.value is not None and self.positive(self.value)

    def counterexample(self, show: Any = None) -> None:
        return None


def equal_minimum(seed: int) -> list[Statement]:
    """Equal embeddings: the three eigenvalues for every number of pairs n and temperature, and their signs."""
    import sympy as sp

    t, tau, x, n, _ = _symbols()
    curves = circle.line(n, sp.S(0), t)
    found = {kind: circle.curvature(curves[kind], t, tau, x) for kind in ("opened", "against")}
    domain = {n: (">=", 2), tau: (">", 0)}
    falls = _falls(found, "against", domain)
    words, positive = {"n": n, r"\tau": tau}, partial(circle.always_positive, least=domain)
    e, y = sp.symbols("E Y", positive=True)  # exp(cos t / tau) and exp(1 / tau)
    turned = circle.info_nce([circle.Group(2, t, 0), circle.Group(2 * n - 2, sp.S(0), 1)], tau)
    away = turned.subs({sp.exp(sp.cos(t) / tau): e, sp.exp(1 / tau): y})
    alone = circle.info_nce([circle.Group(1, t, 1), circle.Group(1, sp.S(0), 0)], tau)
    return [
        Statement(
            "2403.18699 abstract, Theorem 3.1",
            r"\text{equal embeddings are a local minimum}",
            not falls,
            "SymPy, Z3",
            _falls_from_equal() if falls else None,
        ),
        examine(
            "Hessian, pairs against each other",
            r"\lambda = -\frac{2}{\tau (2n - 1)} < 0 \quad (n \geq 2, \ d \geq 2; \ (n - 1)(d - 1) \text{ times})",
            Signed(words | {r"\lambda": found["against"]}, positive=positive),
            role="added",
        ),
        examine(
            "Hessian, the two of a pair",
            r"\lambda = \frac{2 (n - 1)}{n \tau (2n - 1)} > 0 \quad (n(d - 1) \text{ times})",
            Signed(words | {r"\lambda": found["opened"]}, positive=positive),
            role="added",
        ),
        added(
            "one pair turned away by t",
            r"\frac{d \mathcal L}{dt} < 0 \text{ for all } 0 < t < \pi, \ \tau > 0, \ n \geq 2",
            not away.has(t)
            and circle.always_positive(away.diff(e), {n: (">=", 2), e: (">", 0), y: (">", 0)}),
            "Z3",
        ),
        examine(
            "one pair only",
            r"\mathcal L = 0 \text{ everywhere} \quad (n = 1)",
            numbers({r"\mathcal L": alone}),
            role="added",
        ),
    ]


def rank1_minimum(seed: int) -> list[Statement]:
    """Pairs on the two sides of a line, m and k of them."""
    import sympy as sp

    t, tau, x, m, k = _symbols()
    curves = {kind: circle.curvature(g, t, tau, x) for kind, g in circle.line(m, k, t).items()}
    domain = {m: (">=", 2), k: (">=", 1), x: (">", 1), tau: (">", 0)}
    falls = _falls(curves, "against", domain, [m - k])
    both = {m: (">=", 1), k: (">=", 1), x: (">", 1), tau: (">", 0)}
    p, q = sp.symbols("p q", positive=True)
    parted = circle.curvature(circle.split(p, q, t), t, tau, x)
    sides = {p: (">=", 0), q: (">=", 2), x: (">", 1), tau: (">", 0)}

    def whichever(value: Any) -> bool:
        """Whether it is positive whatever the sides: p >= q will do, of p + q >= 4."""
        return (
            value.subs({p: q, q: p}, simultaneous=True).equals(value)
            and circle.always_positive(value.subs({q: 1, p: q + 1}, simultaneous=True), sides)
            and circle.always_positive(value.subs(p, p + q), sides)
        )

    # exp(cos / tau) of an anchor with its two negatives and its positive, and the extremes -1 and 1 of these
    bound = a, b, w, a0, w0 = sp.symbols("A B W A0 W0", positive=True)
    above = [a - a0, b - a0, w0 - w]
    opposite = [circle.Group(2, sp.S(0), 0), circle.Group(2, sp.pi, 1)]
    lowest = value(LOWEST, {"e": sp.E, r"\tau": tau})
    return [
        Statement(
            THEOREM,
            r"\text{embeddings on one line, each pair on one side, are a local minimum}",
            not falls,
            "SymPy, Z3",
            _falls_from_line() if falls else None,
        ),
        examine(
            "pairs of the larger side against each other",
            r"\lambda < 0 \quad (m \geq 2, \ m \geq k \geq 1, \ d \geq 2, \text{ every } \tau)",
            Signed({r"\lambda": curves["against"]}, positive=lambda x: circle.always_positive(x, domain, [m - k])),
            role="added",
        ),
        *(
            examine(
                name,
                r"\lambda > 0 \quad (m, k \geq 1)",
                Signed({r"\lambda": curves[kind]}, positive=partial(circle.always_positive, least=both)),
                role="added",
            )
            for kind, name in (("sides", "one side against the other"), ("opened", "the two of a pair"))
        ),
        examine(
            "a pair with a sample on either side, closing",
            rf"{CLOSING} < 0 \quad (n \geq 2, \ d \geq 2, \text{{ every }} \tau)",
            Signed({CLOSING: parted}, positive=whichever),
            role="added",
        ),
        added(
            "two pairs, one on each side",
            rf"\mathcal L \geq {LOWEST}, \text{{ attained here: a global minimum}} \quad (n = 2)",
            circle.always_positive(
                (a + b) / w - 2 * a0 / w0, dict.fromkeys(bound, (">", 0)), above, strictly=False
            )
            and vanishes(circle.info_nce(opposite, tau) - lowest)
            and vanishes(sp.log(1 + 2 * sp.exp(-1 / tau) / sp.exp(1 / tau)) - lowest),
            "SymPy, Z3",
        ),
    ]


def zero_gradient_enough(seed: int) -> list[Statement]:
    """The step of the proof from a zero gradient to a minimum."""
    stationary, falls = equal_stationary(seed)[0].holds, equal_minimum(seed)[0]
    return [
        Statement(
            "2403.18699 section 3.1",
            r"\nabla \mathcal L_{\mathrm{InfoNCE}} = 0 \implies \text{local minimum}",
            not stationary or falls.holds,
            "SymPy, Z3",
            falls.counterexample if stationary else None,
        )
    ]


CHECKS = {
    "collapse-equal-stationary": equal_stationary,
    "collapse-rank1-stationary": rank1_stationary,
    "collapse-equal-minimum": equal_minimum,
    "collapse-rank1-minimum": rank1_minimum,
    "collapse-zero-gradient-enough": zero_gradient_enough,
    "collapse-probability": probability,
    "collapse-most-losses": most_losses,
    "batch-norm-no-collapse": batch_norm,
}
