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
# # Collapse: a saddle, not a minimum
#
# If a network maps every image to the same point, or to one line, InfoNCE has no gradient. One paper concludes that training is caught there in a
# local minimum. The gradient does vanish. The conclusion does not follow: the second derivative shows a saddle, with a way down for all batches but the smallest. Here are the eigenvalues
# in closed form, the same question put to every loss of the library, and what batch normalisation does to it.

# %% tags=["parameters"]
seed: int = 0  # of the small noise from which the descent starts
pairs: int = 6  # n, in the first figure and in the descent
temperature: float = 0.5  # of the figures and of the table of losses
dimension: int = 3  # of the embeddings in the descent

# %% tags=["hide-input"]
import math

import numpy as np
import torch
from matplotlib import pyplot as plt

from ssllib import losses
from ssllib.evidence import papers
from ssllib.pages import page as pages
from ssllib.pages import plots, proof_report, sliders
from ssllib.pages.sliders import Curve, Panel, Reading, Slider, Sliders
from ssllib.theory import collapse, critical_points
from ssllib.theory.proofs import collapse_theorem as checks

page = pages.begin(
    "theory/collapse",
    globals(),
    seed=pages.integer(0, 10**6),
    pairs=pages.integer(3, 32),
    temperature=pages.number(0.05, 10),
    dimension=pages.integer(2, 64),
)

# %% [markdown]
# ## The answer

# %% tags=["remove-input"]
page.answer(
    {
        "Has InfoNCE no gradient when all embeddings lie on one line?": "collapse-rank1-stationary",
        "Is a zero gradient enough for a minimum?": "collapse-zero-gradient-enough",
        "Are equal embeddings a local minimum?": "collapse-equal-minimum",
        "Are embeddings on one line?": "collapse-rank1-minimum",
        "Does batch normalisation rule out a single point?": "batch-norm-no-collapse",
    }
)

# %% [markdown]
# With two pairs or more, in two dimensions or more, both are saddles ({prf:ref}`thm-collapse`), with one exception: two pairs at opposite points. Descent leaves them, later the nearer it starts ({numref}`fig-collapse-escape`).

# %% [markdown]
# ## What is printed
#
# Let a batch hold $n$ {term}`positive pairs <positive pair>`, so $|I| = 2n$ samples, with the {term}`InfoNCE` loss at {term}`temperature` $\tau$. {cite:t}`li2024cloa` write $z_i$ for the normalised and $\tilde z_i$ for the
# raw {term}`embedding`. Their theorem, and one sentence after it:

# %% tags=["hide-input"]
printed = papers.load("2403.18699").statement("thm-3.1")
pages.show(
    f":::{{admonition}} {printed.name}, {{cite:t}}`li2024cloa`\n\n{printed.text}\n\n\"The proof of Theorem 3.1 is accomplished by demonstrating that embeddings being equal or in the same rank-1 "
    'subspaces, has a zero gradient. Consequently, it establishes it as a local minimum."\n:::'
)

# %% [markdown]
# That is two steps: the gradient vanishes, and therefore there is a minimum.

# %% [markdown]
# ## The gradient vanishes
#
# A loss of {term}`cosine similarities <cosine similarity>` sees an embedding $\tilde z_i$ through its cosines with the others. If all the others lie on one line, these are all $\pm u$, where $u$ is the cosine between
# $\tilde z_i$ and the line. So the loss is some function $\Phi(u)$, and its gradient is $\Phi'(u)\, \nabla u$. When $\tilde z_i$ lies on the line itself, $u$ is $1$ or $-1$, the
# largest or the smallest value that it can have, and $\nabla u = 0$. This needs nothing of InfoNCE: **every** differentiable function of cosines has a zero gradient at
# **every** configuration on a line, with any signs, norms, number of pairs and dimension.

# %% tags=["remove-input"]
page.card("collapse-equal-stationary", "collapse-rank1-stationary")

# %% [markdown]
# The paper's proof is right in what it needs. Its long gradient for unit vectors agrees with autograd. Its last display divides by $\|z_i\|$, which is one, where the
# norm of the raw embedding belongs; as the product is zero, nothing hangs on it. Its value for the softmax's probability is a slip as well: with $2n$ equal embeddings each of the $2n - 1$ others is as likely as the
# next, so the probability is $1/(|I| - 1)$. Minus its logarithm is the *loss*. With four samples the printed "probability" is $\log 3 > 1$. It enters the proof only through a factor $1 - \mathbb{P}^*$ that stands before
# a difference of zero.

# %% tags=["remove-input"]
page.card("collapse-probability")

# %% [markdown]
# ## A vanishing gradient is not a minimum
#
# No formula is needed to see that equal embeddings are no minimum. **Turn one pair away from all the others, rigidly.** The pair stays together, so no attraction changes. The cosines between this
# pair and the rest fall; all other cosines stay. So every term in every denominator stays or falls, and the loss falls, at once and all the way to the opposite
# side, at every temperature. All it takes is a second pair to turn away from, and a second dimension to turn in.

