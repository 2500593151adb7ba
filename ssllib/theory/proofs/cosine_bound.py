r"""The bound on the change of the cosine in one step, as the papers print, restate and prove it.

Source: 2406.16468 Theorem 3 and A.3; 2502.09252 Theorem 3.4 and A.4. Two embeddings of equal norm rho descend
both on -cos; k = gamma / rho^2. How long descent takes then is in `ssllib.theory.proofs.slowdown`.
"""

from __future__ import annotations

from typing import Any

from ssllib.theory.proofs import printed_step as steps
from ssllib.theory.proofs.formulas import cosine
from ssllib.theory.proofs.phrases import pair
from ssllib.theory.proofs.printed_step import after, after_step, with_hats
from ssllib.theory.proofs.reading import Reading
from ssllib.theory.proofs.readings import Formula, Space
from ssllib.theory.proofs.sharp_bound import CORRECT, DELTA, PRINTED, sharp, two_sided, unequal_norms
from ssllib.theory.proofs.statements import DIMENSIONS, Statement, approach, compared, examine

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


def equal(update: steps.Update = with_hats, words: dict[str, Any] | None = None, **options: Any) -> Reading:
    """How a statement about a step of two embeddings of equal norm is read."""
    return after_step(update, words, equal=True, **options)


def moved(update: steps.Update) -> dict[str, Formula]:
    """Both embeddings after the step, to be read off at a counterexample."""
    return {"z after": lambda s: update(s)[0], "t after": lambda s: update(s)[1]}


def theorem(seed: int) -> list[Statement]:
    """The theorem with the update that it prints, in which z_j has no hat: k is gamma / rho there."""
    bare = steps.without_hats
    return [
        examine(
            THEOREM,
            rf"{DELTA} < {PRINTED} \ {PLAIN}",
            equal(bare, names=("change", "printed bound")),
            corrected=(rf"{CORRECT} \ {HATS}", equal()),
            show=moved(bare),
        ),
        examine(
            r"exactly, without hats ($K = \gamma / \rho$)",
            rf"{DELTA} = {PRINTED} \cdot \rho \, \frac{{1 - K \cos\phi}}{{1 + K^2 \sin^2\phi}}",
            equal(bare),
            role="added",
        ),
        approach(
            "without hats the change falls with the norm, not with its square",
            rf"{DELTA} \Big/ \frac{{2 \gamma \sin^2\phi}}{{\rho}} \to 1 \text{{ as }} \gamma \to 0",
            equal(bare),
            role="added",
        ),
    ]


def hats(seed: int) -> list[Statement]:
    """The theorem with the update of its proof, which is descent; where it fails; what holds instead."""
    return [
        examine(
            f"{PROOF}, last line and update",
            rf"{DELTA} < {PRINTED} \ {HATS}",
            equal(names=("change", "printed bound")),
            corrected=(CORRECT, equal()),
            show=moved(with_hats),
        ),
        examine("the exact change", rf"{DELTA} = {EXACT}", equal(), role="added"),
        examine(
            r"the printed bound fails where this is not positive",
            rf"{PRINTED} - {DELTA} = \frac{{2 \gamma^2 \sin^2\phi}}{{\rho^4}}"
            r" \cdot \frac{\cos\phi + \gamma \sin^2\phi / \rho^2}{1 + \gamma^2 \sin^2\phi / \rho^4}",
            equal(),
            role="added",
        ),
        examine(
            "so it holds at acute angles",
            rf"{DELTA} < {PRINTED} \quad (0 < \phi < \tfrac\pi2)",
            equal(),
            role="added",
        ),
        *sharp(),
        *proof_lines(),
        *unequal_norms(),
        autograd(seed),
    ]


def delta_ij(s: Space) -> Any:
    """(t/|t|) orthogonal to z"""
    return s.perp(s.unit(s.t), s.z)


def delta_ji(s: Space) -> Any:
    return s.perp(s.unit(s.z), s.t)


