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
# # How norm and angle slow the cosine down
#
# Take pairs of random points, pull each pair together by gradient descent on its cosine similarity, and count the steps.
# The papers claim that large norms make this count grow quadratically and that large angles cost little beside it;
# here we repeat their count over norms and angles together, hold it against a formula, and ask what {term}`GradScale`
# does to the *steps* when it does what it says to the *gradient*.

# %% tags=["parameters"]
scale: str = "smoke"  # "smoke": 6 norms, a second; "paper": 13
seed: int = 0  # which random pairs
rate: float = 10.0  # learning rate on the mean over the 500 pairs
power: float = 1.0  # p of GradScale in this execution
largest_norm: float = 5.0  # norms from 1 up to this

# %% tags=["hide-input"]
import numpy as np
from matplotlib import pyplot as plt

from ssllib.engine.simulations import small_step
from ssllib.engine.simulations.norm_and_angle import NormAndAngleConfig, run_norm_and_angle
from ssllib.evidence import metrics, papers
from ssllib.pages import page as pages
from ssllib.pages import plots
from ssllib.pages.sliders import Curve, Grid, Panel, Reading, Slider, Sliders

page = pages.begin(
    "simulations/norm-and-angle",
    globals(),
    scale=pages.choice("smoke", "paper"),
    seed=pages.integer(0, 10**6),
    rate=pages.number(1, 50),
    power=pages.number(0, 2),
    largest_norm=pages.number(2, 20),
)

# %% [markdown]
# ## The answer

# %% tags=["remove-input"]
page.answer(
    {
        "Do the steps grow with the square of the norm?": "norm-slows-quadratically",
        "And with the inverse square of the sine near π?": "angle-slows-quadratically",
        "Does the norm matter more than the angle?": "norm-matters-more-than-angle",
        "Does GradScale with p = 1 free the steps of the norm?": "gradscale-cancels-steps",
        "Do we get the numbers that the released notebook printed?": "notebook-steps-norm-1",
    }
)

# %% [markdown]
# A power on one side, a logarithm on the other: {eq}`eq-norm-and-angle-steps`.

# %% [markdown]
# ## One step is a right triangle
#
# Let two embeddings have the same norm $\rho$ and the angle $\phi$ between them, and let both descend on
# $-\cos\phi$ with learning rate $\eta$. The gradient at $z$ is perpendicular to $z$ and has length
# $\sin\phi / \rho$ ({doc}`../theory/cosine-gradient`); GradScale multiplies it by $\rho^p$. So a step is the short leg of
# a right triangle whose long leg is $z$ itself, and with
#
# $$k = \eta\, \rho^{p-2}$$ (eq-norm-and-angle-k)
#
# Pythagoras gives the new angle and the new norm *exactly*, for both points at once:
#
# $$\phi' = \phi - 2\arctan(k \sin\phi), \qquad \rho' = \rho\,\sqrt{1 + k^2 \sin^2\phi}.$$ (eq-norm-and-angle-step)
#
# A pair never leaves the plane it starts in. In $\mathbb{R}^{20}$ or in $\mathbb{R}^{2000}$, its whole state is two norms
# and an angle; the dimension only decides how the angles are distributed at the start. That is why this page can
# afford the full map of norm *and* angle where the papers show one cut along each: all settings of the grid are iterated at
# once, three numbers a pair. (The library's tests move the 20-dimensional vectors with autograd instead and require the
# same number of steps.)
#
# **Where $\rho$ enters.** Small steps turn {eq}`eq-norm-and-angle-step` into $\dot\phi = -2k\sin\phi$, which integrates to
# $\tan(\phi/2) = \tan(\phi_0/2)\, e^{-2kt}$. From $\phi_0$ to a target $\phi_\ast$ this takes
#
# $$T = \frac{\rho^{2-p}}{2\eta}\, \ln\frac{\tan(\phi_0/2)}{\tan(\phi_\ast/2)}$$ (eq-norm-and-angle-steps)
#
# steps. (With many pairs, each follows its own tangent, and $T$ is where the mean of their cosines meets the threshold; this
# is the dashed law in the figures below.) Three things can be read off before anything is run:
#
# * The **norm** enters as a power, $\rho^{2-p}$. Without GradScale it is quadratic: one factor $\rho$ because the gradient
#   is shorter, another because a longer vector needs a longer step to turn by the same angle.
# * The **angle** enters through a logarithm. Near the opposite pole $\tan(\phi_0/2) \approx 2/(\pi-\phi_0)$: each
#   *halving* of the distance to $\pi$ costs the same $\rho^{2-p} \ln 2 / 2\eta$ steps. A *single step*
#   raises the cosine by about $2k\sin^2\phi$, quadratically less (Theorem 3.4 of {cite:t}`draganov2025norms`), but descent leaves
#   the pole exponentially fast, and what was quadratic for a step is logarithmic for the whole way.
# * The two **multiply**: the map is a product of a function of the norm and a function of the angle.
#
# **What the norm gains.** Divide the growth in {eq}`eq-norm-and-angle-step` by the turning: $d\rho^2 / d\cos\phi = \tfrac{\eta}{2}\, \rho^p$. Time
# has dropped out, so slow or fast, the way from $\phi_0$ to $\phi_\ast$ adds
#
# $$\begin{aligned}
# p = 0: \quad & \Delta(\rho^2) = \tfrac{\eta}{2}\,\Delta\cos\phi, \\
# p = 1: \quad & \Delta\rho = \tfrac{\eta}{4}\,\Delta\cos\phi, \\
# p = 2: \quad & \Delta\ln\rho = \tfrac{\eta}{4}\,\Delta\cos\phi.
# \end{aligned}$$ (eq-norm-and-angle-growth)
#
# The norm always grows, as Corollary 3.3 says, but with $p = 0$ its square gains the same amount, at most $\eta$, whether
# the norm was small or large, and whether the way took a few steps or thousands.

