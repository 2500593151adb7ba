# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # The gradient of InfoNCE
#
# {doc}`cosine-gradient` was about two vectors. {term}`InfoNCE` puts an embedding among many: one {term}`positive <positive pair>` that it is pulled to,
# all others that it is pushed from. Both papers print the gradient, the newer one also proves it with another sign. And both print it for *one term* of the loss, while in
# training an embedding is also the positive and a {term}`negative` of others. Here the signs are settled, the gradient that is really felt is
# worked out, and a remark on which of the two forces is larger is put to the test.

# %% tags=["parameters"]
seed: int = 0  # of the random batches
batches: int = 40  # batches per point of the right-hand figure
dimension: int = 128  # of the embeddings in these batches

# %% tags=["hide-input"]
import numpy as np
import sympy as sp
import torch
from matplotlib import pyplot as plt

from ssllib import geometry, losses
from ssllib.evidence import papers
from ssllib.pages import page as pages
from ssllib.pages import plots, proof_report
from ssllib.theory.proofs import batches as batch_spaces
from ssllib.theory.proofs import infonce_formulas as formulas

page = pages.begin(
    "theory/infonce-gradient",
    globals(),
    seed=pages.integer(0, 10**6),
    batches=pages.integer(1, 400),
    dimension=pages.integer(2, 2048),
)

# %% [markdown]
# ## The answer

# %% tags=["remove-input"]
page.answer(
    {
        "Is the older paper's gradient right?": "infonce-gradient-2406",
        "And the newer one's?": "infonce-gradient-2502",
        "Is it orthogonal to the embedding, and inversely proportional to its norm?": "infonce-gradient-properties",
        "In the loss of a whole batch, too?": "infonce-gradient-whole-batch",
        "Is repulsion the smaller force?": "repulsion-smaller",
    }
)

# %% [markdown]
# ## What is printed
#
# Write $S_i = \sum_{k \neq i} \exp(\hat z_i^\top \hat z_k)$; the sum runs over the whole batch but $i$, the positive $j$ included. The term of the
# {term}`anchor` $i$ is an {term}`attraction <attraction-only>` and a {term}`repulsion`,
#
# $$\mathcal L_i = -\hat z_i^\top \hat z_j + \log S_i, \qquad p_{ik} = \frac{\exp(\hat z_i^\top \hat z_k)}{S_i},$$ (eq-infonce-gradient-loss)
#
# and $p_{ik}$ are the weights of a softmax: positive, with sum 1. Neither paper writes a {term}`temperature`. This is what they print for the gradient:

# %% tags=["hide-input"]
cards = []
for paper, name, key in (("2406.16468", "cor-4", "draganov2024pitfalls"), ("2502.09252", "prop-3.2", "draganov2025norms")):
    printed = papers.load(paper).statement(name)
    cards.append(f":::{{grid-item-card}} {printed.name}, {{cite:t}}`{key}`\n\n{printed.text}\n:::")
pages.show("::::{grid} 1\n:gutter: 2\n\n" + "\n\n".join(cards) + "\n::::")

# %% [markdown]
# The first has a plus before the attraction. In the second, $\nabla_i^{\mathcal A}$ carries a minus sign of its own. And the newer paper's proof
# puts a minus sign before the repulsion, which its proposition does not have.

# %% [markdown]
# ## The derivation
#
# The loss is a function of the cosines $c_{ik} = \hat z_i^\top \hat z_k$ alone. Differentiate it in one of them first. SymPy does so for a batch whose size $m + 1$ is itself a symbol:

# %%
c, tau = sp.IndexedBase("c", real=True), sp.Symbol("tau", positive=True)
k, ell, m = sp.symbols("k ell m", integer=True)
total = sp.Sum(sp.exp(c[k] / tau), (k, 1, m))
slope = sp.log(total).diff(c[ell])
left = r"\frac{\partial}{\partial c_\ell} \log S"
pages.show(f"$${left} = {sp.latex(slope)}$$")

