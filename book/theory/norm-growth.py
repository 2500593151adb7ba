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
# # One lemma behind many: why norms grow, and where they stop
#
# A step of gradient descent on the {term}`cosine similarity` never makes an {term}`embedding` shorter ({doc}`cosine-gradient`). The papers say the same of {term}`InfoNCE`, of
# the squared error of unit vectors, of the triplet loss, of "any objective that is itself a function of the cosine similarity". One lemma carries all of it. It also tells which losses
# it does *not* reach, on which side of the line DINO falls, and what it takes to make norms shrink.

# %% tags=["parameters"]
seed: int = 0  # of all random embeddings, targets and inputs
dimension: int = 16  # of the embeddings in the table of losses
steps: int = 400  # of each optimizer

# %% tags=["hide-input"]
import numpy as np
import torch
from matplotlib import pyplot as plt

from ssllib import losses
from ssllib.pages import page as pages
from ssllib.pages import plots, proof_report
from ssllib.theory.proofs import cosine_losses, dino_head, optimizers

page = pages.begin(
    "theory/norm-growth",
    globals(),
    seed=pages.integer(0, 10**6),
    dimension=pages.integer(2, 512),
    steps=pages.integer(10, 5000),
)

# %% [markdown]
# ## The answer

# %% tags=["remove-input"]
page.answer(
    {
        "Does every loss of cosines lengthen embeddings?": "norm-growth-any-cosine-loss",
        "InfoNCE, too?": "norm-growth-infonce",
        "Does growth outlast momentum and Adam?": "norm-growth-optimizers",
        "Is DINO's loss no loss of cosines?": "dino-not-cosine",
    }
)

# %% [markdown]
# All of it is one lemma ({prf:ref}`lem-norm-growth`): a loss that does not see an embedding's length cannot shorten it by a step of gradient descent.

# %% [markdown]
# ## The lemma
#
# :::{prf:lemma} Scale-free losses have tangent gradients
# :label: lem-norm-growth
#
# Let a differentiable loss not change when the embedding $z \neq 0$ is scaled: $\mathcal L(kz) = \mathcal L(z)$ for every $k > 0$, all else fixed. Then
#
# 1. its gradient is orthogonal to the embedding, $z^\top \nabla \mathcal L(z) = 0$;
# 2. its gradient is inversely proportional to the norm, $k \nabla \mathcal L(kz) = \nabla \mathcal L(z)$;
# 3. no step of gradient descent, whatever its rate $\gamma$, shrinks the embedding: $\|z - \gamma \nabla \mathcal L(z)\|^2 = \|z\|^2 + \gamma^2 \|\nabla \mathcal L(z)\|^2$.
# :::
#
# Proof. Differentiate $\mathcal L(kz) = \mathcal L(z)$ in $k$ at $k = 1$ (Euler), or in $z$. The third is Pythagoras. $\square$
#
# Nothing about the loss enters but its scale-freeness, in *one* embedding, with the others held fixed. So for any loss the question is only: does it see the length of an embedding? A loss of cosines cannot, and that is
# all of the list, with no computation:
#
# | loss | why it does not see $\lVert z_i \rVert$ |
# |:---|:---|
# | cosine (SimSiam, BYOL), squared error of unit vectors | a cosine; $\lVert\hat z_i - \hat z_j\rVert^2 = 2 - 2\cos\phi_{ij}$ |
# | InfoNCE, an anchor's own term or the whole batch; DCL; SupCon and supervised InfoNCE | sums, exponentials and logarithms of cosines |
# | triplet loss | $\max(0, 2\cos\phi_{an} - 2\cos\phi_{ap} + m)$; at the kink each subgradient is a multiple of the tangent one, and below it is zero |
# | CLOA's anchor term | a cosine with a fixed vector |
#
# All embeddings of a batch may move at the same time: each moves along its own tangent. The machine takes nothing on trust: SymPy differentiates an *arbitrary* function $F$ of the cosines, by inner products alone, hence in every
# dimension; Z3 proves the third part; autograd, in float64, checks each loss of `ssllib.losses` for norms from $10^{-4}$ to $10^4$.

# %% tags=["remove-input"]
page.card("norm-growth-any-cosine-loss", "norm-growth-infonce", "norm-growth-mse", "norm-growth-triplet")