# %% [markdown]
# ## Recorded evidence
#
# 500 pairs of uniformly random directions in $\mathbb{R}^{20}$; gradient descent with rate 10 on the *mean* over the pairs, hence $\eta = 10/500 = 0.02$
# for each; until the mean cosine exceeds 0.999. Ten seeds: the drawing of the pairs is the only thing random here. The angle is
# set by mixing the second point with the first, $x_2' \propto (1 - |\alpha|)\, x_2 + \alpha\, x_1$, from $\alpha = 0$ (random,
# near a right angle) to $\alpha = -0.96$ (nearly opposite).

# %% tags=["hide-input"]
records = page.recorded("norm-and-angle")
released, p0 = records["released"], records["p0"]
config = NormAndAngleConfig.from_dict(p0[0].config)
norms, alphas = np.asarray(config.norms), np.asarray(config.alphas)
right, one = list(alphas).index(0), list(norms).index(1)
law = np.mean([small_step.steps(NormAndAngleConfig.from_dict(r.config)) for r in p0], axis=0)


def over_seeds(cell, array="steps"):
    """One array of all seeds of a cell, shape (seeds, norms, alphas)."""
    return np.stack([r.arrays[array] for r in records[cell]])


def percent(value, digits=1):
    """A signed percentage, without a sign at zero."""
    return f"{value:+.{digits}f}".replace("-", "−") if abs(value) >= 0.5 * 10**-digits else f"{0:.{digits}f}"


def number(cell, metric):
    """Mean and 95 % interval over the seeds of one final number."""
    return metrics.interval(metric, [r.final[metric] for r in records[cell]])


notebook = papers.load("other")
printed_norm = {c.key["norm"]: c.value for c in notebook.table("notebook-norms").cells() if c.value is not None}
printed_angle = {-c.key["a"]: c.value for c in notebook.table("notebook-angles").cells(metric="steps")}

# %% tags=["hide-input"] mystnb={"image": {"alt": "Three panels. Top left: steps to convergence against embedding norm on two logarithmic axes, a straight line of slope two through the printed points. Top right: steps against starting angle, rising from zero to about 190 near pi, with the printed points on the line. Bottom: the map of steps over angle and norm, with measured and predicted contours on top of each other."}, "figure": {"caption": "Steps until the mean cosine of 500 pairs exceeds 0.999. Circles: what the released notebook printed. Lines: our mean over ten seeds (their spread is thinner than the line). Dashed: the small-step law {eq}`eq-norm-and-angle-steps`, nothing fitted. Top left: against the norm, random pairs. Top right: against the starting angle at norm 1 (every other printed point); the thin line takes its first step along the cosine's own gradient, as the law does (see [what differs](what-differs-norm-and-angle)). Bottom: both at once; solid contours are counted, dashed ones predicted.", "name": "fig-norm-and-angle-map"}}
fig, ax = plt.subplot_mosaic([["norm", "angle"], ["both", "both"]], figsize=(7.4, 6.6), height_ratios=[1, 1.15], layout="constrained")
left, middle, below = ax["norm"], ax["angle"], ax["both"]
angles = over_seeds("released", "angles").mean(0)
counted = over_seeds("released").mean(0)

