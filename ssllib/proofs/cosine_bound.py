r"""The bound on the change of the cosine in one step, as the papers print, restate and prove it.

Source: 2406.16468 Theorem 3 and A.3; 2502.09252 Theorem 3.4 and A.4. Two embeddings of equal norm rho descend
both on -cos; k = gamma / rho^2. How long descent takes then is in `ssllib.proofs.slowdown`.
"""

from __future__ import annotations

from typing import Any

from ssllib.proofs import step as steps
from ssllib.proofs.formulas import cosine, gradient, squared, zero
from ssllib.proofs.sharp_bound import CORRECT, DELTA, PRINTED, sharp, two_sided, unequal_norms
from ssllib.proofs.spaces import Formula, Space
from ssllib.proofs.statements import DIMENSIONS, Limit, Relation, Statement, approach, compared, examine
from ssllib.proofs.step import after, change, exact_change, k, printed_bound, sine_squared, with_hats

THEOREM = "Thm. 3 of 2406.16468, Thm. 3.4 of 2502.09252"
PROOF = "A.3 of 2406.16468, A.4 of 2502.09252"
A_4 = "A.4 of 2502.09252"

RESTATED = r"\frac{\gamma \sin^2 \phi_{ij}}{\rho^2} \Bigl[ 2 - \frac{\gamma \cos \phi}{\rho^2} \Bigr]"
PLAIN = r"\text{with } (z_j)_{\perp z_i}"
HATS = r"\text{with } (\hat z_j)_{\perp z_i}"
EXACT = (
    r"\frac{\gamma \sin^2 \phi}{\rho^2} \Bigl[ 2 - \frac{2 \gamma \cos \phi}{\rho^2} \Bigr]"
    r" \Big/ \Bigl( 1 + \frac{\gamma^2 \sin^2 \phi}{\rho^4} \Bigr)"
)


def equal(left: Formula, right: Formula, sign: str = "=", **options: Any) -> Relation:
    """A relation that is asserted of embeddings of equal norm."""
    return Relation(left, right, sign, equal=True, **options)


def moved(update: steps.Update) -> dict[str, Formula]:
    """Both embeddings after the step, to be read off at a counterexample."""
    return {"z after": lambda s: update(s)[0], "t after": lambda s: update(s)[1]}


def theorem(seed: int) -> list[Statement]:
    """The theorem with the update that it prints, in which z_j has no hat: k is gamma / rho there."""

    def exact_without_hats(s: Space) -> Any:
        rho = s.norm(s.z)
        big_k = s.gamma / rho
        return printed_bound(s) * rho * (1 - big_k * cosine(s)) / (1 + big_k**2 * sine_squared(s))

    names = ("change", "printed bound")
    return [
        examine(
            THEOREM,
            rf"{DELTA} < {PRINTED} \ {PLAIN}",
            equal(change(steps.without_hats), printed_bound, "<", names=names),
            corrected=(rf"{CORRECT} \ {HATS}", equal(change(with_hats), steps.correct_bound, "<=")),
            show=moved(steps.without_hats),
        ),
        examine(
            r"exactly, without hats ($K = \gamma / \rho$)",
            rf"{DELTA} = {PRINTED} \cdot \rho \, \frac{{1 - K \cos\phi}}{{1 + K^2 \sin^2\phi}}",
            equal(change(steps.without_hats), exact_without_hats),
            role="added",
        ),
        approach(
            "without hats the change falls with the norm, not with its square",
            rf"{DELTA} \Big/ \frac{{2 \gamma \sin^2\phi}}{{\rho}} \to 1 \text{{ as }} \gamma \to 0",
            Limit(
                lambda s: change(steps.without_hats)(s) * s.norm(s.z) / (2 * s.gamma * sine_squared(s)),
                "gamma", "0", "1", equal=True,
            ),
            role="added",
        ),
    ]  # fmt: skip