# %% [markdown]
# Corollary 2 of {cite:t}`draganov2024pitfalls` applies to the vector of their Corollary 4, one of whose signs is wrong ({doc}`infonce-gradient`). It holds for that vector, too: a sum of tangent vectors is tangent whatever their signs.
#
# ## The losses that it does not cover
#
# {term}`Collapse <collapse>` can be prevented without cosines. VICReg and Barlow Twins look at the dimensions of a batch, and both see how long an embedding is. Below, the radial part $z_i^\top \nabla_i$: how fast the loss changes with the logarithm
# of the norm. Then, after one small step, the share of embeddings that are shorter.

# %% tags=["hide-input"]
rows = []
for name, f in (cosine_losses.COVERED | cosine_losses.UNCOVERED).items():
    z = cosine_losses.embeddings(dimension, seed, spread=0.3)
    along, size = cosine_losses.radial(f, z)
    leaf = z.clone().requires_grad_()
    (g,) = torch.autograd.grad(f(leaf), leaf)
    moved = float((g.norm(dim=1) / z.norm(dim=1)).max())  # 0 where a loss is at its least, as the triplet loss can be
    after = z - g * (1e-6 / moved if moved else 0.0)  # no embedding moves by more than a millionth
    shorter = after.norm(dim=1) < z.norm(dim=1) * (1 - 1e-12)
    if name in cosine_losses.COVERED:
        assert float(along.abs().max()) < cosine_losses.ROUNDING * max(1.0, float(size.max())) and not bool(shorter.any())
    else:
        assert float((along.abs() / size).max()) > 1e-3
    part = "rounding" if name in cosine_losses.COVERED else f"{float((along.abs() / size).max()):.2f}"
    rows.append([f"`{name}`", f"{float(size.max()):.3g}", part, f"{int(shorter.sum())} of {len(z)}"])
pages.table(
    rows,
    ["loss", r"largest $\|z_i\| \|\nabla_i\|$", r"largest $\lvert \hat z_i^\top \hat\nabla_i \rvert$", "shorter after a step"],
    caption="The radial part of the gradients of `ssllib.losses`, over 12 random embeddings",
    name="tab-norm-growth-radial",
)
z = cosine_losses.embeddings(dimension, seed, spread=0.3)
columns = {}
for name in cosine_losses.UNCOVERED:
    leaf = z.clone().requires_grad_()
    (g,) = torch.autograd.grad(cosine_losses.UNCOVERED[name](leaf), leaf)
    columns[name] = float((z * g).reshape(2, 6, dimension).sum(dim=1).abs().max()), float((z * g).sum(dim=1).abs().max())
barlow, vicreg = columns["barlow_twins"], columns["vicreg"]
assert barlow[0] < 0.01 * barlow[1] and vicreg[0] > 0.01 * vicreg[1]
pages.say(
    f"The lemma applies to Barlow Twins all the same, to other vectors. It standardises each dimension over a batch, so it does not see how long a *column* is: the largest $|\\text{{column}}^\\top \\nabla|$ "
    f"is {barlow[0]:.1g}, from the small constant in the standardisation, where the largest $|z_i^\\top \\nabla_i|$ is {barlow[1]:.2g}. "
    f"But for that constant no step shrinks a column; it may shrink an embedding. VICReg, whose variance term asks for a standard deviation of 1, is tangent to neither: {vicreg[0]:.2g} and {vicreg[1]:.2g}."
)

# %% [markdown]
# ## DINO
#
# {cite:t}`draganov2024pitfalls` explain DINO's poor showing with {term}`cut-initialization` by "Dino's objective function does not depend on the cosine similarity". The head that {cite:t}`caron2021dino` publish ends in an
# $\ell_2$-normalised bottleneck and a weight-normalised linear layer without bias. Its outputs are
#
# $$\text{logit}_k = g_k\, \hat z^\top \hat w_k,$$
#
# cosines between the bottleneck $z$ and learned directions $w_k$, with gains $g_k$ that are 1 unless they are trained. The loss is a cross-entropy of such outputs.

# %% tags=["remove-input"]
page.card("dino-not-cosine")

# %% [markdown]
# Scaling the bottleneck changes nothing, and the lemma holds there, in the published head and in `ssllib.engine.methods.dino`. By the definition of {cite:t}`draganov2025norms`, a loss is "cosine-similarity-based" if its gradients are tangent and inversely scaled:
# DINO is. Two things are true of the sentence. The loss is no function of the cosine *between the two views*, as the last line under *How it was judged* shows. And other places in the network are not scale-free:

# %% tags=["hide-input"]
generator = torch.Generator().manual_seed(seed)
k = 32
head = dino_head.PublishedHead(dimension, k, seed)
hidden = torch.randn(2, 64, dimension, generator=generator, dtype=torch.float64) / 4
shift = torch.randn(64, generator=generator, dtype=torch.float64) / 4


def before_head(h):
    """A small projector, one hidden layer with biases, and the head."""
    return head(torch.nn.functional.gelu(h @ hidden[0].T + shift) @ hidden[1])


def on_logits(out):
    return dino_head.dino_of(torch.nn.Identity(), k)(out)


z = cosine_losses.embeddings(dimension, seed, spread=0.3)
places = (
    ("head's output (logits)", on_logits, head(z).detach()),
    ("bottleneck", dino_head.dino_of(head, k), z),
    ("before a projector with biases", dino_head.dino_of(before_head, k), z),
)
rows = []
for name, f, x in places:
    along, size = cosine_losses.radial(f, x)
    twice, once = float(f(2 * x).detach()), float(f(x).detach())
    rows.append([name, f"{once:.3f}", f"{twice:.3f}", "rounding" if float(along.abs().max()) < 1e-12 else f"{float(along.abs().max()):.2g}"])
assert rows[1][3] == "rounding" and "rounding" not in (rows[0][3], rows[2][3])
pages.table(rows, ["scaled at", "loss", "loss, all scaled by 2", r"largest $\lvert x^\top \nabla \rvert$"], caption="Where DINO's loss sees a norm", name="tab-norm-growth-dino-where")

# %% [markdown]
# The last line is no peculiarity of DINO: SimCLR's loss, seen from before *its* projector, is not scale-free either. So the reason given for DINO's fall in their Table 4 does not hold; the measurement is not touched by that.
#
# ## Where growth stops being true
#
# **Momentum: it does not stop.** The velocity $v$ mixes gradients from the past, which are no longer orthogonal to where $z$ is now. Still, with $v' = \mu v + g$ and $z' = z - \gamma v'$,
#
# $$z'^\top v' = \mu\, z^\top v - \gamma \|v'\|^2, \qquad \|z'\|^2 = \|z\|^2 - 2\gamma\mu\, z^\top v + \gamma^2\|v'\|^2,$$ (eq-norm-growth-momentum)
#
# because $g \perp z$. At the start $v = 0$. By the first equation $z^\top v$ is never positive afterwards, and by the second no step shrinks the embedding; old gradients point *outwards*, and momentum grows norms
# faster than plain descent, as {cite:t}`heo2021adamp` found for weights. This needs no particular sequence of targets or rates, and Z3 checks the induction, for Nesterov's variant (at a constant rate), too.
#
# **Adam: it stops at once.** Adam divides each coordinate by its own scale, and the result is not orthogonal to anything. Its first step is $-\gamma\,\text{sign}(g)$. Take $z = (2, 1)$ and a target straight up. The gradient is
# $\tfrac{1}{5\sqrt5}(2, -4)$, its signs are $(+, -)$, and with $\gamma = \tfrac12$ Adam goes to $(\tfrac32, \tfrac32)$: the squared norm falls from $5$ to $\tfrac92$. Gradient descent would have gone to a place farther out. With one second moment
# for the whole embedding instead of one per coordinate, Adam is momentum with varying rates, and growth is back. That is the difference.

# %% tags=["hide-input"] mystnb={"image": {"alt": "Three panels. Left: the plane; an embedding starts near the horizontal axis and is pulled to the diagonal; gradient descent and momentum go round on growing circles, Adam goes straight inwards to the diagonal along a line. Middle: mean norm against steps for random targets: momentum grows fastest, then Adam, then gradient descent; with weight decay the norm falls and levels off. Right: norms over training of a small network: the norms of single embeddings rise and fall, their mean is drawn thick."}, "figure": {"caption": "Left: an embedding pulled to the diagonal by several optimizers; grey: its circle. Middle: mean norm of 64 embeddings in $\\mathbb{R}^3$, each pulled at every step to a new random direction; dashed: where weight decay and growth balance. Right: a network with one hidden layer, gradient descent on InfoNCE, no momentum and no weight decay: norms of 12 embeddings (thin) and their mean (black) relative to the start; green dashed: the norm of the weights of a linear network trained likewise, which cannot shrink.", "name": "fig-norm-growth"}}
COLORS = {"gradient descent": "black", "momentum 0.9": plots.BLUE, "Nesterov momentum 0.9": plots.SKY, "Adam, one second moment": plots.GREEN, "Adam": plots.RED, "weight decay 0.5": plots.ORANGE}
fig, (plane, norms, net) = plt.subplots(1, 3, figsize=(10.4, 3.5))

