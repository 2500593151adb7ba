r"""Collapsed embeddings have no gradient: 2403.18699 Theorem 3.1, and the lines of its proof in Appendix A."""

from __future__ import annotations

import math
from typing import Any

import torch

from ssllib import losses
from ssllib.theory.critical_points import gradient
from ssllib.theory.proofs.algebra import vanishes
from ssllib.theory.proofs.reading import IDENTITY, Symbols, evaluate, read
from ssllib.theory.proofs.statements import Statement, added

THEOREM = "2403.18699 Theorem 3.1"
APPENDIX = "2403.18699 Appendix A"

ZERO = r"\nabla_{\tilde z_i} \mathcal L_{\mathrm{InfoNCE}} = 0"
LIMIT = 1e-12
"""Largest gradient, times norm and temperature, that counts as zero in float64."""


def _along(a: Any, b: Any, c: Any) -> Any:
    """The cosine with the first axis."""
    import sympy as sp

    return a / sp.sqrt(a**2 + b**2 + c**2)


def _vanishes(phi: Any, u: Any) -> bool:
    """SymPy: does a loss phi(u) of the cosine u between z and the line have no gradient at z on the line?

    Three coordinates stand for any number: one along the line and two across, on which u depends alike.
    """
    import sympy as sp

    a, b, c = sp.symbols("a b c", real=True)
    rho = sp.Symbol("rho", positive=True)
    loss = phi.subs(u, _along(a, b, c))
    slopes = [loss.diff(v).subs({b: 0, c: 0}).subs(a, end).doit() for v in (a, b, c) for end in (rho, -rho)]
    return all(vanishes(slope) for slope in slopes)


def _info_nce_of(u: Any, positive: int, same: Any, opposite: Any) -> Any:
    """All of InfoNCE's terms that contain one sample, as a function of its cosine u with the line.

    Its positive is on the side `positive` (1 or -1); `same` and `opposite` others are at 1 and -1. What is
    left of another anchor's sum does not depend on u and is one symbol.
    """
    import sympy as sp

    tau, *rest = sp.symbols("tau K_p K_s K_o", positive=True)
    e = sp.exp(u / tau)
    own = sp.log(sp.exp(positive * u / tau) + same * e + opposite / e) - positive * u / tau
    partner = sp.log(sp.exp(positive * u / tau) + rest[0]) - positive * u / tau
    return own + partner + same * sp.log(e + rest[1]) + opposite * sp.log(1 / e + rest[2])


def _autograd(seed: int, signs: bool) -> bool:
    """Autograd on the library's InfoNCE: random pairs, dimension, temperature, norms, and signs if asked."""
    generator = torch.Generator().manual_seed(seed)

    def draw(low: float, high: float, *shape: int) -> torch.Tensor:
        return low + (high - low) * torch.rand(shape, generator=generator, dtype=torch.float64)

    worst = 0.0
    for trial in range(60):
        n, d = (int(x) for x in draw(1, 12, 2))
        tau, norms = float(10 ** draw(-1, 1, 1)), 10 ** draw(-3, 3, 2 * n, 1)
        axis = torch.randn(d, generator=generator, dtype=torch.float64)
        side = draw(-1, 1, 2 * n, 1).sign() if signs and trial % 2 else torch.ones(2 * n, 1)
        if signs and trial % 4 == 1:
            side[n:] = side[:n]
        z = norms * side * axis / axis.norm()
        g = gradient(lambda x, n=n, tau=tau: losses.info_nce(x[:n], x[n:], tau), z)  # type: ignore[misc]
        worst = max(worst, float((g * norms).abs().max()) * tau)
    return worst < LIMIT


def equal_stationary(seed: int) -> list[Statement]:
    """All embeddings equal: the gradient through the normalisation, for every number of others."""
    import sympy as sp

    u, others = sp.Symbol("u", real=True), sp.Symbol("N", nonnegative=True)
    return [
        Statement(
            f"{THEOREM}, equal embeddings",
            ZERO + r"\quad (\tilde z_k = \tilde z \text{ for all } k)",
            _vanishes(_info_nce_of(u, 1, others, sp.S(0)), u),
            "SymPy",
        ),
        added("ssllib.losses, info_nce", ZERO, _autograd(seed, signs=False), "autograd"),
        _printed_gradient(seed),
    ]