_ = left.loglog(norms, counted[:, right], color=plots.ARM["released"], label=f"ours, {len(released)} seeds")
_ = left.loglog(norms, law[:, right], "--", color="black", lw=1, label="small-step law")
_ = left.loglog(list(printed_norm), list(printed_norm.values()), "o", mfc="none", color="black", ms=6, label="notebook, printed")
_ = left.set(xlabel=r"norm $\rho$", ylabel="steps until converged", xticks=[0.25, 1, 5, 10], xticklabels=["0.25", "1", "5", "10"])
_ = left.minorticks_off()
_ = left.legend()

_ = middle.plot(angles[::2], [printed_angle[a] for a in alphas.round(2)[::2]], "o", mfc="none", color="black", ms=5)
_ = middle.plot(angles, counted[one], color=plots.ARM["released"])
_ = middle.plot(angles, over_seeds("p0").mean(0)[one], color=plots.ARM["released"], lw=0.8)
_ = middle.plot(angles, law[one], "--", color="black", lw=1)
_ = middle.set(xlabel=r"starting angle $\phi_0$", ylabel="steps until converged", xticks=[0, np.pi / 2, np.pi], ylim=(0, 210))
_ = middle.set_xticklabels(["0", r"$\pi/2$", r"$\pi$"])

shown = np.ma.masked_less(counted, 1)
mesh = below.pcolormesh(angles, norms, np.ma.log10(shown), shading="gouraud", cmap="viridis")
levels = [10, 30, 100, 300, 1000, 3000, 10000]
lines = below.contour(angles, norms, shown, levels, colors="white", linewidths=1)
_ = below.contour(angles, norms, np.ma.masked_less(law, 1), levels, colors="black", linewidths=1, linestyles="dashed")
for text in below.clabel(lines, levels[:-1], fontsize=8, fmt="{:,.0f}".format):
    text.set_bbox({"facecolor": "#00000099", "edgecolor": "none", "pad": 1})
_ = below.set(yscale="log", xlabel=r"starting angle $\phi_0$", ylabel=r"norm $\rho$", xticks=[0.1, np.pi / 2, np.pi], yticks=[0.25, 1, 5, 10])
_ = below.set_xticklabels(["0.1", r"$\pi/2$", r"$\pi$"])
_ = below.set_yticklabels(["0.25", "1", "5", "10"])
bar = fig.colorbar(mesh, ax=below, ticks=range(5))
_ = bar.set_ticklabels([f"{10**i:,}" for i in range(5)])
_ = bar.set_label("steps")
plt.show()

# %% tags=["hide-input"]
cases = [(norm, 0.0, printed) for norm, printed in printed_norm.items()]
cases += [(1.0, alpha, printed_angle[alpha]) for alpha in (0.92, 0.48, -0.48, -0.72, -0.88, -0.96)]
rows = []
for norm, alpha, printed in cases:
    e = number("released", f"steps_norm_{norm:g}" if alpha == 0 else f"steps_angle_{alpha:g}")
    where = int(np.argmin(abs(alphas - alpha)))
    predicted = law[list(norms).index(norm), where]
    rows.append([f"{norm:g}", f"{alpha:g}".replace("-", "−"), f"{angles[where]:.2f}", f"{printed:.0f}", f"{e.mean:.1f}", f"{e.high - e.mean:.1f}", percent(100 * (e.mean / printed - 1)), f"{predicted:.1f}"])
pages.table(rows, ["norm", r"$\alpha$", r"$\phi_0$", "printed", "ours", "± (95 %)", "difference, %", "small-step law"], caption="Steps to convergence: the notebook's printed output and our simulation of it, mean over the seeds with the half-width of its interval", name="tab-norm-and-angle-printed")

# %% [markdown]
# The printed counts come from one run without a seed, so they differ from ours as one draw of 500 pairs differs from another.
# How far the map is the product that {eq}`eq-norm-and-angle-steps` promises, and what the logarithm means for the angle:

