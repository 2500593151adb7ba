r"""InfoNCE's gradient: an anchor's own term as two papers print it, and the loss of a whole batch.

Source: 2406.16468 Eq. 1, Corollary 4, Appendix B with its footnote 4; 2502.09252 Eq. 1, Prop. 3.2, A.2.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from ssllib import geometry, losses
from ssllib.theory.proofs.batches import (
    SIZES,
    BatchRelation,
    NumberBatch,
    agree_in_batches,
    differ,
    hard_batch,
)
from ssllib.theory.proofs.formulas import zero
from ssllib.theory.proofs.infonce_formulas import (
    BATCH_GRADIENT,
    SLOPE,
    batch,
    batch_form,
    gradient_of,
    own_term,
    whole_batch,
)
from ssllib.theory.proofs.reading import Reading, numbers
from ssllib.theory.proofs.statements import TOLERANCE, Statement, examine

COR_4 = "2406.16468 Cor. 4"
PROP_3_2 = "2502.09252 Prop. 3.2"
REPULSION = r"\nabla_i^{\mathcal R}"
PULL = r"(\hat z_j)_{\perp z_i}"
MEAN_2406 = r"\sum_{k \neq i} \Bigl( \hat z_k \frac{\mathrm{sim}(z_i, z_k)}{S_i} \Bigr)_{\perp z_i}"
MEAN_2502 = r"\sum_{k \neq i} \Bigl( \hat z_k \frac{\mathrm{ExpSim}(z_i, z_k)}{S_i} \Bigr)_{\perp z_i}"
OVER_NORM = r"\frac{1}{\lVert z_i \rVert}"
CHAIN = rf"\frac1{{S_i}} \sum_{{k \neq i}} \mathrm{{ExpSim}}(z_i, z_k) {SLOPE}"


# --- checks -----------------------------------------------------------------------------------------------


def untempered() -> Reading:
    return batch(names=("derivative", "printed"), tempered=False)


def corollary_4(seed: int) -> list[Statement]:
    """Both terms with a plus sign, as 2406.16468 prints them."""
    return [
        examine(
            COR_4,
            rf"\nabla_i = {OVER_NORM} \Bigl[ {PULL} + {MEAN_2406} \Bigr]",
            untempered(),
            corrected=rf"\nabla_i = {OVER_NORM} \Bigl[ -{PULL} + {MEAN_2406} \Bigr]",
        ),
        examine(
            "2406.16468 App. B",
            rf"{REPULSION} = {CHAIN.replace('ExpSim', 'sim')}",
            untempered(),
            role="proof",
        ),
    ]


def proposition_3_2(seed: int) -> list[Statement]:
    """The gradient of Prop. 3.1 plus the weighted mean, as 2502.09252 prints it."""
    printed = rf"\nabla_i^{{\mathcal A}} + {OVER_NORM} {MEAN_2502}"
    return [
        examine(PROP_3_2, rf"\nabla_i = {printed}", untempered()),
        examine(
            "with a temperature",
            rf"\nabla_i = \frac{{1}}{{\tau \lVert z_i \rVert}} \Bigl[ -{PULL}"
            r" + \sum_{k \neq i} p_{ik} (\hat z_k)_{\perp z_i} \Bigr]",
            batch(),
            role="added",
        ),
        any_number(),
        agree_in_batches(
            "batches of up to 32", rf"\nabla_i = \frac1\tau \Bigl( {printed} \Bigr)", batch(), seed
        ),
        library_form(seed),
    ]


def any_number() -> Statement:
    """The weights, for a number m of other samples that is itself a symbol."""
    import sympy as sp

    c, tau = sp.IndexedBase("c", real=True), sp.Symbol("tau", positive=True)
    k, other, m = sp.Symbol("k", integer=True), sp.Symbol("l", integer=True), sp.Symbol("m", integer=True)
    total = sp.Sum(sp.exp(c[k] / tau), (k, 1, m))
    found = sp.piecewise_fold(sp.log(total).diff(c[other]).doit())
    inside = found.subs(sp.And(other >= 1, m >= other), True)
    inside = inside.args[0].expr if isinstance(inside, sp.Piecewise) else inside
    slope = r"\frac{\partial}{\partial c_{ik}} \log S_i"
    words = {slope: inside, "S_i": total, "c_{ik}": c[other], r"\tau": tau}
    return examine(
        "any number of samples",
        rf"{slope} = \frac{{\exp(c_{{ik}} / \tau)}}{{\tau S_i}} \quad \bigl( = p_{{ik}} / \tau \bigr)",
        numbers(words),
        role="added",
    )


def library_form(seed: int) -> Statement:
    """`ssllib.geometry.infonce_gradient` against autograd, on hard batches, in units of 1 / (tau |z|)."""
    wrong = {}
    for d, m, tau in ((1, 3, 1.0), (2, 3, 0.5), (20, 9, 0.1)):
        z, others = hard_batch(d, m, draws=42, seed=seed, spread=8)
        right = NumberBatch(z, others, tau).gradient(own_term)
        rows = torch.stack([z, *others], dim=1)  # (draws, 1 + m, d)
        left = torch.stack([geometry.infonce_gradient(batch, 0, 1, tau) for batch in rows])
        error = float((tau * z.norm(dim=1) * (left - right).norm(dim=1)).max())
        if not error < TOLERANCE:
            wrong[f"d = {d}"] = f"error {error:.0e}"
    name = "ssllib.geometry, infonce_gradient"
    tex = r"\tau \lVert z_i \rVert \nabla_i = \Bigl( -\hat z_j + \sum_k p_{ik} \hat z_k \Bigr)_{\perp z_i}"
    return Statement(name, tex, not wrong, "autograd", wrong or None, role="added")


def proof_sign(seed: int) -> list[Statement]:
    """The minus sign before the chain rule for log S_i in A.2 of 2502.09252; the line after it."""
    return [
        examine("2502.09252 A.2", rf"{REPULSION} = -{CHAIN}", untempered(), corrected=f"{REPULSION} = {CHAIN}"),
        examine(
            "its next line, taken literally (the gradient of Prop. 3.1, minus sign included, for each derivative)",
            rf"{REPULSION} = -\frac1{{S_i}} \sum_{{k \neq i}} \mathrm{{ExpSim}}(z_i, z_k)"
            r" \Bigl[ -\Bigl( \frac{\hat z_k}{\lVert z_i \rVert} \Bigr)_{\perp z_i} \Bigr]",
            untempered(),
            role="added",
        ),
    ]


def tangent_and_scaled(source: str, name: str, sizes: tuple[int, ...] = SIZES) -> Iterator[Statement]:
    """The two properties of a gradient: orthogonal to z, and k times as short k times as far out."""
    yield examine(source, rf"z_i^\top {name} = 0", batch(sizes=sizes))
    yield examine(source, rf"k \, {name}(k z_i) = {name}(z_i) \quad (k > 0)", batch(sizes=sizes))


def properties(seed: int) -> list[Statement]:
    """Tangent and inversely scaled: the repulsive part, and the anchor's whole term."""
    return [
        *tangent_and_scaled("2406.16468 App. B, 2502.09252 section 3", REPULSION),
        *tangent_and_scaled("the sum of both parts", r"\nabla_i"),
    ]