# %% [markdown]
# The Kronecker delta picks one term, so this is $p_{i\ell}/\tau$. The chain rule with the gradient of a cosine, $\nabla_i c_{ik} = (\hat z_k)_{\perp z_i} / \|z_i\|$
# ({prf:ref}`prop-cosine-gradient`), gives the rest:
#
# :::{prf:proposition} The gradient of an anchor's own term
# :label: prop-infonce-gradient
#
# With temperature $\tau$, and $p_{ik}$ the softmax of $c_{ik}/\tau$ over $k \neq i$,
#
# $$\nabla_i \mathcal L_i = \frac{1}{\tau \|z_i\|} \Bigl( -\hat z_j + \sum_{k \neq i} p_{ik}\, \hat z_k \Bigr)_{\perp z_i}.$$
# :::
#
# A pull to the positive and a push from the *mean* of all others, weighted by how near they are. With $\tau = 1$ this is Proposition 3.2 of {cite:t}`draganov2025norms`, sign for sign.

# %% tags=["remove-input"]
page.card("infonce-gradient-2406", "infonce-gradient-2502", "infonce-gradient-proof-sign")

# %% [markdown]
# Each is decided as in {doc}`cosine-gradient`: through inner products, hence in every dimension, and false only with a counterexample. With a sum in it, that is done for one and for two
# other samples, and then extended to any number.
#
# * **Corollary 4, by hand.** Let $z_i = (1, 0)$, the positive $(0, 1)$ and one negative $(0, -1)$. Both cosines are zero, both weights $\tfrac12$, so the two repulsions
#   cancel. What is left is the attraction: the gradient is $(0, -1)$, and the paper prints $(0, 1)$. It inherits the sign of Proposition 1. There a lost minus could be read as "the direction in which to go";
#   here one half of the vector would point downhill and the other uphill, and no reading saves it. With that one sign changed it is true.
# * **The proof of 2025, by hand.** $z_i = (1, 0)$, the positive $(0, 1)$ and a negative at $z_i$ itself: moving up brings $z_i$ nearer to the positive, $S_i$ grows, and
#   the gradient of $\log S_i$ points up. The proof has it pointing down. Its next sentence is "It remains to substitute the result of Prop. 3.1" for the derivative
#   of the cosine; Proposition 3.1 is about *minus* the cosine, and taken literally this brings in a second wrong sign that undoes the first. So the line is false, and the proposition that it leads to is true. The older paper's
#   proof of its own corollary has this line with the right sign.
#
# ## Two properties, and the whole batch
#
# A sum of vectors orthogonal to $z_i$ is orthogonal to $z_i$, and the weights $p_{ik}$ do not change when $z_i$ is made longer. Nothing more is needed for the two properties.
#
# But is this the gradient that an embedding feels? The loss of a batch of $n$ pairs is the mean of $2n$ such terms. In one of them $z_i$ is the anchor; in another it is the positive; in the
# $2n - 2$ others it is a negative. {cite:t}`draganov2025norms` note that "$z_i$ affects $z_j$ and $z_k$", and leave it at that. The proposition says "the gradient of $\mathcal L_{ij}$ with respect to $z_i$": it describes
# **the anchor's own term**. The sum of all terms has another gradient. By symmetry of the cosine, sample $k$'s term adds $p_{ki}$ where $i$'s own has $p_{ik}$, and the positive's pulls once more:
#
# $$\nabla_i \mathcal L_{\text{batch}} = \frac{1}{2n\,\tau \|z_i\|} \sum_{k \neq i} \bigl( p_{ik} + p_{ki} - 2\,[k = j] \bigr) (\hat z_k)_{\perp z_i}.$$ (eq-infonce-gradient-batch)
#
# Here the papers' "symmetric" is exact: the weight between $i$ and $k$ is the weight between $k$ and $i$. $p_{ik}$ alone is not. And both properties survive, since this is again a sum of tangent vectors with weights that know directions only.

# %% tags=["remove-input"]
page.card("infonce-gradient-properties", "infonce-gradient-whole-batch")

# %% [markdown]
# How different can the two gradients be? In a batch of two pairs they may point in opposite directions. {numref}`fig-infonce-gradient` (left) draws that batch. In the anchor's own term the repulsion wins, and
# wants it down; but it is also the positive of $z_j$, whose term pulls it up, and harder than the two terms in which it is a negative push it down. In random batches they nearly agree:

# %% tags=["hide-input"]
def random_batch(n, d, generator, angle=None):
    """2n unit vectors (2n, d) in float64, neighbours positive pairs; `angle` between them, or none in particular."""
    z = torch.randn(2 * n, d, generator=generator, dtype=torch.float64)
    z = z / z.norm(dim=1, keepdim=True)
    if angle is not None:
        side = geometry.tangent_component(z[1::2], z[0::2])
        z[1::2] = np.cos(angle) * z[0::2] + np.sin(angle) * side / side.norm(dim=1, keepdim=True)
    return z


def own_and_whole(z, temperature):
    """The gradient of each sample's own term, and that of the sum of all terms, (2n, d) each."""
    own = torch.stack([geometry.infonce_gradient(z, i, i ^ 1, temperature) for i in range(len(z))])
    leaf = z.clone().requires_grad_()
    (whole,) = torch.autograd.grad(len(z) * losses.info_nce(leaf[0::2], leaf[1::2], temperature), leaf)
    return own, whole


rows = []
generator = torch.Generator().manual_seed(seed)
for n, angle in ((2, None), (128, None), (2, 0.5), (128, 0.5)):
    for temperature in (1.0, 0.1):
        pairs = [own_and_whole(random_batch(n, dimension, generator, angle), temperature) for _ in range(max(1, 64 // n))]
        own, whole = (torch.cat(x) for x in zip(*pairs))
        agreement, longer = geometry.cosine(own, whole), whole.norm(dim=1) / own.norm(dim=1)
        rows.append([n, "random" if angle is None else f"{angle:g}", f"{temperature:g}", f"{agreement.median():.3f}", f"{agreement.min():.3f}", f"{longer.median():.2f}"])
pages.table(
    rows,
    ["pairs", "angle of a pair (radians)", r"$\tau$", "cosine of the two gradients, median", "smallest", "length: all terms over own term, median"],
    caption="An anchor's own gradient beside that of the sum of all terms",
    name="tab-infonce-gradient-two",
)

# %% [markdown]
# Wherever the positive dominates, the sum is close to twice the own term: the pull acts from both ends of the pair. Where a mean over anchors is taken, a step is thus about $1/n$, not $1/(2n)$, of what the proposition gives.

# %% tags=["hide-input"] mystnb={"image": {"alt": "Left: the plane with the unit circle; the anchor at (1, 0), its positive up right, two negatives up left and up. From the anchor an upward arrow for attraction, a downward one for repulsion, a short downward arrow for the own term's step and a short upward one for the step of the whole batch. Right: the ratio of repulsion to attraction against the angle of the positive pair, on a logarithmic scale, for temperatures 1, 0.5 and 0.1 solid for negatives in random directions, dashed for negatives to one side. The solid curves are below 1 except at the very smallest angles; the dashed ones fall below 1 only at angles of tens of degrees."}, "figure": {"caption": "Left: a batch of two pairs, drawn on its directions, and the steps of descent on the anchor $z_i$: the two halves of its own term, their sum, and the step of the whole batch's summed loss (the last two five times as long as they are). Right: length of the repulsive over that of the attractive part of an anchor's own gradient, mean over batches of 128 pairs; solid: negatives in random directions, dashed: in a cluster to one side, about a direction that is one radian from the anchor. Above the line at 1, repulsion is the larger part.", "name": "fig-infonce-gradient"}}
def vector(*entries):
    return torch.tensor(entries, dtype=torch.float64)


fig, (plane, ratio) = plt.subplots(1, 2, figsize=(9.2, 3.9), width_ratios=[1, 1.2])
decided = proof_report.Decided(
    page.recorded("proofs"),
    "infonce-gradient-2406", "infonce-gradient-2502", "infonce-gradient-proof-sign", "infonce-gradient-properties", "infonce-gradient-whole-batch",
    "repulsion-smaller",
)  # fmt: skip
example = decided.statements("infonce-gradient-whole-batch")[-1]["counterexample"]
z = torch.tensor([example[name] for name in ("z", "positive", "first negative", "its positive")], dtype=torch.float64)
directions = z / z.norm(dim=1, keepdim=True)
around = np.linspace(0, 2 * np.pi, 200)
_ = plane.plot(np.cos(around), np.sin(around), color="#bbbbbb", lw=1)
for point, name, color, shift in zip(directions, ("$z_i$", "$z_j$", "$z_k$", "$z_l$"), ("black", plots.GREEN, plots.RED, plots.RED), ((-19, -4), (6, 4), (-20, 4), (-4, 7))):
    _ = plane.plot(*point, "o", color=color, ms=7, zorder=5)
    _ = plane.annotate(name, point, shift, textcoords="offset points", color=color, fontsize=12)
_ = plane.plot(*directions[2:].T, color=plots.RED, lw=0.8, ls=":")
_ = plane.plot(*directions[:2].T, color=plots.GREEN, lw=0.8, ls=":")
own, whole = (g[0] for g in own_and_whole(z, 1.0))
space = batch_spaces.NumberBatch(z[:1], list(z[1:].unsqueeze(1)))
pull, push = (-space.gradient(f)[0] for f in (formulas.attraction, formulas.repulsion))
assert torch.allclose(pull + push, -own)
arrows = ((pull, plots.GREEN, "attraction", 1, 1.0), (push, plots.RED, "repulsion", 1, 1.14), (-own, "black", "own term, ×5", 5, 1.28), (-whole, plots.BLUE, "whole batch, ×5", 5, 1.42))
for step, color, label, size, x in arrows:
    _ = plane.annotate("", (x, float(step[1]) * size), (x, 0), arrowprops={"arrowstyle": "-|>", "color": color, "lw": 2.2, "shrinkA": 0, "shrinkB": 0})
    _ = plane.plot([], [], color=color, lw=2.2, label=label)
_ = plane.plot([1, 1.5], [0, 0], color="#bbbbbb", lw=0.8)
_ = plane.legend(loc="center", fontsize=8, bbox_to_anchor=(0.4, 0.38))
_ = plane.set(aspect="equal", xlim=(-1.2, 1.65), ylim=(-1.1, 1.25), xticks=[-1, 0, 1], yticks=[-1, 0, 1])

angles = np.radians(np.arange(1, 180, 1.0))
crossings = []
for temperature, color in ((1.0, plots.BLUE), (0.5, plots.ORANGE), (0.1, plots.PURPLE)):
    for lopsided in (False, True):
        generator = torch.Generator().manual_seed(seed)
        sizes = torch.zeros(len(angles), dtype=torch.float64)
        for _batch in range(batches):
            anchor, side = random_batch(1, dimension, generator)
            side = geometry.unit(geometry.tangent_component(side, anchor))
            u = random_batch(127, dimension, generator)
            if lopsided:  # about a direction that is a radian from the anchor
                away = geometry.unit(geometry.tangent_component(u[:1], anchor))
                u = geometry.unit(np.cos(1) * anchor + np.sin(1) * away + u / 2)
            phi = torch.from_numpy(angles).unsqueeze(1)
            positives = phi.cos() * anchor + phi.sin() * side
            weights = torch.cat([(phi.cos()), (u @ anchor).expand(len(phi), -1)], dim=1).div(temperature).softmax(dim=1)
            mean = weights[:, :1] * positives + weights[:, 1:] @ u
            pushed = geometry.tangent_component(mean, anchor.expand_as(mean)).norm(dim=1)
            sizes += pushed / torch.sin(phi.squeeze(1))
        sizes /= batches
        larger = angles[(sizes.numpy() >= 1) & (angles < np.pi / 2)]
        crossings.append((temperature, lopsided, np.degrees(larger.max()) if len(larger) else None))
        _ = ratio.plot(np.degrees(angles), sizes, color=color, ls="--" if lopsided else "-", lw=3.6 if temperature == 1 else 1.8, label=None if lopsided else rf"$\tau = {temperature:g}$")
_ = ratio.axhline(1, color="black", lw=0.9)
_ = ratio.set(yscale="log", xlabel=r"angle of the positive pair, $\phi_{ij}$ (degrees)", ylabel="repulsion / attraction", xticks=range(0, 181, 30))
_ = ratio.legend()
plt.show()

# %% [markdown]
# ## Is repulsion the smaller force?
#
# Both papers say so, and give a reason: it is "a weighted average over a set of unit vectors". Such an average is indeed no longer than a unit vector. But the attraction is not
# a unit vector either: it is the *part of one* that is orthogonal to $z_i$, of length $\sin\phi_{ij}$, and that goes to zero as the positive is reached.

# %% tags=["remove-input"]
page.card("repulsion-smaller")

# %% [markdown]
# By hand: a positive in the direction of $z_i$ attracts no more, and a negative at a right angle repels with the weight $1/(1 + e)$. This is not a corner case. Where the loss of an anchor is *stationary*,
# its two halves cancel, and so have the same length: $z_i = (1, 0)$ between the positive $(1, 1)$ and the negative $(-1, 1)$ does not move at all. Every anchor that comes to rest gets there with forces in balance.
#
# What the papers' argument does prove is a bound on the repulsion by itself. An average is no longer than the longest vector in it:
#
# :::{prf:proposition} A bound on repulsion
# :label: prop-infonce-repulsion
#
# $$\|\nabla_i^{\mathcal R}\| \;\leq\; \max_{k \neq i} \frac{\sin\phi_{ik}}{\tau \|z_i\|} \;\leq\; \frac{1}{\tau \|z_i\|}.$$
# :::
#
# So no repulsion exceeds the largest attraction that there could be, at a right angle to the positive. Z3 proves the step from which it follows by induction over the samples: for two vectors $a$, $b$ of any dimension and any weight $0 < w < 1$,
# $\|w a + (1 - w) b\| \leq \max(\|a\|, \|b\|)$.

# %% tags=["hide-input"]
def reach(lopsided):
    """Up to which angle repulsion is the larger part, for each temperature."""
    words = [(t, "at none" if angle is None else f"up to {angle:.0f}°") for t, side, angle in crossings if side == lopsided]
    return ", ".join(f"{word} (τ = {t:g})" for t, word in words)


pages.say(
    "How often is it larger? In batches of 128 pairs with negatives in random directions it is, on average, only for positives very near the anchor, at angles "
    f"{reach(False)}, or very near its opposite. With negatives to one side it is at angles {reach(True)} ({{numref}}`fig-infonce-gradient`, right; in steps of 1°)."
)

# %% [markdown]
# So the papers' picture is right where negatives lie all around: pushes from random sides cancel. Where they lie to one side, as the samples of a neighbouring class do, it fails for most pairs that are
# anywhere near each other.

# %% [markdown]
# ## This execution
#
# What the cards say is recorded. Here every check is carried out again, now, and must come to the same words.

# %% tags=["hide-cell", "nbval-ignore-output"]
decided.again()

# %% [markdown]
# ## What differs, and why
#
# * **Signs.** Three printed lines, two of them wrong, and none of it reaches the papers' experiments: code differentiates the loss, not the formula.
# * **The temperature** is missing from every formula of the two papers. It multiplies the gradient by $1/\tau$ and sharpens the weights. Neither property depends on it.
# * **Which samples are in $S_i$.** {cite:t}`draganov2025norms` print $k \not\sim i$ under the sum and explain it as "all $k \neq i$"; we follow the words, and their Equation 1. Their code leaves the positive out
#   (`info_nce_released` in `ssllib.losses`). The properties hold for it as well ({doc}`norm-growth`).
# * **The own term or the batch.** The papers' analysis is of the own term, their training of the whole batch. For tangency, the power of the norm, and hence norm growth, it makes no difference.
# * **Smaller repulsion** is a remark in both papers; no theorem rests on it. The bound that replaces it supports the same intuition, that averaging weakens the push, without the comparison.
#
# ## What it costs, and how to vary it

# %% tags=["remove-input", "nbval-ignore-output"]
page.cost()

# %% tags=["remove-input"]
page.papermill(seed=1, batches=100, dimension=16)