def proof_lines() -> list[Statement]:
    """The lines of the proof in 2502.09252, A.4."""
    lines = equal(words={r"\delta_{ij}": delta_ij, r"\delta_{ji}": delta_ji})
    products = (
        r"\hat z_i'^\top \hat z_j' = \frac{1}{\rho'^2} \Bigl[ z_i^\top z_j + \gamma \frac{z_i^\top \delta_{ji}}{%s}"
        r" + \gamma \frac{z_j^\top \delta_{ij}}{%s} + \gamma^2 \frac{\delta_{ij}^\top \delta_{ji}}{%s^2} \Bigr]"
    )
    primed, plain = (products % (x, x, x) for x in (r"\rho'", r"\rho"))
    return [
        examine(A_4 + ", first display", primed, lines, role="proof", corrected=plain),
        examine(A_4, r"z_i^\top \delta_{ji} = \rho \sin^2 \phi_{ij}", lines, role="proof"),
        examine(
            A_4, r"\delta_{ij}^\top \delta_{ji} = - \sin^2 \phi_{ij} \cos \phi_{ij}", lines, role="proof"
        ),
        examine(
            A_4 + r", $\rho'$ replaced by $\rho$",
            r"\hat z_i'^\top \hat z_j' \leq \tfrac{\rho'^2}{\rho^2} \, \hat z_i'^\top \hat z_j'",
            lines,
            role="proof",
        ),
        examine(A_4 + ", last line", rf"{RESTATED} \leq {PRINTED}", lines, role="proof"),
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
    return [
        examine(
            f"{PROOF}, restatement",
            rf"{DELTA} < {RESTATED}",
            equal(names=("change", "restated bound")),
            corrected=(rf"{DELTA} = {EXACT}", equal()),
            show={"cosine before": cosine, "cosine after": after(with_hats)},
        ),
        examine(
            r"the restated bound fails where the new cosine is not positive",
            rf"{RESTATED} - {DELTA} = \frac{{\gamma^2 \sin^2\phi}}{{\rho^4}} \cos\phi'",
            equal(),
            role="added",
        ),
    ]


def quadratic(seed: int) -> list[Statement]:
    """The reading: the change is proportional to sin^2 / norm^2."""
    return [
        approach(
            "Section 3 of 2406.16468, after Thm. 3.4 of 2502.09252",
            rf"\frac{{{DELTA}}}{{\gamma}} \to \frac{{2 \sin^2\phi}}{{\rho^2}} \text{{ as }} \gamma \to 0",
            equal(),
        ),
        *two_sided(),
        approach(
            "very large steps: neither norm nor sine is left",
            rf"{DELTA} \to -2 \cos\phi \text{{ as }} \gamma \to \infty \quad (\sin\phi > 0)",
            equal(),
            role="added",
        ),
    ]


def effective_rate(seed: int) -> list[Statement]:
    """How long a step is; and how far it turns an embedding that moves freely (its partner rests or not: no matter)."""
    turn = r"\frac{d \psi}{d \gamma} \Big\rvert_{\gamma = 0}"
    free = {
        "z_i'": lambda s: with_hats(s)[0],
        # the gradient is tangent to the circle of radius |z|
        turn: lambda s: s.norm(s.gradient(lambda r: -cosine(r))) / s.norm(s.z),
        r"\tan \psi": lambda s: s.norm(with_hats(s)[0] - s.z) / s.norm(s.z),
    }
    return [
        examine(
            "Section 3 of 2502.09252, before Thm. 3.4",
            r"\lVert z_i' - z_i \rVert = \frac{\gamma \sin\phi}{\lVert z_i \rVert}",
            pair(free, squared=True),
        ),
        examine(
            "a step is orthogonal to the embedding", r"z_i^\top (z_i' - z_i) = 0", pair(free), role="added"
        ),
        examine(
            r"so the exact angle of a step, $\psi = \angle(z_i, z_i')$, has"
            r" $\tan\psi = \lVert z_i' - z_i \rVert / \lVert z_i \rVert$",
            r"\tan \psi = \frac{\gamma \sin\phi}{\lVert z_i \rVert^2}",
            pair(free, squared=True),
            role="added",
        ),
        examine(
            "and directions turn at the rate over the squared norm",
            rf"{turn} = \frac{{\sin\phi}}{{\lVert z_i \rVert^2}}",
            pair(free, squared=True),
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