def hats(seed: int) -> list[Statement]:
    """The theorem with the update of its proof, which is descent; where it fails; what holds instead."""
    step = change(with_hats)
    return [
        examine(
            f"{PROOF}, last line and update",
            rf"{DELTA} < {PRINTED} \ {HATS}",
            equal(step, printed_bound, "<", names=("change", "printed bound")),
            corrected=(CORRECT, equal(step, steps.correct_bound, "<=")),
            show=moved(with_hats),
        ),
        examine("the exact change", rf"{DELTA} = {EXACT}", equal(step, exact_change), role="added"),
        examine(
            r"the printed bound fails where this is not positive",
            rf"{PRINTED} - {DELTA} = \frac{{2 \gamma^2 \sin^2\phi}}{{\rho^4}}"
            r" \cdot \frac{\cos\phi + \gamma \sin^2\phi / \rho^2}{1 + \gamma^2 \sin^2\phi / \rho^4}",
            equal(
                lambda s: printed_bound(s) - step(s),
                lambda s: (
                    k(s) * printed_bound(s) * (cosine(s) + k(s) * sine_squared(s)) / steps.denominator(s)
                ),
            ),
            role="added",
        ),
        examine(
            "so it holds at acute angles",
            rf"{DELTA} < {PRINTED} \quad (0 < \phi < \tfrac\pi2)",
            equal(step, printed_bound, "<", between=(0, 1)),
            role="added",
        ),
        *sharp(),
        *proof_lines(),
        *unequal_norms(),
        autograd(seed),
    ]


def proof_lines() -> list[Statement]:
    """The lines of the proof in 2502.09252, A.4; (delta_ij = (t/|t|) orthogonal to z, delta_ji the other)."""

    def delta_ij(s: Space) -> Any:
        return s.perp(s.unit(s.t), s.z)

    def delta_ji(s: Space) -> Any:
        return s.perp(s.unit(s.z), s.t)

    def expanded(over: Formula) -> Formula:
        """The first display: what stands under the three products is not the same in all its lines."""

        def f(s: Space) -> Any:
            x, y, under = delta_ij(s), delta_ji(s), over(s)
            mixed = s.gamma * (s.dot(s.z, y) + s.dot(s.t, x)) / under
            inside = s.dot(s.z, s.t) + mixed + s.gamma**2 * s.dot(x, y) / under**2
            return inside / s.dot(with_hats(s)[0], with_hats(s)[0])

        return f

    def numerator(s: Space) -> Any:
        return after(with_hats)(s) * steps.denominator(s)

    new_norm: Formula = lambda s: s.norm(with_hats(s)[0])  # noqa: E731
    products = (
        r"\frac{1}{\rho'^2} \Bigl[ z_i^\top z_j + \gamma \frac{z_i^\top \delta_{ji}}{%s} + \dots \Bigr]"
    )
    return [
        examine(
            A_4 + ", first display",
            r"\hat z_i'^\top \hat z_j' = " + products % r"\rho'",
            equal(after(with_hats), expanded(new_norm)),
            role="proof",
            corrected=(
                r"\hat z_i'^\top \hat z_j' = " + products % r"\rho",
                equal(after(with_hats), expanded(lambda s: s.norm(s.z))),
            ),
        ),
        examine(
            A_4,
            r"z_i^\top \delta_{ji} = \rho \sin^2 \phi_{ij}",
            equal(lambda s: s.dot(s.z, delta_ji(s)), lambda s: s.norm(s.z) * sine_squared(s)),
            role="proof",
        ),
        examine(
            A_4,
            r"\delta_{ij}^\top \delta_{ji} = - \sin^2 \phi_{ij} \cos \phi_{ij}",
            equal(lambda s: s.dot(delta_ij(s), delta_ji(s)), lambda s: -sine_squared(s) * cosine(s)),
            role="proof",
        ),
        examine(
            A_4 + r", $\rho'$ replaced by $\rho$",
            r"\hat z_i'^\top \hat z_j' \leq \tfrac{\rho'^2}{\rho^2} \, \hat z_i'^\top \hat z_j'",
            equal(after(with_hats), numerator, "<="),
            role="proof",
        ),
        examine(
            A_4 + ", last line",
            rf"{RESTATED} \leq {PRINTED}",
            equal(steps.restated_bound, printed_bound, "<="),
            role="proof",
        ),
    ]


def autograd(seed: int) -> Statement:
    errors = {d: steps.change_error(d, seed=seed) for d in DIMENSIONS}
    return compared(
        "ssllib.geometry, cosine_change",
        rf"{DELTA} = \tan\tfrac{{\theta_i + \theta_j}}2 \, (\sin\phi + \sin\phi')",
        errors,
    )