# %% tags=["hide-input"]
from_one = over_seeds("p0").mean(0)[one:]
fair = (from_one > 20) & (law[one:] > 20)
worst = 100 * np.abs(from_one[fair] / law[one:][fair] - 1).max()
slope = number("released", "slope_loglog")
steep = number("p0", "slope_angle")
factor = number("p0", "factor_norm").mean
target = np.log(1 / np.tan(np.arccos(config.threshold) / 2))
decades = -((factor - 1) * target - np.log(2)) / np.log(10)
pages.say(
    f"From norm 1 on, the law is within {worst:.1f} % of the count wherever more than 20 steps are needed. Along the norm the log-log slope is "
    f"{slope.mean:.3f} (95 % interval {slope.low:.3f} to {slope.high:.3f}). Along the angle, from $3\\pi/4$ up, the steps grow like "
    f"$(1/\\sin\\phi_0)^{{{steep.mean:.2f}}}$, where a quadratic slowdown would have exponent 2. To be slowed down {factor:.0f}-fold by the angle alone, "
    f"every pair would have to start within $10^{{{decades:.0f}}}$ of $\\pi$."
)

# %% tags=["remove-input"]
page.card("notebook-steps-norm-1", "notebook-factor-norm", "notebook-factor-angle")

# %% tags=["remove-input"]
page.card(
    "norm-slows-quadratically", "angle-slows-quadratically", "norm-slowdown-hundredfold", "angle-slowdown-twofold",
    "norm-matters-more-than-angle",
)

# %% [markdown]
# The hundredfold and the twofold of {cite:t}`draganov2024pitfalls` are therefore not properties of norm and angle alone but of
# where the axes of the figure end: a norm of 10 ($10^2$) and $|\alpha| = 0.96$. What does not depend on the
# axes is the *kind* of growth, a power on one side and a logarithm on the other.
#
# ### GradScale: one power for each $p$
#
# {cite:t}`draganov2025norms` write that $p = 1$ "will cancel the gradients' dependence on the embedding norm". It does: the
# gradient's length becomes $\sin\phi$, whatever the norm. But the cosine only knows directions, and a step of a given length turns a
# vector ten times as long ten times less. So $p = 1$ takes away one of the two powers of $\rho$ in {eq}`eq-norm-and-angle-steps` and leaves the other;
# for the number of steps to be free of the norm takes $p = 2$. (Our criterion asks about the steps, because it is the slowdown, the "embedding-norm
# effect", that the layer is meant to overcome. The sentence about the gradient stands.)

# %% tags=["hide-input"] mystnb={"image": {"alt": "Two panels against embedding norm on logarithmic axes. Left: steps to convergence for GradScale with p = 0, 1 and 2, lines of slope two, one and zero that meet at norm 1. Right: relative growth of the norm, falling with slope two, one and zero."}, "figure": {"caption": "GradScale with $p = 0, 1, 2$ at the same rate, random pairs, mean of ten seeds. Left: steps until converged. Right: by how much the norm has grown when they are done. Dashed: equations {eq}`eq-norm-and-angle-steps` and {eq}`eq-norm-and-angle-growth`.", "name": "fig-norm-and-angle-gradscale"}}
fig, (left, growing) = plt.subplots(1, 2, figsize=(7.4, 3.3), layout="constrained")
for p in (0, 1, 2):
    color = plots.ARM[f"p{p}"]
    settings = NormAndAngleConfig.from_dict(records[f"p{p}"][0].config)
    e = number(f"p{p}", "slope_loglog")
    _ = left.loglog(norms, over_seeds(f"p{p}").mean(0)[:, right], color=color, label=f"$p = {p}$: slope {e.mean:.2f}")
    _ = left.loglog(norms, small_step.steps(settings)[:, right], "--", color="black", lw=1)
    _ = growing.loglog(norms, 100 * (over_seeds(f"p{p}", "growth").mean(0)[:, right] - 1), color=color, label=f"$p = {p}$")
    _ = growing.loglog(norms, 100 * (small_step.growth(settings)[:, right] - 1), "--", color="black", lw=1)
_ = left.set(ylabel="steps until converged")
_ = growing.set(ylabel="growth of the norm, %")
for ax in (left, growing):
    _ = ax.set(xlabel=r"norm $\rho$", xticks=[0.25, 1, 5, 10], xticklabels=["0.25", "1", "5", "10"])
    _ = ax.minorticks_off()
    _ = ax.legend()