# one target
start = torch.tensor([[2.0, 0.1]], dtype=torch.float64)
pull = torch.tensor([[[1.0, 1.0]]], dtype=torch.float64).expand(400, 1, 2)
turn = np.linspace(0, np.pi / 2, 100)
_ = plane.plot(2.0025 * np.cos(turn), 2.0025 * np.sin(turn), color="#bbbbbb", lw=1)
_ = plane.plot([0, 2], [0, 2], color="#8a5a00", lw=1, ls=":")
ends = {}
for name, rule in (("gradient descent", optimizers.momentum(0.1)), ("momentum 0.9", optimizers.momentum(0.1, 0.9)), ("Adam", optimizers.adam(0.02))):
    path = optimizers.walk(rule, start, pull)[:, 0]
    ends[name] = float(path[-1].norm())
    _ = plane.plot(*path.T, "-o", ms=2, lw=1.2, color=COLORS[name], label=name)
_ = plane.set(aspect="equal", xlim=(0, 3.1), ylim=(-0.2, 2.4), xticks=range(4), yticks=range(3))
_ = plane.legend(loc="lower left", fontsize=8)

# random targets
start, targets = optimizers.random_targets(steps, 64, 3, seed)
rows = []
for name, rule in optimizers.RULES.items():
    path = optimizers.walk(rule(), start, targets)
    mean = path.norm(dim=-1).mean(dim=1)
    _ = norms.plot(mean, color=COLORS[name], label=name, ls="--" if "Nesterov" in name else "-")
    rows.append([name, f"{optimizers.shrinking_steps(path):.1%}", f"{float(mean[-1]):.2f}"])
balance = (0.02 * (2 / 3) / (2 * 0.5)) ** 0.25  # mean of sin^2 between random directions of R^3: 2/3
_ = norms.axhline(balance, color=plots.ORANGE, lw=1, ls="--")
_ = norms.set(xlabel="step", ylabel="mean norm", yscale="log")
_ = norms.legend(fontsize=7, loc="upper left")
_ = norms.set_ylim(0.25, 9)
_ = norms.set_yticks([0.3, 1, 3], ["0.3", "1", "3"])
_ = norms.minorticks_off()