def rank1_stationary(seed: int) -> list[Statement]:
    """All embeddings on one line, with any signs."""
    import sympy as sp

    u = sp.Symbol("u", real=True)
    same, opposite = sp.symbols("N_s N_o", nonnegative=True)
    return [
        Statement(
            f"{THEOREM}, one line",
            ZERO + r"\quad (\tilde z_k = \pm c_k z^*, \ c_k > 0)",
            all(_vanishes(_info_nce_of(u, side, same, opposite), u) for side in (1, -1)),
            "SymPy",
        ),
        added("ssllib.losses, info_nce", ZERO, _autograd(seed, signs=True), "autograd"),
        added(
            "every loss of cosines",
            r"\nabla_{\tilde z_i} \Phi(\hat z_1^\top \hat z_2, \hat z_1^\top \hat z_3, \dots) = 0"
            r" \text{ for every differentiable } \Phi",
            _vanishes(sp.Function("Phi")(u), u),
            "SymPy",
        ),
        _printed_factor(),
    ]


ONES = 2
"""How many ones stand in the printed factor (1 - P_i) + (1 - P_j)."""


def _printed_gradient(seed: int) -> Statement:
    """Appendix A's gradient with respect to one unit vector, all terms of the batch together."""
    generator = torch.Generator().manual_seed(seed)
    n, d, tau = 5, 4, 0.7
    z = torch.nn.functional.normalize(torch.randn(2 * n, d, generator=generator, dtype=torch.float64), dim=1)
    e = (z @ z.T / tau).exp()
    partner = torch.arange(2 * n).roll(n)
    itself = torch.eye(2 * n, dtype=torch.float64)
    pair = itself[partner]
    p = (e * pair).sum(dim=1) / (e * (1 - itself)).sum(dim=1)  # (2n,)
    q = e * (1 - itself - pair)
    q = (1 - p).unsqueeze(1) * q / q.sum(dim=1, keepdim=True)
    printed = ((ONES - p - p[partner]).unsqueeze(1) * z[partner] - (q + q.T) @ z) / tau
    leaf = z.clone().requires_grad_()
    logits = (leaf @ leaf.T / tau).masked_fill(itself.bool(), -math.inf)
    (g,) = torch.autograd.grad(torch.nn.functional.cross_entropy(logits, partner, reduction="sum"), leaf)
    return added(
        f"{APPENDIX}, gradient for unit vectors",
        r"-\tfrac{\partial \mathcal L}{\partial z_i} = \tfrac{(1 - \mathbb P_i) + (1 - \mathbb P_{j(i)})}{\tau}"
        r" z_{j(i)} - \dots",
        bool((g + printed).abs().max() < LIMIT),
        "autograd",
        "proof",
        {"difference": "not zero"},
    )


FACTOR = r"\frac{1}{\lVert %s \rVert} \bigl( I - z_i z_i^\top \bigr)"


def _printed_factor() -> Statement:
    """Appendix A's last display: the factor of the normalisation's Jacobian, at z~ = (2, 0), z = (1, 0)."""
    import sympy as sp

    a, b = sp.symbols("a b", real=True)
    size = sp.sqrt(a**2 + b**2)
    true = sp.Matrix([a / size, b / size]).jacobian([a, b])
    words = {"I": IDENTITY, "z_i": sp.Matrix([a / size, b / size]), r"\tilde z_i": sp.Matrix([a, b])}

    def factor(latex: str) -> Any:
        """The printed matrix, column by column."""
        matrix = evaluate(read(latex, tuple(words)), words, Symbols())
        return sp.Matrix.hstack(*(matrix.apply(sp.eye(2)[:, k]) for k in (0, 1)))

    printed, corrected = factor(FACTOR % "z_i"), factor(FACTOR % r"\tilde z_i")
    same = [sp.simplify(m - true) == sp.zeros(2) for m in (printed, corrected)]
    here = {a: 2, b: 0}
    tex = r"\frac{\partial z_i}{\partial \tilde z_i} = "
    return Statement(
        f"{APPENDIX}, last display",
        tex + FACTOR % "z_i",
        same[0],
        "SymPy",
        None
        if same[0]
        else {"z~": [2, 0], "entry (2,2)": str(true.subs(here)[3]), "printed": str(printed.subs(here)[3])},
        tex + FACTOR % r"\tilde z_i" if same[1] and not same[0] else None,
        "proof",
    )