plt.show()

# %% tags=["hide-input"]
rows = []
for p, gradient, turn in ((0, r"$\rho^{-1}$", r"$\rho^{-2}$"), (1, r"$1$", r"$\rho^{-1}$"), (2, r"$\rho$", r"$1$")):
    slope, factor = number(f"p{p}", "slope_loglog"), number(f"p{p}", "factor_norm")
    growth = 100 * (over_seeds(f"p{p}", "growth").mean(0)[:, right] - 1)
    rows.append([f"{p}", gradient, turn, f"{slope.mean:.3f} [{slope.low:.3f}, {slope.high:.3f}]", f"{factor.mean:.1f}", f"{growth[one]:.2g}", f"{growth[-1]:.1g}"])
pages.table(rows, ["$p$", r"gradient $\propto$", r"angle turned per step $\propto$", "measured slope of the steps, 95 % interval", "steps at norm 10 / norm 1", "growth at norm 1, %", "growth at norm 10, %"], caption="What GradScale does to the gradient, to the turning and to the steps", name="tab-norm-and-angle-gradscale")

# %% [markdown]
# Between the three powers lies a continuum. The dots are counted by this library's simulation when the page is executed; the lines are {eq}`eq-norm-and-angle-steps`, averaged over the pairs, and {eq}`eq-norm-and-angle-growth`.

# %% tags=["hide-input"]
powers = [i / 10 for i in range(21)]
spread, mixes = (0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 7.0, 10.0), (-0.96, -0.8, -0.5, 0.0, 0.5)
settings = [NormAndAngleConfig(seed=seed, rate=rate, power=p, norms=spread, alphas=mixes) for p in powers]
runs = [run_norm_and_angle(c).arrays for c in settings]


def grid(values, digits=3):
    """A list over powers of arrays (norms, alphas) as a grid over powers, alphas and, as points, norms."""
    return Grid(("p", "alpha"), np.stack(values).transpose(0, 2, 1), digits)


with np.errstate(divide="ignore"):
    count_of = grid([np.log10(r["steps"]) for r in runs])
    gain_of = grid([np.log10(100 * (r["growth"] - 1)) for r in runs])
    gain_law = grid([np.log10(100 * (small_step.growth(c) - 1)) for c in settings])
unit_steps = small_step.steps(settings[0])[spread.index(1)]  # at norm 1, where the power plays no part
along, labels = Grid((), np.log10(spread)), [(np.log10(x).item(), f"{x:g}") for x in (0.25, 0.5, 1, 2, 5, 10)]


def decades(values):
    """The range of finite values and its whole numbers as ticks, both for an axis of logarithms."""
    seen = values.values[np.isfinite(values.values)]
    low, high = float(seen.min()) - 0.2, float(seen.max()) + 0.2
    whole = range(int(np.ceil(low)), int(np.floor(high)) + 1)
    return {"y": (low, high), "y_ticks": [(k, f"{10**k:,}" if k >= 0 else f"{10.0**k:.{-k}f}") for k in whole]}


at_ten, at_one = (np.stack([r["steps"][spread.index(x)] for r in runs]) for x in (10, 1))
Sliders(
    f"Steps to a mean cosine of {settings[0].threshold} (left) and what the norm gains on the way (right), against the norm at the start; 500 pairs with rate {rate:g} on the mean, seed {seed}. "
    "Dots: counted. Lines: the small-step laws.",
    (
        Slider("p", "GradScale's power p", powers, 0.5),
        Slider("alpha", "mixing α (−0.96: nearly opposite, 0: random)", mixes, 0.0),
    ),
    (
        Panel(
            "Steps until converged against the norm, both axes logarithmic: a line whose slope falls from two to zero as the power goes from zero to two.",
            "norm ρ", "steps until converged", (float(np.log10(0.22)), 1.05), **decades(count_of), x_ticks=labels,
            curves=(
                Curve("law without GradScale", "2 * x + log(first) / log(10)", color="#8a8a8a", dash="6 4", count=2),
                Curve("law", "(2 - p) * x + log(first) / log(10)", color=plots.BLUE, count=2),
                Curve("counted", count_of, along, dots=4),
            ),
        ),
        Panel(
            "Growth of the norm in percent against the norm, both axes logarithmic: a line whose slope rises from minus two to zero as the power goes from zero to two.",
            "norm ρ", "growth of the norm, %", (float(np.log10(0.22)), 1.05), **decades(gain_of), x_ticks=labels,
            curves=(Curve("law", gain_law, along, color=plots.BLUE), Curve("counted", gain_of, along, dots=4)),
        ),
    ),
    (
        Reading("power of the norm in the law", "2 - p"),
        Reading("counted at norm 1", Grid(("p", "alpha"), at_one)),
        Reading("at norm 10", Grid(("p", "alpha"), at_ten)),
        Reading("ratio", Grid(("p", "alpha"), at_ten / at_one)),
    ),
    {"first": Grid(("alpha",), unit_steps)},
)