def restated(seed: int) -> list[Statement]:
    """The appendix's restatement, with the update of the proof."""
    step = change(with_hats)
    return [
        examine(
            f"{PROOF}, restatement",
            rf"{DELTA} < {RESTATED}",
            equal(step, steps.restated_bound, "<", names=("change", "restated bound")),
            corrected=(rf"{DELTA} = {EXACT}", equal(step, exact_change)),
            show={"cosine before": cosine, "cosine after": after(with_hats)},
        ),
        examine(
            r"the restated bound fails where the new cosine is not positive",
            rf"{RESTATED} - {DELTA} = \frac{{\gamma^2 \sin^2\phi}}{{\rho^4}} \cos\phi'",
            equal(
                lambda s: steps.restated_bound(s) - step(s),
                lambda s: k(s) ** 2 * sine_squared(s) * after(with_hats)(s),
            ),
            role="added",
        ),
    ]


def quadratic(seed: int) -> list[Statement]:
    """The reading: the change is proportional to sin^2 / norm^2."""
    step = change(with_hats)
    return [
        approach(
            "Section 3 of 2406.16468, after Thm. 3.4 of 2502.09252",
            rf"\frac{{{DELTA}}}{{\gamma}} \to \frac{{2 \sin^2\phi}}{{\rho^2}} \text{{ as }} \gamma \to 0",
            Limit(lambda s: step(s) / s.gamma, "gamma", "0", "2*(1 - c**2)/rho**2", equal=True),
        ),
        *two_sided(),
        approach(
            "very large steps: neither norm nor sine is left",
            rf"{DELTA} \to -2 \cos\phi \text{{ as }} \gamma \to \infty \quad (\sin\phi > 0)",
            Limit(step, "gamma", "oo", "-2*c", equal=True),
            role="added",
        ),
    ]


def effective_rate(seed: int) -> list[Statement]:
    """How far one step turns an embedding that moves freely (its partner rests or not: no matter)."""

    def moved_by(s: Space) -> Any:
        return with_hats(s)[0] - s.z

    def rate(s: Space) -> Any:
        """(d psi / d gamma at 0)^2: the gradient is tangent to the circle of radius |z|."""
        return squared(gradient)(s) / s.dot(s.z, s.z)

    def reads(power: int) -> Relation:
        """psi' = C sin / norm^power; its value at norm 1 leaves C = 1 only."""
        return Relation(
            rate,
            lambda s: sine_squared(s) / s.dot(s.z, s.z) ** power,
            names=("squared turning rate", "squared reading"),
        )

    turn = r"\frac{d \psi}{d \gamma} \Big\rvert_{\gamma = 0}"
    return [
        examine(
            "Section 3 of 2502.09252, before Thm. 3.4",
            rf"{turn} \propto \frac{{\sin\phi}}{{\lVert z_i \rVert}}, \quad \psi = \angle(z_i, z_i')",
            reads(1),
            corrected=(rf"{turn} \propto \frac{{\sin\phi}}{{\lVert z_i \rVert^2}}", reads(2)),
        ),
        examine(
            "a step is orthogonal to the embedding",
            r"z_i^\top (z_i' - z_i) = 0",
            Relation(lambda s: s.dot(s.z, moved_by(s)), zero),
            role="added",
        ),
        examine(
            r"so the exact angle of a step has $\tan\psi = \lVert z_i' - z_i \rVert / \lVert z_i \rVert$",
            r"\tan \psi = \frac{\gamma \sin\phi}{\lVert z_i \rVert^2}",
            Relation(
                lambda s: s.dot(moved_by(s), moved_by(s)) / s.dot(s.z, s.z),
                lambda s: k(s) ** 2 * sine_squared(s),
            ),
            role="added",
        ),
        examine(
            "what the sentence says of a step's length is true",
            r"\lVert z_i' - z_i \rVert = \frac{\gamma \sin\phi}{\lVert z_i \rVert}",
            Relation(squared(moved_by), lambda s: s.gamma**2 / s.dot(s.z, s.z) * sine_squared(s)),
            role="added",
        ),
    ]


CHECKS = {
    "cosine-bound": theorem,
    "cosine-bound-hats": hats,
    "cosine-bound-restated": restated,
    "cosine-change-quadratic": quadratic,
    "effective-rate-reading": effective_rate,
}