# %% tags=["remove-input"]
page.card("collapse-zero-gradient-enough", "collapse-equal-minimum")

# %% [markdown]
# With pencil and paper: two pairs, $\tau = 1$, $d = 2$. If all are equal, each anchor sees three alike, and the loss is $\log 3$. With the second pair at a right angle to the first it is
# $\log(1 + 2/e)$, which is about half of that. In between, with the angle $\theta$ between the pairs, it is $\log(1 + 2 e^{\cos\theta - 1})$, whose slope at $\theta = 0$ is zero and whose second derivative there is $-2/3$.
#
# ## The whole Hessian
#
# On the product of spheres, near embeddings $z_i = \sigma_i e$ with $\sigma_i = \pm 1$, the cosines have no first derivative, so the second derivative of the loss is a sum over pairs of samples of
# $\sigma_i \sigma_k \|u_i - u_k\|^2$, where $\sigma_i u_i$ is the motion of sample $i$, at a right angle to $e$. Positives pull with weight $1$, all samples push with their softmax weights. This form does not change
# under rotations about $e$, under an exchange of pairs on one side, or of the two samples of a pair. So there are few kinds of eigenvectors, and each eigenvalue can be read off from one representative
# that moves in a plane. That is how SymPy does it, with symbols for the numbers of pairs and for the temperature; Z3 then decides the signs.
#
# :::{prf:theorem} InfoNCE at collapse
# :label: thm-collapse
#
# Let $m$ pairs lie at $e$ and $k$ pairs at $-e$, $n = m + k$, $d \geq 2$. Write $\alpha_+ = e^{2/\tau}\beta_+$ and $\beta_+ = 1 / ((2m - 1) e^{2/\tau} + 2k)$ for the softmax weights that an anchor at $e$ gives to each sample of its own side and of the
# other one, and $\alpha_-, \beta_-$ with $m$ and $k$ exchanged. The Hessian of the mean loss has the eigenvalues
#
# | direction | eigenvalue | times | sign |
# |---|---|---|---|
# | all together (rotation) | $0$ | $d - 1$ | $0$ |
# | one side against the other ($m, k \geq 1$) | $(\beta_+ + \beta_-) / \tau$ | $d - 1$ | $+$ |
# | the two of a pair apart, at $e$ | $(2 - 2m\alpha_+ + k(\beta_+ + \beta_-)) / n\tau$ | $m(d - 1)$ | $+$ if $n \geq 2$ |
# | pairs at $e$ against each other, each pair together | $(k(\beta_+ + \beta_-) - 2m\alpha_+) / n\tau$ | $(m - 1)(d - 1)$ | $-$ if $m \geq k$ |
#
# and the last two for the side $-e$, exchanged. At equal embeddings ($k = 0$) the last two are $\frac{2(n - 1)}{n\tau(2n - 1)}$, $n(d - 1)$ times, and $-\frac{2}{\tau(2n - 1)}$, $(n - 1)(d - 1)$ times.
#
# Hence equal embeddings, and embeddings on a line with any signs, are **saddles** with a direction of negative curvature whenever $n \geq 2$, with one exception: two pairs, one on each side, which are a global minimum.
# :::
#
# The two cases that the table leaves: if some side holds two pairs or more, so does the larger one, and the last line is negative there; if some pair has its samples on *different* sides, closing its angle lowers the loss.
#
# **The smallest cases.** With one pair ($n = 1$) the denominator holds nothing but the positive, and the loss is zero everywhere. On the line ($d = 1$) there are no tangents: a cosine is $1$ or
# $-1$, the loss is constant around every point, and each is a minimum only because nothing can move. For $n = 2$ the pairs can be as far apart as they would like to be, at opposite
# points, and that is one line; the theorem's "infinitely many local minima" do exist then, one for each direction of the line. They are what the loss is *for*.

# %% tags=["remove-input"]
page.card("collapse-rank1-minimum")

# %% [markdown]
# {numref}`fig-collapse-landscape` draws the loss, computed by `ssllib.losses` and not from the formulas above, along a representative of each kind.

# %% tags=["hide-input"] mystnb={"image": {"alt": "Two panels of curves of the loss against an angle from -60 to 60 degrees. Left, all equal: turning all is a flat line, opening a pair rises like a valley, one half of the pairs against the other and one pair turned away fall on both sides like a hill. Right, two sides: tilting one side and opening a pair rise; pairs of the larger side against each other fall. Dotted parabolas from the formula touch each curve at the middle."}, "figure": {"caption": "InfoNCE along the eigen-directions at collapse, against the angle by which the samples that move have turned. Left: all embeddings equal. Right: on one line, about two thirds of the pairs on one side. Dotted: the parabola with the eigenvalue of {prf:ref}`thm-collapse`.", "name": "fig-collapse-landscape"}}
def info_nce(z, tau=temperature):
    return losses.info_nce(*z.chunk(2), tau)