def whole(seed: int) -> list[Statement]:
    """The loss of a whole batch, in which z_i is also the positive of one anchor and a negative of others."""
    ours = rf"{BATCH_GRADIENT} = \frac{{1}}{{2 n \tau \lVert z_i \rVert}} \sum_{{k \neq i}}"
    ours += r" (p_{ik} + p_{ki} - 2 \cdot [k = j]) (\hat z_k)_{\perp z_i}"
    return [
        *tangent_and_scaled("2502.09252 A.2, for the whole batch", BATCH_GRADIENT, (1, 3)),
        examine("in closed form", ours, batch(sizes=(1, 3)), role="added"),
        agree_with_loss(seed),
        differ(
            "not the gradient of the proposition",
            rf"{BATCH_GRADIENT} \text{{ may point against }} \nabla_i",
            BatchRelation(
                zero,
                lambda s: s.dot(s.gradient(whole_batch), s.gradient(own_term)),
                "<=",
                names=("", ""),
                sizes=(3,),
                corners=True,
            ),
            show={
                "own term": gradient_of(own_term),
                "whole batch, times 2n": summed,
            },
        ),
    ]


def summed(s: Any) -> Any:
    """The gradient of the sum, not the mean, of all samples' terms."""
    return s.gradient(whole_batch) * (1 + len(s.others))


def agree_with_loss(seed: int) -> Statement:
    """The closed form against autograd through `ssllib.losses.info_nce`, in float64."""
    wrong = {}
    for d, n, tau in ((1, 2, 1.0), (2, 2, 0.5), (20, 8, 0.1)):
        generator = torch.Generator().manual_seed(seed)
        z = torch.randn(2 * n, d, generator=generator, dtype=torch.float64)
        z = z * 10 ** (6 * torch.rand(2 * n, 1, generator=generator, dtype=torch.float64) - 3)
        z[3] = z[0] * 2  # a parallel and an antipodal pair
        z[2] = -z[1]
        leaf = z.clone().requires_grad_()
        (found,) = torch.autograd.grad(losses.info_nce(leaf[0::2], leaf[1::2], tau), leaf)
        for i in range(2 * n):
            order = [i, i ^ 1, *(k for p in range(n) if p != i // 2 for k in (2 * p, 2 * p + 1))]
            first, *others = z[order].unsqueeze(1).unbind()
            gap = batch_form(NumberBatch(first, others, tau))[0] - found[i]
            error = float(2 * n * tau * z[i].norm() * gap.norm())
            if not error < TOLERANCE:
                wrong[f"d = {d}, sample {i}"] = f"error {error:.0e}"
    tex = rf"{BATCH_GRADIENT} \text{{ in that form is the gradient of info\_nce}}"
    return Statement("ssllib.losses, info_nce", tex, not wrong, "autograd", wrong or None, role="added")


CHECKS = {
    "infonce-gradient-2406": corollary_4,
    "infonce-gradient-2502": proposition_3_2,
    "infonce-gradient-proof-sign": proof_sign,
    "infonce-gradient-properties": properties,
    "infonce-gradient-whole-batch": whole,
}