# shared weights
inputs = torch.randn(12, 6, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def train(layers, updates=400, rate=0.1, start=1):
    """Norms (updates + 1, 12) of the embeddings of a network without biases, and of all its weights."""
    generator = torch.Generator().manual_seed(seed + start)
    weights = [(torch.randn(a, b, generator=generator, dtype=torch.float64) / a**0.5).requires_grad_() for a, b in layers]
    embedded, sizes = [], []
    for _update in range(updates + 1):
        x = inputs
        for w in weights[:-1]:
            x = torch.relu(x @ w)
        z = x @ weights[-1]
        embedded.append(z.detach().norm(dim=1))
        sizes.append(torch.stack([w.detach().square().sum() for w in weights]).sum().sqrt())
        grads = torch.autograd.grad(losses.info_nce(*z.chunk(2)), weights)
        with torch.no_grad():
            for w, slope in zip(weights, grads):
                w -= rate * slope
    return torch.stack(embedded), torch.stack(sizes)


deep, _sizes = train(((6, 32), (32, 4)))
linear, linear_size = train(((6, 4),))
_ = net.plot(deep / deep[0], lw=0.7, color=plots.BLUE)
_ = net.plot(deep.mean(dim=1) / deep[0].mean(), color="black", lw=2.4)
_ = net.plot(linear_size / linear_size[0], color=plots.GREEN, lw=1.8, ls="--")
_ = net.axhline(1, color="#999999", lw=0.8)
_ = net.set(xlabel="step", ylabel="norm / norm at the start")
plt.show()

# %% tags=["hide-input"]
pages.table(rows, ["optimizer", "steps that shrink", "mean norm at the end"], caption=f"64 embeddings in $\\mathbb{{R}}^3$, pulled to random targets for {steps} steps at rate 0.02, from norm 1", name="tab-norm-growth-walks")
assert all(row[1] == "0.0%" for row in rows[:4]) and rows[4][1] != "0.0%"
ratios = []
for start in range(1, 9):
    seen, _sizes = train(((6, 32), (32, 4)), updates=150, start=start)
    ratios.append(float(seen[-1].mean() / seen[0].mean()))
deep_steps = float((deep[1:] < deep[:-1] * (1 - 1e-12)).double().mean())
linear_steps = float((linear[1:] < linear[:-1] * (1 - 1e-12)).double().mean())
assert bool((linear_size[1:] >= linear_size[:-1] * (1 - 1e-12)).all())
pages.say(
    f"With one fixed target, the diagonal, Adam takes the embedding from norm {float(np.hypot(2, 0.1)):.2f} to {ends['Adam']:.2f}, gradient descent to {ends['gradient descent']:.2f} and momentum to {ends['momentum 0.9']:.2f} "
    f"({{numref}}`fig-norm-growth`, left). With random targets a step of Adam shrinks in {rows[4][1]} of all cases, and grows by more in the rest: the norms end up longer. "
    f"In the small network {deep_steps:.0%} of all single changes of a norm are downwards, in a linear network {linear_steps:.0%}."
    f" From {len(ratios)} random starts the mean of the twelve norms ends, after 150 steps, between {min(ratios):.2f} and {max(ratios):.2f} times its first value."
)

# %% tags=["remove-input"]
page.card("norm-growth-optimizers")

# %% [markdown]
# **Weight decay** pulls inwards by the factor $1 - \gamma\lambda$ while growth pushes outwards by $\gamma^2 \sin^2\phi / \|z\|^2$. The push fades with the norm and the pull does not, so they balance:
#
# $$\|z'\| < \|z\| \iff \sin^2\phi < \Bigl(\frac{2\lambda}{\gamma} - \lambda^2\Bigr) \|z\|^4, \qquad \|z\|_{\text{balance}} \approx \Bigl( \frac{\gamma \sin^2\phi}{2\lambda} \Bigr)^{1/4}.$$ (eq-norm-growth-decay)
#
# **Shared weights.** In training, nobody moves embeddings; they move because weights do, and a change of weights that suits one input moves the others. By hand: $z = Wx$, $W = 1$, inputs $x_1 = (1, 0)$ and $x_2 = (-1, 1)$, one step on
# $-\cos(Wx_1, Wx_2)$ at rate 1. The step drags $z_1$ along the gradient of $z_2$, because $x_1^\top x_2 \neq 0$, and its squared norm falls from $1$ to $\tfrac54 - \tfrac{1}{\sqrt2}$. It falls in first order in the rate, while growth is of second order, so small rates do not help.
# The lemma has not failed; it has moved. The loss does not change when $W$ is scaled, so it is $\|W\|$ that never shrinks (green in the figure). {cite:t}`draganov2025norms` say this themselves, in section 6: "we have found that the embeddings can shrink even in the absence of
# weight decay. We attribute both phenomena to the network's shared weights". The example proves that attribution possible.

# %% [markdown]
# ## This execution
#
# What the cards say of proofs is recorded. Here every check is carried out again, now, and must come to the same words.

# %% tags=["hide-cell", "nbval-ignore-output"]
checks = "norm-growth-any-cosine-loss", "norm-growth-infonce", "norm-growth-mse", "norm-growth-triplet", "norm-growth-optimizers", "dino-not-cosine"
proof_report.Decided(page.recorded("proofs"), *checks).again()

# %% [markdown]
# ## What differs, and why
#
# * **Freely moving embeddings.** All of this is about embeddings that move by themselves, as the papers' corollary says. What networks do is measured, not proved: {doc}`../training/simclr-norms`.
# * **Optimizers.** The papers' footnote reports {cite:t}`zhang2020spherical` and stands at the proposition on the gradient, not at the corollary; so neither paper says that norms grow under momentum or Adam, and what is decided here is ours: no step of
#   momentum shrinks a norm; a step of Adam can, though norms may grow on average. The papers name no optimizer. The code released with the later one has SGD with momentum for SimCLR, SimSiam and BYOL; the official codes of MoCo v3 and DINO train vision transformers with AdamW.
# * **DINO.** The sentence stands in the older paper only, and its numbers are unaffected.
# * **Very short embeddings.** Normalisation in code divides by at least $10^{-12}$; below that a loss sees the norm ({doc}`cosine-gradient`).
#
# ## What it costs, and how to vary it

# %% tags=["remove-input", "nbval-ignore-output"]
page.cost()

# %% tags=["remove-input"]
page.papermill(seed=1, dimension=64, steps=1000)