def turned(sides, angles):
    """Embeddings (2n, 2) on a line, each turned by its own angle (2n,)."""
    start = torch.tensor([0.0 if s > 0 else math.pi for s in sides] * 2, dtype=torch.float64)
    return torch.stack([(start + angles).cos(), (start + angles).sin()], dim=1)


def direction(kind, m, k):
    """Which way each of the 2n samples turns: a vector (2n,) with entries from -1 to 1."""
    v = torch.zeros(2, m + k, dtype=torch.float64)
    if kind == "rotation":
        v += 1
    elif kind == "opened":
        v[:, 0] = torch.tensor([1.0, -1.0])
    elif kind == "against":
        v[:, 0], v[:, 1] = 1, -1
    elif kind == "sides":
        v[:, :m], v[:, m:] = k / max(m, k), -m / max(m, k)
    return v.flatten()


KINDS = {
    "rotation": ("all together", plots.GREY, "-"),
    "sides": ("one side against the other", plots.PURPLE, (0, (1, 1))),
    "opened": ("the two of a pair apart", plots.BLUE, "--"),
    "against": ("two pairs against each other", plots.RED, "-"),
}
far = max(1, pairs // 3)
angles = torch.linspace(-math.pi / 3, math.pi / 3, 61, dtype=torch.float64)
fig, axes = plt.subplots(1, 2, figsize=(8.6, 3.7))
for ax, (m, k), title in zip(axes, ((pairs, 0), (pairs - far, far)), ("all equal", f"on a line: {pairs - far} pairs against {far}")):
    sides, spectrum = [1] * m + [-1] * k, collapse.spectrum(m, k, temperature)
    values = {"rotation": 0.0, "sides": spectrum.sides, "opened": spectrum.opened[0], "against": spectrum.against[0]}
    for kind, (label, color, dash) in KINDS.items():
        if kind == "sides" and not k:
            continue
        way = direction(kind, m, k)
        curve = [float(info_nce(turned(sides, t * way))) for t in angles]
        _ = ax.plot(np.degrees(angles.numpy()), curve, color=color, ls=dash, label=label)
        parabola = curve[30] + values[kind] * float(way @ way) * angles**2 / 2
        _ = ax.plot(np.degrees(angles[20:41].numpy()), parabola[20:41], color="black", ls=":", lw=1.2, zorder=5)
    _ = ax.plot([0], [float(info_nce(turned(sides, 0 * direction("rotation", m, k))))], "o", color="black", ms=5, zorder=6)
    _ = ax.set(xlabel="turned by (degrees)", xticks=[-60, -30, 0, 30, 60], title=title)
_ = axes[0].set_ylabel("InfoNCE")
_ = fig.legend(*axes[1].get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize=8.5)
plt.show()

# %% [markdown]
# What the number of pairs and the temperature change is how deep the way down is, not whether there is one. Turned all the way, the pair is opposite to the others.

# %% tags=["hide-input"]
def curve_of(kind, angle):
    """The change of InfoNCE as a formula in n, tau and an angle in radians."""
    c = f"cos({angle})"
    own = "1" if kind == "away" else f"cos(2 * ({angle}))"  # the cosine of the two that turn
    movers = f"log(1 + (2 * n - 2) * exp(({c} - {own}) / tau))"
    return f"({movers} + (n - 1) * log(2 * n - 3 + 2 * exp(({c} - 1) / tau))) / n - log(2 * n - 1)"


span, apart = ("1.15 * deep", "-0.7 * deep"), curve_of("apart", "x * pi / 180")
hill = Sliders(
    "InfoNCE less its value at equal embeddings, log(2n − 1), along a turn away from there. One pair turns as a whole, or its two samples turn apart, each by the angle. "
    "Dotted: the parabola with the eigenvalue of the theorem. The number of steps is for gradient descent with rate 1 to take a distance of one hundred-millionth to one, by the eigenvalue.",
    (
        Slider("n", "number of pairs n", (2, 3, 4, 6, 8, 12, 16, 32, 64, 128, 256, 512), 6),
        Slider("tau", "temperature τ", (0.05, 0.07, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 2.0, 5.0, 10.0), 0.5),
        Slider("theta", "turned by θ", tuple(range(0, 181, 5)), 60, "°"),
    ),
    (
        Panel(
            "Change of InfoNCE against the angle of the turn from minus 180 to 180 degrees: a hill for one pair turned away, a valley at first for a pair opened.",
            "turned by", "InfoNCE less log(2n − 1)", (-180, 180), span,
            (
                Curve("", "x", "theta", over=span, count=2, color="#8a8a8a", dash="2 4"),
                Curve("parabola", "curvature * (n - 1) / n * (x * pi / 180)**2", dash="2 3"),
                Curve("the two of a pair apart", apart, color=plots.BLUE, dash="8 4", count=181),
                Curve("one pair turned away", curve_of("away", "x * pi / 180"), color=plots.RED, count=181),
                Curve("", "change", "theta", dots=4.5, count=1, color=plots.RED),
            ),
            x_ticks=[(x, f"{x}°".replace("-", "−")) for x in (-180, -90, 0, 90, 180)],
        ),
    ),
    (
        Reading("at equal embeddings", "log(2 * n - 1)"),
        Reading("change, one pair turned away", "change"),
        Reading("at the opposite side", "deep"),
        Reading("eigenvalue", "curvature"),
        Reading("steps down", "log(100000000) / log(1 - curvature)"),
    ),
    {"curvature": "-2 / (tau * (2 * n - 1))", "deep": curve_of("away", "pi"), "change": curve_of("away", "theta * pi / 180")},
)
for place in range(4):  # the drawing's formulas against the library's loss
    now = hill.environment({"n": 2 * place, "tau": 3 + 2 * place, "theta": 7 * place})
    samples, turn = int(now["n"]), torch.zeros(2, int(now["n"]), dtype=torch.float64)
    turn[:, 0] = math.radians(now["theta"])
    loss = float(info_nce(turned([1] * samples, turn.flatten()), now["tau"]))
    np.testing.assert_allclose(now["change"], loss - math.log(2 * samples - 1), atol=1e-12)
    turn[1, 0] *= -1
    loss = float(info_nce(turned([1] * samples, turn.flatten()), now["tau"]))
    opened = sliders.evaluate(sliders.tree(apart, [*now, "x"]), now | {"x": now["theta"]})
    np.testing.assert_allclose(opened, loss - math.log(2 * samples - 1), atol=1e-12)
    np.testing.assert_allclose(now["curvature"], collapse.spectrum(samples, 0, now["tau"]).against[0], rtol=1e-12)
hill

# %% tags=["hide-input"]
rows = []
for m, k, tau, d in ((1, 0, 1.0, 3), (2, 0, 0.5, 2), (pairs, 0, temperature, 3), (12, 0, 0.1, 2), (1, 1, 0.5, 3), (2, 1, 0.5, 2), (pairs - far, far, temperature, 3), (8, 2, 20.0, 3)):
    z = collapse.embeddings([1] * m + [-1] * k, [1.0, *[0.5] * (d - 1)])
    h = critical_points.hessian(lambda x, tau=tau: info_nce(x, tau), z, critical_points.tangents(z))
    found, law = torch.linalg.eigvalsh(h), collapse.spectrum(m, k, tau).eigenvalues(d)
    error = float((found - law).abs().max()) / max(float(law.abs().max()), 1e-300) if law.any() else float(found.abs().max())
    assert error < 1e-10, "the closed form disagrees with autograd"
    count = [int((law < -1e-12).sum()), int((law.abs() <= 1e-12).sum()), int((law > 1e-12).sum())]
    rows.append([m, k, f"{tau:g}", d, *count, f"{float(law[0]):.3g}".replace("-", "−"), "below $10^{-10}$"])
pages.table(
    rows,
    ["m", "k", r"$\tau$", "d", "negative", "zero", "positive", "lowest eigenvalue", "closed form less autograd"],
    fold="The eigenvalues against autograd",
    lead="Autograd differentiates the library's loss twice in float64 and knows nothing of symmetry. The last column is the largest difference between the sorted eigenvalues, in units of the largest one.",
)

# %% [markdown]
# How steep is the way down? {numref}`fig-collapse-spectrum` has the eigenvalues at equal embeddings for batches of every size, and the two "against each other" curvatures for every share of pairs on a side. On the *smaller* side pairs may be
# held together when the temperature is high: they flee the many on the other side more than each other. On the larger one they never are.

# %% tags=["hide-input"] mystnb={"image": {"alt": "Left: eigenvalue times tau times n against the number of pairs, from 1 to 256; the upper curve, a pair apart, rises from 0 towards 1, the lower one, pairs against each other, begins at -1.33 for two pairs and rises to -1; autograd's dots lie on the curves. Right: for 12 pairs, the curvature of pairs against each other times n tau against the number of pairs on that side; curves for four temperatures are negative for all shares from one half on; for high temperatures they are positive for small shares."}, "figure": {"caption": "Left: the two eigenvalues at equal embeddings, times $n\\tau$, against the number of pairs; dots are autograd's. Right: twelve pairs on a line; curvature of pairs of a side against each other, times $n\\tau$, against how many of the pairs are on that side.", "name": "fig-collapse-spectrum"}}
fig, (left, right) = plt.subplots(1, 2, figsize=(8.6, 3.5))
sizes = np.unique(np.geomspace(2, 256, 40).astype(int))
for kind, color in (("opened", plots.BLUE), ("against", plots.RED)):
    scaled = [getattr(collapse.spectrum(int(n), 0, temperature), kind)[0] * n * temperature for n in sizes]
    _ = left.plot(sizes, scaled, color=color, label={"opened": "the two of a pair apart", "against": "pairs against each other"}[kind])
for n in (2, 4, 8):
    z = collapse.embeddings([1] * n, [1.0, 0.0])
    found = torch.linalg.eigvalsh(critical_points.hessian(info_nce, z, critical_points.tangents(z))) * n * temperature
    _ = left.plot([n, n], [float(found[0]), float(found[-1])], "o", color="black", ms=4.5, zorder=4)
_ = left.axhline(0, color="#888888", lw=1)
_ = left.set(xscale="log", xlabel="number of pairs $n$", ylabel=r"eigenvalue $\times\ n\tau$", xticks=[2, 8, 32, 128], xticklabels=["2", "8", "32", "128"], title="all equal")
_ = left.minorticks_off()
_ = left.legend(loc="center right", bbox_to_anchor=(1, 0.42))
for tau, color, dash in ((0.2, plots.GREY, "-"), (1.0, plots.GREEN, "--"), (3.0, plots.ORANGE, "-."), (20.0, plots.RED, ":")):
    own = range(2, 13)
    _ = right.plot(own, [collapse.spectrum(m, 12 - m, tau).against[0] * 12 * tau for m in own], color=color, ls=dash, marker=".", label=rf"$\tau = {tau:g}$")
_ = right.axhline(0, color="#888888", lw=1)
_ = right.axvspan(5.5, 12.3, color="#f3f3f3", zorder=0)
_ = right.annotate("half or more", (9, 0.03), xycoords=("data", "axes fraction"), ha="center", va="bottom", fontsize=9)
_ = right.set(xlabel="pairs on the side (of 12)", xlim=(1.7, 12.3), ylim=(-1.6, 1.1), title="on a line: pairs of one side against each other")
_ = right.legend(ncols=2, loc="upper right")
plt.show()

# %% [markdown]
# ## What a saddle means for training
#
# At a saddle the gradient vanishes *exactly* there. Started a distance $\delta$ away, gradient descent leaves along the negative directions, with a distance that grows by the factor $1 + \eta \lvert\lambda\rvert$ in each step of size $\eta$. It needs a
# time proportional to $\log(1/\delta)$: the plateau is long if the collapse is tight, but it ends. {numref}`fig-collapse-escape` moves the embeddings themselves, without a network.

# %% tags=["hide-input"] mystnb={"image": {"alt": "Loss against the number of gradient steps, from equal embeddings with noise of 0.01, 1e-4, 1e-6 and 1e-8. Each curve is flat at log(2n-1) and then drops to the same low value; each factor of a hundred in the noise makes the plateau longer by the same number of steps. Dashed vertical lines at the predicted escape lie in the drops."}, "figure": {"caption": "Gradient descent on the embeddings from equal ones plus noise of size $\\delta$. Vertical lines: when the distance, growing by $1 + \\eta\\lvert\\lambda\\rvert$ a step with $\\lambda$ of {prf:ref}`thm-collapse`, comes to one. Dotted: the loss at collapse, $\\log(2n - 1)$.", "name": "fig-collapse-escape"}}
rate = 0.5 * pairs * temperature  # a step in units of the curvature, 1 / (n tau)
lowest = collapse.spectrum(pairs, 0, temperature).against[0]
growth = math.log1p(rate * -lowest)
noise = torch.randn(2 * pairs, dimension, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
start = collapse.embeddings([1] * pairs, [1.0] * dimension)
fig, ax = plt.subplots(figsize=(7.6, 3.5))
escapes, ends = {}, {}
for exponent, color in zip((-2, -4, -6, -8), (plots.SKY, plots.BLUE, plots.PURPLE, plots.RED)):
    z, curve = torch.nn.functional.normalize(start + 10.0**exponent * noise, dim=1), []
    for _step in range(90):
        leaf = z.detach().requires_grad_()
        value = info_nce(leaf)
        (g,) = torch.autograd.grad(value, leaf)
        curve.append(float(value.detach()))
        z = torch.nn.functional.normalize(z.detach() - rate * g, dim=1)
    half = (curve[0] + curve[-1]) / 2
    escapes[exponent], ends[exponent] = next(i for i, v in enumerate(curve) if v < half), curve[-1]
    _ = ax.plot(curve, color=color, label=rf"$\delta = 10^{{{exponent}}}$")
    _ = ax.axvline(-exponent * math.log(10) / growth, color=color, ls="--", lw=1)
_ = ax.axhline(math.log(2 * pairs - 1), color="black", ls=":", lw=1.2)
_ = ax.set(xlabel="steps", ylabel="InfoNCE")
_ = ax.legend()
plt.show()

# %% tags=["hide-input"]
measured = (escapes[-8] - escapes[-2]) / 3
assert max(ends.values()) < math.log(2 * pairs - 1), "descent did not leave"
pages.say(
    f"For each factor of 100 in $\\delta$ the drop comes {measured:.1f} steps later; the eigenvalue predicts {2 * math.log(10) / growth:.1f}. In float32, where equal embeddings differ by rounding, $\\delta$ would be about $10^{{-7}}$."
)

# %% [markdown]
# ## Every loss of the library
#
# The same question for all losses: {numref}`tab-collapse-losses`. Autograd's gradient and Hessian in float64, in the tangents of the sphere for losses that normalise their embeddings and in all of space for VICReg, Barlow Twins and
# DINO. There are six pairs in three classes of two; on the line, two classes lie on one side and one on the other, so that positives are always on the same side. The line is along no axis. "Stationary" means a gradient
# below `GRADIENT_TOLERANCE`; an eigenvalue is zero below `EIGENVALUE_TOLERANCE` times the largest. Zeros that come from a symmetry (rotations; shifts and scales of a
# dimension where the loss ignores them) are told apart. Where others remain, second order does not decide, and the loss is looked at along them.

# %% tags=["hide-input"]
def cell(point):
    if point.word in ("not stationary", "kink", "not defined"):
        return f"{point.word} (gradient {point.gradient:.1g})"
    more = f", {point.symmetric} of them by symmetry" if point.symmetric < point.zero else ""
    return f"**{point.word}**: {point.negative} −, {point.positive} +, {point.zero} zero{more}"


configurations = (collapse.EQUAL, collapse.RANK_1, collapse.TWO_PAIRS)
tables = {line.name: collapse.table(line, temperature=temperature) for line in configurations}
rows = [[f"`{name}`", *(cell(tables[line.name][name]) for line in configurations)] for name in tables["equal"]]
pages.table(
    rows,
    ["loss", "all equal", "on a line, 4 pairs against 2", "two pairs, opposite"],
    caption=f"Every loss of `ssllib.losses` at collapse, at $\\tau = {temperature:g}$: what kind of point, and the signs of the eigenvalues",
    name="tab-collapse-losses",
)
counts = {name: sum(point.is_minimum for point in found.values()) for name, found in tables.items()}
total = len(tables["equal"])
pages.say(
    f"Tolerances: gradient {critical_points.GRADIENT_TOLERANCE:g} times (1 + loss), eigenvalues {critical_points.EIGENVALUE_TOLERANCE:g} of the largest. "
    f"Minima: {counts['equal']} of {total} losses at equal embeddings, {counts['rank 1']} of {total} on the line."
)

# %% [markdown]
# :::{dropdown} Loss by loss
# * **Attraction alone** (`info_nce_attraction`, `negative_cosine`) has its global minimum wherever positives agree, collapse included. For `info_nce_attraction` the zeros beyond the rotations are pairs that move together; the loss is exactly
#   level along them. This is the collapse that methods without negatives must guard against by other means, and the one that a reader of the theorem may have in mind. For `negative_cosine` only the predictions move; the targets are held fixed,
#   as its gradient sees them.
# * **Repulsion alone** has its *maximum* at equal embeddings.
# * **Losses that attract and repel**, InfoNCE in all variants, DCL, SupCon, the triplet loss: a saddle at both. For supervised losses classes take the part of pairs.
# * **CLOA's anchors** are not stationary at collapse: they pull different classes different ways. So the term does what it was made for; but what it leads away from is a saddle, which repels by itself.
# * **VICReg and Barlow Twins** are no functions of cosines between samples, and the lemma does not cover them. At equal embeddings they are stationary all the same, as variances and correlations are
#   squares of deviations, and their curvature away from there is huge: of the order of $1/\sqrt\varepsilon$ and $1/\varepsilon$.
# * **DINO** reads probabilities from coordinates. Equal outputs stand still only if the softmaxes of student and teacher agree.
# * **Two pairs at opposite ends** are what InfoNCE and its kin look for when there are only two, and the triplet loss is switched off there.
# :::
#
# Three of these answers hang on details:

# %% tags=["hide-input"]
axis = 2 * collapse.embeddings(collapse.RANK_1.sides, [1.0, 0.0, 0.0])
generic = collapse.RANK_1.embeddings()
even = torch.ones(12, 3, dtype=torch.float64)
first = torch.arange(12) < 6
details = [
    ["`vicreg`, line along an axis, at ±2", critical_points.classify(lambda x: losses.vicreg(x[:6], x[6:]), axis, normalised=False)],
    ["`barlow_twins`, line, eps = $10^{-14}$", critical_points.classify(lambda x: losses.barlow_twins(x[:6], x[6:], eps=1e-14), generic, normalised=False)],
    ["`dino`, all outputs equal and uniform", critical_points.classify(lambda x: losses.dino(x[:6], x[6:], torch.zeros(3)), even, normalised=False, trained=first)],
]
pages.table(
    [[name, cell(point)] for name, point in details],
    ["loss and place", "what kind of point"],
    fold="The same for special places and parameters of VICReg, Barlow Twins and DINO",
    lead="VICReg is stationary on a line along an axis, if its spread is large enough. Barlow Twins' small gradient on the line comes from its $\\varepsilon$ alone; without it the directions in which the "
    "dimensions stop being copies of each other go down. DINO stands still at uniform outputs.",
)

# %% tags=["remove-input"]
page.card("collapse-most-losses")

# %% [markdown]
# ## Batch normalisation before the loss
#
# {cite:t}`draganov2024pitfalls` say in a footnote that "batch-normalized models cannot collapse to a single point": batch normalisation divides by the spread, however small.
#
# Inputs that are exactly equal stay so: zero divided by $\sqrt\varepsilon$ is zero, for each of them (and $\varepsilon = 0$ gives $0/0$). Inputs that differ are spread out to a variance of
# $v/(v + \varepsilon)$: one, as the footnote has it, as long as their own variance $v$ is well above $\varepsilon$, and $v/\varepsilon$ below it. A cosine loss after the batch normalisation does not even notice the difference, because it looks at
# directions: {numref}`fig-collapse-batch-norm`. Without batch normalisation the loss at embeddings that differ by $\delta$ tends to $\log(2n - 1)$ as $\delta \to 0$. With it, the loss tends to a value that depends on *how* they differ. So equal
# inputs are no stationary point then, but a point where the loss has no limit.

# %% tags=["hide-input"] mystnb={"image": {"alt": "Left: standard deviation after batch norm against the standard deviation before, both logarithmic; one for inputs above 0.01, falling in proportion below; PyTorch's dots on the curve, a vertical line at the root of eps. Right: InfoNCE against the size of the differences; without batch norm it comes to log(2n-1) as they shrink; with batch norm it stays level, at different values for two kinds of differences, down to the smallest."}, "figure": {"caption": "Left: spread after batch normalisation against the spread before; line $\\sqrt{v/(v + \\varepsilon)}$, dots PyTorch's in float64. Right: InfoNCE at inputs $e + \\delta g_i$. Blue: random differences; orange: the two of a pair differ ten times less. Dashed: without batch normalisation.", "name": "fig-collapse-batch-norm"}}
eps = torch.nn.BatchNorm1d(1).eps


def batch_norm(x):
    return torch.nn.functional.batch_norm(x, None, None, training=True, eps=eps)


generator = torch.Generator().manual_seed(seed)
g = torch.randn(2 * pairs, dimension, generator=generator, dtype=torch.float64)
shared = torch.randn(pairs, dimension, generator=generator, dtype=torch.float64).repeat(2, 1)
fig, (left, right) = plt.subplots(1, 2, figsize=(8.6, 3.5))
before = 10.0 ** np.arange(-8, 1.1, 0.5)
unit = (g[:, :1] - g[:, :1].mean()) / g[:, :1].std(correction=0)
after = [float(batch_norm(s * unit).std(correction=0)) for s in before]
_ = left.plot(before, before / np.sqrt(before**2 + eps), color=plots.BLUE)
_ = left.plot(before, after, "o", color="black", ms=4)
_ = left.axvline(math.sqrt(eps), color=plots.GREY, ls=":", lw=1.4)
_ = left.annotate(r"$\sqrt{\varepsilon}$", (math.sqrt(eps), 1e-5), (6, 0), textcoords="offset points")
_ = left.set(xscale="log", yscale="log", xlabel="spread before", ylabel="spread after batch norm")
e = torch.ones(dimension, dtype=torch.float64)
deltas = 10.0 ** np.arange(-8, 1.1, 0.25)
limits = {}
for name, differences, color in (("random", g, plots.BLUE), ("pairs alike", shared + 0.1 * g, plots.ORANGE)):
    bare = [float(info_nce(e + s * differences)) for s in deltas]
    normed = [float(info_nce(batch_norm(e + s * differences))) for s in deltas]
    limits[name] = normed[0]
    _ = right.plot(deltas, normed, color=color, label=f"{name}, batch norm")
    _ = right.plot(deltas, bare, color=color, ls="--", label=f"{name}, none")
_ = right.axhline(math.log(2 * pairs - 1), color="black", ls=":", lw=1.2)
_ = right.set(xscale="log", xlabel=r"size of the differences $\delta$", ylabel="InfoNCE")
_ = right.legend(fontsize=8, loc="center left", bbox_to_anchor=(0, 0.36))
plt.show()

# %% tags=["hide-input"]
assert abs(limits["random"] - limits["pairs alike"]) > 1e-3, "the limit does not depend on the differences"
flat = batch_norm(torch.full((2 * pairs, dimension), 0.5, dtype=torch.float64))
g_flat = critical_points.gradient(lambda x: info_nce(batch_norm(x)), torch.full((2 * pairs, dimension), 0.5, dtype=torch.float64))
on_line = torch.linspace(-1, 1, 2 * pairs, dtype=torch.float64).unsqueeze(1) * e.cumsum(0) + 3.0
cosines = torch.nn.functional.normalize(batch_norm(on_line), dim=1)
cosines = (cosines @ cosines.T).abs()
assert float((cosines - 1).abs().max()) < 1e-9
pages.say(
    f"Equal inputs come out with a spread of {float(flat.std(0).max()):g}, as {'zeros' if not flat.any() else 'one point'}, and the loss has a gradient of {float(g_flat.norm()):g} there. "
    f"(PyTorch normalises a zero vector to zero, by a clamp at $10^{{-12}}$.) As the differences shrink to $10^{{-8}}$ the loss after batch normalisation stays at {limits['random']:.2f} or at {limits['pairs alike']:.2f}, depending on how the inputs differ; at collapse it is {math.log(2 * pairs - 1):.2f}. "
    f"And inputs on a line, wherever it lies: all their cosines after batch normalisation are 1 or −1, to within {1e-9:g}."
)

# %% [markdown]
# So batch normalisation turns the one kind of collapse into the other. It keeps a batch from a single point, and it takes any line to a line through the origin, with about half of the samples on each side: rank-1 collapse survives it, as
# the "several clusters that straddle the origin" of the same footnote's page suggest. For InfoNCE that is a saddle again.

# %% tags=["remove-input"]
page.card("batch-norm-no-collapse")

# %% [markdown]
# ## This execution
#
# Every check once more, now; it must come to the same words as its record.

# %% tags=["hide-cell", "nbval-ignore-output"]
proof_report.Decided(page.recorded("proofs"), *checks.CHECKS).again()

# %% [markdown]
# ## What differs, and why
#
# * **What the theorem should have said.** *All configurations on a line are stationary points of InfoNCE, and for more than two pairs in two or more dimensions all of them are saddles.* {cite:t}`li2024cloa` ask why training at a high rate ends on
#   a line, and that is a real observation. A local minimum of the loss in the embeddings is not the reason.
# * **Embeddings or parameters.** The theorem speaks of a function $f$ that is trained. We decide about embeddings, as its proof does. In the *parameters* of a network there are minima at collapse for a reason that has nothing to do with
#   InfoNCE: if all ReLUs of a layer are off for all inputs, the outputs are equal and stay so under every small change of the parameters, and any loss is flat there.

# %% tags=["hide-input"]
def network(parameters, x):
    w1, b1, w2, b2 = parameters
    return (x @ w1 + b1).relu() @ w2 + b2


generator = torch.Generator().manual_seed(seed)
x = torch.randn(2 * pairs, 4, generator=generator, dtype=torch.float64)


def sizes_of(bias):
    """Largest rise and fall of the loss over 50 small changes of all parameters, biases of the hidden layer at `bias`."""
    shapes = ((4, 16), (16,), (16, dimension), (dimension,))
    parameters = [torch.randn(s, generator=generator, dtype=torch.float64) for s in shapes]
    parameters[1] = torch.full((16,), bias, dtype=torch.float64)
    before = info_nce(network(parameters, x))
    changes = [float(info_nce(network([p + 0.01 * torch.randn(p.shape, generator=generator, dtype=torch.float64) for p in parameters], x)) - before) for _ in range(50)]
    return [max(changes), min(changes)]


dead, alive = sizes_of(-100.0), sizes_of(0.0)
rounding = 1e-12 * math.log(2 * pairs)  # of a loss of this size, over all its terms
assert max(map(abs, dead)) < rounding < max(map(abs, alive))
pages.table(
    [[name, *(f"{x:+.1e}".replace("-", "−") if abs(x) > rounding else "0" for x in (up, down))] for name, (up, down) in (("all units off: equal embeddings", dead), ("as initialised", alive))],
    ["hidden layer", "largest rise", "largest fall"],
    fold="Dead units against live ones",
    lead="Change of InfoNCE over 50 small random changes of a network's parameters.",
)

# %% [markdown]
# * **Sum or mean.** The paper's loss is a sum over the $2n$ anchors, ours the mean. The eigenvalues of the sum are $2n$ times as large; no sign changes. For raw embeddings of norm $\rho$ they are divided by $\rho^2$, and there is one more zero for each sample, its scale.
# * **The table of losses** is computed at one place for each configuration, with six pairs in three dimensions. For InfoNCE the theorem covers all numbers; for the others a saddle there refutes "a minimum in general", and a minimum is seen, not proved, but for the two
#   whose value is the smallest possible.
# * **Version 2** of the paper, rewritten under another name, no longer has the theorem.
#
# ## What it costs, and how to vary it

# %% tags=["remove-input", "nbval-ignore-output"]
page.cost()

# %% tags=["remove-input"]
page.papermill(pairs=12, temperature=0.1, dimension=8)