# %% tags=["remove-input"]
page.card("gradscale-default-steps", "gradscale-cancels-steps", "gradscale-reduces-slowdown")

# %% [markdown]
# The price is in the right-hand panel. Without GradScale a large norm protects itself: what a large embedding
# gains on the way is negligible beside what it has. With $p = 1$ every embedding gains the same length, with $p = 2$ the same
# *factor*, however large it is already. And where norms are above 1, GradScale at an unchanged rate is a larger
# step: that {cite:t}`draganov2025norms` had to lower the rate to a sixth and warm up ten times as long is what
# {eq}`eq-norm-and-angle-k` would suggest.
#
# Mind what this simulation is: the points themselves descend. In a network the weights do, and an embedding moves through them,
# so the exponents here are the mechanism, not a forecast for training ({doc}`../training/simclr-norms`).

# %% [markdown]
# ## This execution
#
# The same code, now, with the parameters at the top of the page.

# %% tags=["hide-cell", "nbval-ignore-output"]
grid = tuple(float(x) for x in np.geomspace(1, largest_norm, 6 if scale == "smoke" else 13).round(6))
own = page.run("norm-and-angle", "p0", seed=seed, rate=rate, power=power, norms=grid, alphas=(0.0,))
ours = NormAndAngleConfig.from_dict(own.config)
steps, growth = own.arrays["steps"][:, 0], own.arrays["growth"][:, 0]
predicted = small_step.steps(ours)[:, 0]
there = np.isfinite(steps)  # within the cap
rows = [
    [f"{n:.2f}", own.final[f"steps_norm_{n:g}"], f"{t:.1f}", f"{g:.4f}" if np.isfinite(g) else ""]
    for n, t, g in zip(grid, predicted, growth, strict=True)
]
pages.table(rows, ["norm", "steps", "small-step law", "norm at the end / at the start"])
pages.say(f"GradScale $p = {power:g}$, rate {rate:g}, seed {seed}: slope {own.final.get('slope_loglog', float('nan')):.3f}, the law's is {2 - power:g}.")
np.testing.assert_allclose(steps[there], predicted[there], rtol=0.02 + rate / ours.pairs, atol=1)
assert there.any() and (growth[there] > 1).all()

# %% [markdown]
# (what-differs-norm-and-angle)=
# ## What differs, and why
#
# The text (appendix B.1 of {cite:t}`draganov2025norms`) and the released notebook describe different simulations. Each difference is an arm of ours.

# %% tags=["hide-input"] mystnb={"image": {"alt": "Two panels. Left: steps against norm for four readings of the setting; notebook and text are parallel lines of slope two, scaling one of two moving sets levels off, and rate 10 per pair makes a valley with its lowest point at norm 3. Right: steps against alpha for the notebook, rising steadily towards alpha = -1, and for the text, falling first and rising later, with the starting norm of the text's mixture as a dotted curve."}, "figure": {"caption": "Four readings of one setting. Left: steps against the norm at $\\alpha = 0$. Right: steps against $\\alpha$ at nominal norm 1; dotted, the norm that the text's mixture really has.", "name": "fig-norm-and-angle-readings"}}
fig, (left, mixing) = plt.subplots(1, 2, figsize=(7.8, 3.5), layout="constrained")
names = {"released": "notebook: both move, scaled", "text": "text: one moves, is scaled", "text-both-move": "both move, one is scaled", "rate-per-pair": "rate 10 for each pair"}
colors = dict(zip(names, (plots.ARM["released"], plots.ARM["text"], plots.SKY, plots.PURPLE), strict=True))
for cell, name in names.items():
    arm = records[cell][0]
    _ = left.loglog(arm.arrays["norms"], over_seeds(cell).mean(0)[:, list(arm.arrays["alphas"]).index(0)], color=colors[cell], label=name)
_ = left.set(xlabel=r"norm $\rho$", ylabel="steps until converged", xticks=[0.25, 1, 5, 10], xticklabels=["0.25", "1", "5", "10"])
_ = left.minorticks_off()
_ = left.legend()
text_alphas = records["text"][0].arrays["alphas"]
_ = mixing.plot(alphas, counted[one], color=colors["released"], label="notebook: steps")
_ = mixing.plot(text_alphas, over_seeds("text").mean(0)[one], color=colors["text"], label="text: steps")
_ = mixing.set(xlabel=r"$\alpha$ (opposite $\leftarrow$ random $\rightarrow$ equal)", ylabel="steps until converged", ylim=(0, None))
size = mixing.twinx()
_ = size.plot(text_alphas, np.sqrt((1 - abs(text_alphas)) ** 2 + text_alphas**2), ":", color=colors["text"], label="text: norm of the mixture")
_ = size.set(ylim=(0, 1.05), ylabel="norm of the mixture")
_ = size.grid(False)
_ = mixing.legend(*map(list.__add__, mixing.get_legend_handles_labels(), size.get_legend_handles_labels()), loc="lower left")
plt.show()

# %% tags=["hide-input"]
rows = []
more = {"p0": "notebook, first step along the cosine", "sphere": r"notebook, on $S^{20}$ (in $\mathbb{R}^{21}$), as the text says"}
for cell, name in {**names, **more}.items():
    at = [number(cell, f"steps_norm_{n}") for n in (1, 10)]
    last = number(cell, "steps_angle_-0.96")
    slope = number(cell, "slope_loglog")
    rows.append([name, f"{at[0].mean:.1f}", f"{at[1].mean:.1f}", f"{slope.mean:.3f}", f"{last.mean:.1f}", f"{number(cell, 'factor_angle').mean:.2f}"])
pages.table(rows, ["setting", "steps at norm 1", "steps at norm 10", "slope, norms 1 to 10", r"steps at $\alpha = -0.96$", "times those at $\\alpha = 0$"], caption="The readings in numbers, mean over ten seeds", name="tab-norm-and-angle-readings", fold="The readings in numbers")

# %% [markdown]
# * **The rate.** "Learning rate 10" acts on the mean over 500 pairs, so each pair moves with 0.02. Taken at its word for
#   each pair, 10 is no small step: at norm 1 the first step throws the points far out, where the
#   norm they have gained makes the next ones tame. Steps then *fall* with the norm until $k = \eta/\rho^2$ is near one, and rise beyond.
# * **Who moves.** In the text the first set is static, in the notebook both move, as in Theorem 3.4. One mover takes
#   twice the steps and the same slope.
# * **Who is scaled.** The text scales the second set only. If nevertheless both move, the unscaled one does the turning, and
#   the slowdown stops at twofold: the pace is set by $1/\rho_1^2 + 1/\rho_2^2$, so by the *shorter* of the two.
# * **The mixture.** The text does not normalise $x_2'$ again. Half-way between two nearly perpendicular unit vectors lies a vector
#   of norm 0.7, so the text's $\alpha$ changes angle and norm together, and at first a *larger* angle converges
#   *faster*. The notebook normalises (and writes $\alpha$ with the other sign).
# * **The first step.** The notebook's first loss is the mean dot product over the square of the norm; only from the second step on is it
#   the cosine. The two have the same value but not the same gradient: the first step is not projected, and for nearly
#   opposite pairs it *shortens* them by the factor $1 - \eta/\rho^2$. At norm 1 this is 2 % of the norm and, the slowdown being
#   quadratic, 4 % of the steps, which is the difference between the notebook's last number and that of a simulation with the cosine's own gradient throughout.
# * **The ends.** At $\alpha = -1$ every pair is exactly opposite, its gradient is zero, and no number of steps is enough:

# %% tags=["hide-input"]
answers = sorted({str(r.final["steps_angle_-1"]) for r in records["text"]})
pages.say(f"recorded for $\\alpha = -1$: {', '.join(answers)}. The notebook stops at 0.96, and prints 0 for norm 0, where the cosine has no value.")

# %% [markdown]
# ## What it costs, and how to vary it

# %% tags=["remove-input", "nbval-ignore-output"]
page.cost()

# %% tags=["remove-input"]
page.papermill(power=2.0, largest_norm=20.0, scale="paper")
