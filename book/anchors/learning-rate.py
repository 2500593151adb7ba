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
# # High learning rates: over-fusion, and anchors against it
#
# The main claim of {cite:t}`li2024cloa`: at a high learning rate {term}`InfoNCE` and its kin press all embeddings into one point
# ("{term}`over-fusion`"), so that a classifier can only guess; and a term that pulls a tenth of the images to fixed {term}`anchors <anchor>`, one
# for each class, cures it. This page trains four losses over learning rates, with and without anchors. It asks what a
# falling *variance* says, because there are three things to tell apart: a {term}`collapse`, a divergence, and embeddings that are merely short.

# %% tags=["parameters"]
loss: str = "infonce"  # "infonce", "dcl", "bt" (Barlow Twins) or "vicreg"
rate: float = 1.0  # their learning rate: 1, 1e-2, 1e-3 or 1e-6
epochs: int = 6  # where they stop, at most where the scale's own do
seed: int = 0
scale: str = "smoke"  # or "cpu" (real CIFAR-10, a minute a run) or "gpu"

# %% tags=["hide-input"]
import math

import numpy as np
import torch
from matplotlib import pyplot as plt
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator

from ssllib import losses
from ssllib.engine.evaluation import at_the_end
from ssllib.engine.methods import simclr
from ssllib.engine.methods.backbones import ResNet
from ssllib.evidence import papers, stats, verdicts
from ssllib.pages import deviation_table, plots
from ssllib.pages import page as pages
from ssllib.pages.recorded import number
from ssllib.runs import experiments
from ssllib.runs.experiments import orthonormal_anchors as grid

page = pages.begin(
    "anchors/learning-rate",
    globals(),
    loss=pages.choice(*grid.LOSSES),
    rate=pages.choice(*map(float, grid.FEW_RATES)),
    epochs=pages.integer(1, 500),
    seed=pages.integer(0, 10**6),
    scale=pages.choice("smoke", "cpu", "gpu"),
)
NAME = {"infonce": "InfoNCE", "dcl": "DCL", "bt": "Barlow Twins", "vicreg": "VICReg"}
PRINTED = {"infonce": "InfoNCE", "dcl": "DCL", "bt": "BT", "vicreg": "VICreg"}  # in the paper's Table 3
ARMS = {"": ("without anchors", plots.BLUE, "-"), "cloa-": ("with anchors", plots.ORANGE, "--")}
CHANCE = 10.0

# %% [markdown]
# ## The answer

# %% tags=["remove-input"]
page.answer(
    {
        "Does InfoNCE fuse at a rate of 1?": "over-fusion-variance-zero",
        "Does accuracy fall to chance there?": "over-fusion-chance-accuracy",
        "Does accuracy follow the variance?": "accuracy-follows-variance",
        "Do anchors raise accuracy at high rates?": "anchors-raise-accuracy-at-high-rates",
        "Do images without labels follow the anchors?": "unlabelled-follow-anchors",
    }
)

# %% [markdown]
# ## The loss with anchors
#
# Let $z_i$ be the embedding of a view, here the {term}`backbone`'s features themselves: there is no {term}`projector`. A set $\mathcal{S}$ of a tenth of the
# images has labels $y_i$ known to the loss, the same tenth that is used for fine-tuning afterwards. Before training, draw one unit vector
# $c_1, \dots, c_k$ for each class, all at right angles. Then train with
#
# $$\mathcal{L} = \mathcal{L}_\text{contrastive} + w\, \frac{1}{|\mathcal{S}|} \sum_{i \in \mathcal{S}} \bigl(1 - \cos(z_i, c_{y_i})\bigr) .$$ (eq-anchors)
#
# The paper prints a sum, beside an InfoNCE that is also a sum, and no weight; here both are means, and $w = 1$.
#
# **Can an anchor be reached?** Features that leave a ResNet are means of what leaves a ReLU: no coordinate is negative. A randomly turned anchor has as many negative
# coordinates as positive ones. The nearest that a vector without negative coordinates comes to $c$ is its positive part $c^+$, with a cosine of $\|c^+\|$. In many dimensions it tends to $1/\sqrt 2$, and the cosine between
# two of the points reached to $1/\pi$: 71 degrees apart instead of 90, so the classes' targets are in truth not orthogonal. (That is for embeddings straight after the last pooling, as here and as the paper describes its
# network; a linear layer in between would lift the limit.)

# %% tags=["hide-input"]
rows = []
features = ResNet("small", 64).features
for d, where in ((features, "the network of the cpu scale"), (512, "ResNet-18"), (2048, "ResNet-50")):
    own, between = [], []
    for s in range(3):
        positive = losses.orthonormal_anchors(10, d, s).clamp_min(0)
        own += positive.norm(dim=1).tolist()
        u = torch.nn.functional.normalize(positive, dim=1)
        between += (u @ u.T)[~torch.eye(10, dtype=torch.bool)].tolist()
    rows.append([d, where, f"{np.mean(own):.2f}", f"{1 - np.mean(own):.2f}", f"{np.mean(between):.2f}", f"{math.degrees(math.acos(np.mean(between))):.0f}"])
pages.table(rows, ["dimension", "features of", r"best cosine, $\Vert c^+ \Vert$", "anchor loss there", "cosine between two classes' best", "angle, degrees"], fold="How near an anchor can be reached", lead="Ten anchors, and the nearest vectors without negative coordinates: mean over anchors and three draws.")

# %% [markdown]
# ## What "fusion" can mean
#
# The paper measures the variance of the embeddings of the images, summed over the dimensions; we add two measures that it does not have:
#
# $$
# \begin{aligned}
# V &= \sum_{j=1}^{d} \operatorname{Var}(z_j), & S &= 1 - \Bigl\| \frac1n \sum_i \frac{z_i}{\|z_i\|} \Bigr\|^2, \\
# r &= \exp\Bigl( -\sum_j p_j \log p_j \Bigr) .
# \end{aligned}
# $$ (eq-anchors-measures)
#
# $S$ is the **spherical variance**: $1 - S$ is the mean cosine between two images, so $S = 0$ if all point one way. $r$ is the **effective rank** {cite}`roy2007rank`, with $p_j$ the singular
# values of the centred embeddings over their sum: 1 when all lie on one line, $d$ when all directions are used alike.
#
# **Why they are needed.** InfoNCE and DCL see directions only. If all embeddings are made ten times as short, $V$ falls to a hundredth, and neither the loss nor anything that it has shaped changes; $S$ and $r$ stay as they are.
# The paper's theorem, too, speaks of embeddings that "are all equal or lie in the same rank-1 subspace", which is $S = 0$ or $r = 1$. A small $V$ says neither. So this page calls
# a run *collapsed* when $S < 0.01$ or $r < 2$, *diverged* when its loss was not finite, and *neither* else. (With no negative coordinate, all embeddings on one line through the origin point the same way, $S = 0$.)
#
# **What theory says.** {doc}`/book/theory/collapse` proves that the gradient does vanish when embeddings are equal or on one line, and that these are *saddles*, not minima ({prf:ref}`thm-collapse`): gradient descent that is not exactly
# there moves away, by a factor in every step. So a loss with repulsion offers no reason to *stay* fused, whatever the rate. A network can be caught elsewhere: where all its ReLUs are off, no parameter has a gradient.
# {doc}`/book/simulations/three-lines` asks the same question of points on three lines; here it is asked of images.
#
# ## What is trained

# %% tags=["hide-input"]
found = page.recorded("over-fusion")
every = found.all
longest = max(every, key=lambda r: r.config["epochs"], default=None)


def of(name, prefix="", cells=None):
    """The records of a loss, {learning rate: records}, in rising order of the rate."""
    wanted = {f"{prefix}{name}-{r}": float(r) for r in grid.RATES}
    by_rate = {wanted[cell]: runs for cell, runs in (cells or found).items() if cell in wanted}
    return dict(sorted(by_rate.items()))


def span(values, digits=1):
    return pages.mean_range(values, digits, none="diverged")


def short(x):
    """A rate as 1e-3, with a hyphen that does not break; one as 1."""
    return "1" if x == 1 else f"1e{round(math.log10(x))}".replace("-", "\u2011")


shown = {name: label for name, label in NAME.items() if of(name)} or NAME
c = longest.config if longest else {}
steps = c["epochs"] * ((c["train_images"] or 50_000 - c["held_out"]) // c["batch_size"]) if c else 0
pages.table(
    [
        ["data, network", verdicts.describe(longest) if longest else pages.NOTHING, "CIFAR-10 at 224 pixels, ResNet-18, 100 epochs, batch 128"],
        ["steps", f"{steps:,}" if c else "", f"{100 * (50_000 // 128):,}"],
        ["rates", ", ".join(short(r) for r in sorted({r.config["lr"] for r in every}, reverse=True)), "1e-7 to 1"],
        ["seeds", found.setting.rpartition("; ")[2] if found else "", "not stated"],
    ],
    ["", f"recorded, {found.where}" if found else pages.NOTHING, "paper"],
    caption="The recorded runs, and the paper's; {ref}`the other settings <what-differs-learning-rate>` stand below",
    name="tab-anchors-setting",
)
if found.missing and found:
    pages.say(f"{len(found.missing)} of {len(found.wanted)} declared arms have no record yet; what follows leaves them out.")

# %% [markdown]
# ## Recorded evidence
#
# {numref}`fig-anchors-rates` is our version of the paper's Figure 2.

# %% tags=["hide-input"] mystnb={"image": {"alt": "Two rows of panels against the learning rate from 1e-7 to 1, a column for each loss. Top: fine-tuned accuracy with lines for chance and for the untrained network. Bottom: variance of the embeddings, logarithmic. Solid: without anchors, dashed: with anchors; dots are single seeds."}, "figure": {"caption": "Accuracy on the test set after fine-tuning on 10 % of the labels (top), and variance $V$ of the test images' embeddings before it (bottom), against the learning rate of pretraining. Lines: mean over seeds; dots: single seeds; crosses on the lower edge: diverged. Dotted lines: chance, and the k-NN accuracy of the untrained network on held-out images, with the labels of all training images.", "name": "fig-anchors-rates"}}
def over_rates(axes, metrics):
    """A row of panels for each metric (key -> label, logarithmic?), a column for each loss."""
    for column, (name, label) in zip(axes.T, shown.items(), strict=True):
        column[0].set_title(label)
        for ax, (metric, (what, log)) in zip(column, metrics.items(), strict=True):
            if not any(of(name, prefix) for prefix in ARMS):
                plots.blank(ax, pages.NOTHING)
                continue
            for prefix, (_, color, dash) in ARMS.items():
                by_rate = of(name, prefix)
                points = [(x, number(r, metric)) for x, runs in by_rate.items() for r in runs]
                _ = ax.plot(*np.array(points).reshape(-1, 2).T, "o", ms=3.5, color=color, alpha=0.5, mew=0)
                means = [(x, np.mean(good)) for x, runs in by_rate.items() if (good := [number(r, metric) for r in runs if r.status == "finished"])]
                _ = ax.plot(*np.array(means).reshape(-1, 2).T, color=color, ls=dash, lw=1.5)
                gone = [x for x, runs in by_rate.items() for r in runs if r.status == "diverged"]
                _ = ax.plot(gone, [0.04] * len(gone), "x", color=color, ms=6, transform=ax.get_xaxis_transform())
            _ = ax.set(xscale="log", xlim=(4e-8, 2.5), xticks=[1e-6, 1e-4, 1e-2, 1], yscale="log" if log else "linear")
            if log:
                ax.yaxis.set_major_locator(LogLocator(subs=(1, 3)))
                ax.yaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}"))
            ax.minorticks_off()
            if name == next(iter(shown)):
                _ = ax.set_ylabel(what)


handles = [Line2D([], [], color=color, ls=dash, marker="o", ms=3.5, label=arm) for arm, color, dash in ARMS.values()]
untrained = {name: [r.history[0]["knn_val"] for runs in of(name).values() for r in runs] for name in shown}
untrained = {name: float(np.mean(values)) for name, values in untrained.items() if values}
fig, axes = plt.subplots(2, len(shown), figsize=(max(4.2, 2.15 * len(shown)), 4.7), sharex=True, sharey="row", squeeze=False)
over_rates(axes, {"finetune_10": ("fine-tuned accuracy (%)", False), "variance": ("variance $V$", True)})
for ax, name in zip(axes[0], shown, strict=True):
    if name in untrained:
        for y in (CHANCE, untrained[name]):
            _ = ax.axhline(y, color="black", ls=":", lw=1.1)
if untrained:
    _ = axes[0, 0].set_ylim(bottom=8)
    for text, y in (("chance", CHANCE), ("k-NN, untrained", next(iter(untrained.values())))):
        _ = axes[0, 0].annotate(text, (5e-8, y), (0, 2), textcoords="offset points", fontsize=8)
_ = fig.supxlabel("learning rate", fontsize=10)
_ = fig.legend(handles=handles, loc="outside upper center", ncols=2)
plt.show()

# %% tags=["hide-input"]
table3 = papers.load("2403.18699").table("3")


def best(name, prefix):
    """Mean accuracy at the rate that is best on held-out images, and the rate; None without a finished run."""
    means = {}
    for x, runs in of(name, prefix).items():
        both = [(number(r, "finetune_10_val"), number(r, "finetune_10")) for r in runs if r.status == "finished"]
        if both and not np.isnan(both).any():
            means[x] = np.mean(both, axis=0)
    chosen = max(means, key=lambda x: means[x][0], default=None)
    return None if chosen is None else (float(means[chosen][1]), chosen)


rows = []
for name, label in shown.items():
    paper = [100 * float(table3.value(loss=PRINTED[name], arm=arm, labels=10)) for arm in ("default", "anchors")]
    ours = [best(name, prefix) for prefix in ARMS]
    gain = f"{ours[1][0] - ours[0][0]:+.1f}".replace("-", "−") if all(ours) else ""
    rows.append([label, *(f"{v:.1f}" for v in paper), f"{paper[1] - paper[0]:+.1f}", *(f"{b[0]:.1f} (rate {short(b[1])})" if b else "no record" for b in ours), gain])
pages.table(
    rows,
    ["loss", "paper", "paper, anchors", "gain", "ours", "ours, anchors", "gain"],
    caption="Accuracy (%) after fine-tuning on 10 % of the labels, each arm at its best rate: the paper's Table 3, and ours on the test set (mean over seeds). Ours is chosen among the recorded rates on held-out images; how the paper's was is not stated",
    name="tab-anchors-best",
)
infonce = [100 * float(table3.value(loss="InfoNCE", arm="default", labels=share)) for share in (10, 100)]
pages.say(
    f"The paper's baselines are low: InfoNCE at its best rate has {infonce[0]:.1f} % with a tenth of the labels and {infonce[1]:.1f} % with all of them. SimCLR with its own augmentations and a projector has a k-NN accuracy of 83.2 % "
    "on CIFAR-10 after 100 epochs of a ResNet-18, without any fine-tuning {cite}`kobak2024simclr`."
)
ranges = [max(v) - min(v) for name in shown for prefix in ARMS for runs in of(name, prefix).values() if len(v := [number(r, "finetune_10") for r in runs if r.status == "finished"]) > 1]
over = [max(m) - min(m) for name in shown if len(m := [np.mean(v) for runs in of(name).values() if (v := [number(r, "finetune_10") for r in runs if r.status == "finished"])]) > 1]
edge = [number(r, "finetune_rate") for r in every if r.status == "finished"]
if ranges and over:
    pages.say(
        f"How much can be seen at this scale? Between the seeds of one arm the accuracy differs by {np.median(ranges):.1f} points (median of the ranges, {len(ranges)} arms with more than one seed); between the rates of one loss "
        f"without anchors the mean accuracy differs by {span(over)} points. "
        f"In {sum(e == max(at_the_end.RATES) for e in edge)} of {len(edge)} runs the chosen rate of fine-tuning is the largest of the four on offer."
    )

# %% tags=["remove-input"]
page.card(
    "not-learning-at-small-rates", "mild-learning-helps", "strong-learning-worst", "over-fusion-chance-accuracy",
    "anchors-raise-accuracy-at-high-rates", "anchors-double-accuracy", "unlabelled-follow-anchors",
)

# %% [markdown]
# ### Directions instead of lengths

# %% tags=["hide-input"] mystnb={"image": {"alt": "Three rows of panels against the learning rate, a column for each loss: mean norm, spherical variance, effective rank, with and without anchors, single seeds as dots."}, "figure": {"caption": "The same runs, taken apart: mean norm of the embeddings (top), and the two measures that do not change with the norm, spherical variance $S$ (middle; 0: all embeddings point one way) and effective rank $r$ (bottom; 1: all on one line). Shaded: what is called collapsed here.", "name": "fig-anchors-directions"}}
fig, axes = plt.subplots(3, len(shown), figsize=(max(4.2, 2.15 * len(shown)), 6.2), sharex=True, sharey="row", squeeze=False)
over_rates(axes, {"norm_projector_test": ("norm", True), "spherical_variance": ("spherical variance $S$", False), "effective_rank_embedding": ("effective rank $r$", False)})
for row, below, low, high in ((1, -0.04, 0.01, 1.0), (2, -1.0, 2.0, None)) if found else ():
    for ax in axes[row]:
        _ = ax.axhspan(below, low, color=plots.RED, alpha=0.25, lw=0)
        _ = ax.set_ylim(below, high)
_ = fig.supxlabel("learning rate", fontsize=10)
_ = fig.legend(handles=handles, loc="outside upper center", ncols=2)
plt.show()

# %% [markdown]
# ## What happens at the highest rate
#
# Collapse, divergence, or neither: counted over all recorded runs, at each rate.

# %% tags=["hide-input"]
def fate(r):
    """What became of a run."""
    if r.status != "finished":
        return "diverged"
    flat = number(r, "spherical_variance") < 0.01 or number(r, "effective_rank_embedding") < 2
    return "collapsed" if flat else "neither"


def counted(runs):
    """Collapsed / diverged / neither."""
    found = [fate(r) for r in runs]
    return " / ".join(str(found.count(w)) for w in ("collapsed", "diverged", "neither")) if found else ""


rates = sorted({x for name in shown for prefix in ARMS for x in of(name, prefix)}, reverse=True)
rows = [[f"{label}, {arm}", *(counted(of(name, prefix).get(x, [])) for x in rates)] for name, label in shown.items() for prefix, (arm, _, _) in ARMS.items() if of(name, prefix)]
pages.table(rows, ["", *(short(x) for x in rates)], caption="What became of the runs, by learning rate: collapsed / diverged / neither (empty: not run)", name="tab-anchors-fates")
plain = [r for name in shown for runs in of(name).values() for r in runs]
if plain:
    top = max(r.config["lr"] for r in plain)
    fates = [fate(r) for r in plain if r.config["lr"] == top]
    pages.say(
        f"Without anchors, at a rate of {short(top)}: {fates.count('collapsed')} of {len(fates)} runs collapsed, {fates.count('diverged')} diverged, {fates.count('neither')} did neither. "
        f"At all rates: {sum(fate(r) == 'collapsed' for r in plain)} collapsed and {sum(fate(r) == 'diverged' for r in plain)} diverged of {len(plain)}."
    )
lines = [r for cell, runs in page.recorded("three-lines").items() if cell.startswith("infonce-lr-") for r in runs if r.status == "finished"]
pages.say(f"For comparison: of the {len(lines)} runs of InfoNCE in {{doc}}`/book/simulations/three-lines`, over four decades of rates, {sum(r.final['rank1_share'] >= 0.8 for r in lines)} end with a rank-1 share of 0.8 or more.")

# %% [markdown]
# {numref}`tab-anchors-top` looks closer. The *loss at collapse* is the value that the loss has for a batch of equal embeddings; a run that is held at collapse would have to end near it. The
# *mean cosine* is that between two test images, $1 - S$.

# %% tags=["hide-input"]
def at_collapse(config):
    """The loss, anchors apart, of a batch of equal embeddings of norm 1."""
    d = ResNet(config["backbone"], config["width"]).features
    z = torch.full((config["batch_size"], d), d**-0.5, dtype=torch.float64)
    return float(simclr.LOSSES[config["loss"]](z, z, config["temperature"]))


rows, turned = [], []
for name, label in shown.items():
    by_rate = of(name)
    if not by_rate:
        continue
    for x in dict.fromkeys((min(by_rate), max(by_rate))):
        runs = by_rate[x]
        rows.append(
            [
                label,
                short(x),
                f"{runs[0].history[0]['loss']:.2f}",
                span([r.history[-1]["loss"] for r in runs if r.status == "finished"], 2),
                f"{at_collapse(runs[0].config):.2f}",
                span([1 - number(r, "spherical_variance") for r in runs], 2),
                span([number(r, "effective_rank_embedding") for r in runs]),
                span([number(r, "norm_projector_test") for r in runs], 2),
                f"{max(h['grad_norm_embedding'] for r in runs for h in r.history):.1g}",
            ]
        )
    ends = [np.mean([1 - number(r, "spherical_variance") for r in by_rate[x] if r.status == "finished"] or [math.nan]) for x in (min(by_rate), max(by_rate))]
    if len(by_rate) > 1 and not any(map(math.isnan, ends)):
        moved = ends[1] - ends[0]
        way = "higher: directions closed up" if moved > 0 else "lower: directions spread over more of the sphere, the reverse of fusion"
        way = "hardly a change" if abs(moved) < 0.1 else way
        turned.append(f"with {label} from {ends[0]:.2f} at {short(min(by_rate))} to {ends[1]:.2f} at {short(max(by_rate))} ({way})")
pages.table(
    rows,
    ["loss", "rate", "loss, start", "loss, end", "at collapse", "mean cosine", "effective rank", "norm", "gradient at an embedding, largest"],
    caption="Without anchors, at the lowest and the highest recorded rate: mean (range over seeds). Last column: the largest mean over an epoch of a sample's gradient",
    name="tab-anchors-top",
)
if turned:
    pages.say(
        "The mean cosine between two images goes " + "; ".join(turned) + ". The effective rank need not go the same way: it counts how many directions "
        "the spread fills, not how wide it is."
    )

# %% tags=["hide-input"]
def factor(a, b, power=1):
    """Mean over seeds of a number at a rate over another, as a factor."""
    both = [(u, v) for u, v in zip(a, b, strict=False) if not math.isnan(u) and not math.isnan(v)]
    if not both:
        return ""
    ratio = math.exp(np.mean([power * math.log(max(v, 1e-300) / u) for u, v in both]))
    return f"{ratio:.2g}" if ratio < 100 else f"{ratio:.0f}"


lead = (
    "For embeddings of norm $\\rho$ the variance is $\\rho^2$ times something that depends on directions (and on how the norms differ). By what factor each number changes from a rate of 1e-4 to 1, the two that the claims "
    "compare, without anchors (geometric mean over seeds):"
)
rows = []
for name, label in shown.items():
    low, high = ({r.seed: r for r in of(name).get(x, []) if r.status == "finished"} for x in (1e-4, 1.0))
    seeds = sorted(low.keys() & high.keys())
    if seeds:
        pair = [[[number(r[s], m) for s in seeds] for r in (low, high)] for m in ("variance", "norm_projector_test", "spherical_variance", "effective_rank_embedding")]
        rows.append([label, len(seeds), factor(*pair[0]), factor(*pair[1], power=2), factor(*pair[2]), factor(*pair[3])])
pages.table(rows, ["loss", "seeds", "variance", "mean norm, squared", "spherical variance", "effective rank"], fold="Where the variance goes", lead=lead)

# %% [markdown]
# A cosine loss does not fix a length: where norms end up is decided by how the steps move the last layer's scales and shifts, not by what the loss wants. VICReg asks for a standard deviation of one in each
# dimension, so there $V$ is part of the loss; Barlow Twins standardises each dimension, so that lengths and shifts are free again.
#
# **Does accuracy follow the variance?** The claim's number, beside the same with the measures of directions and with the loss itself (six rates from 1e-6 to 1, as the criterion has it; mean over seeds):

# %% tags=["hide-input"]
six = [float(r) for r in grid.PHASES]
rows = []
for name, label in shown.items():
    by_rate = of(name)
    whole = [s for s in sorted({r.seed for r in every}) if all(any(r.seed == s and r.status == "finished" for r in by_rate.get(x, [])) for x in six)]
    chosen = {s: [next(r for r in by_rate[x] if r.seed == s) for x in six] for s in whole}
    row = [label, len(whole)]
    for metric in ("variance", "spherical_variance", "effective_rank_embedding", "knn_test", "loss"):
        value = [stats.spearman([r.history[-1]["loss"] if metric == "loss" else number(r, metric) for r in runs], [number(r, "finetune_10") for r in runs]) for runs in chosen.values()]
        row.append(f"{np.mean(value):+.2f}".replace("-", "−") if value else "")
    if whole:
        rows.append(row)
pages.table(rows, ["loss", "seeds", "variance", "spherical variance", "effective rank", "k-NN accuracy", "final loss"], caption="Rank correlation, over six learning rates without anchors, of the accuracy after fine-tuning with other numbers of the same runs", name="tab-anchors-correlations")

# %% tags=["remove-input"]
page.card(
    "over-fusion-variance-zero", "over-fusion-worst-with-infonce", "accuracy-follows-variance",
    "accuracy-peaks-with-variance", "anchors-variance-dips", "anchors-variance-recovers",
)

# %% [markdown]
# ## This execution: low accuracy without fusion
#
# One thing in the paper's setting can ruin accuracy without any fusion: its augmentations. Crops of at least four fifths of the image and a faint jitter leave most of what tells two images apart, colours first, in both
# views. A network that tells views apart by colour has a low InfoNCE and need know nothing of what is shown. The further such a training goes, and a higher rate takes it further, the less may be left of the rest.
#
# So three runs, now, at the scale of the parameters above: the loss at a high rate; the same with anchors; the same without anchors, with the augmentations of the book's SimCLR runs (smaller crops, stronger colours, grays)
# and nothing else changed. At `smoke` scale the images are the patterns that the library draws itself. Their colours say nothing of their class, so this makes the point strongly; it says nothing of how much of it is true of CIFAR.

# %% tags=["hide-cell", "nbval-ignore-output"]
cell = f"{loss}-{next(r for r in grid.FEW_RATES if float(r) == rate)}"
last = min(epochs, experiments.get("over-fusion").cell(scale, cell).config.epochs)
ways = {
    "paper's views": ("over-fusion", cell, plots.BLUE, "-"),
    "paper's views, anchors": ("over-fusion", f"cloa-{cell}", plots.ORANGE, "--"),
    "SimCLR's views": ("over-fusion-views", cell, plots.GREEN, "-."),
}
live = {label: page.run(experiment, name, seed=seed, scale=scale, epochs=last) for label, (experiment, name, _, _) in ways.items()}

# %% tags=["hide-input", "nbval-ignore-output"] mystnb={"image": {"alt": "Three panels over epochs for the three runs of this execution: k-NN accuracy on held-out images, effective rank, loss."}, "figure": {"caption": "This execution: k-NN accuracy on held-out images, effective rank of their embeddings, and the loss (with the anchor term where there is one), at the parameters above.", "name": "fig-anchors-live"}}
fig, axes = plt.subplots(1, 3, figsize=(8.6, 3.0))
panels = {"knn_val": "k-NN on held-out images (%)", "effective_rank_val": "effective rank", "loss": "loss"}
for ax, (metric, title) in zip(axes, panels.items(), strict=True):
    for label, r in live.items():
        points = [(h["epoch"], h[metric]) for h in r.history if metric in h]
        _ = ax.plot(*zip(*points, strict=True), color=ways[label][2], ls=ways[label][3], marker="o", ms=3, label=label)
    _ = ax.set(title=title, xlabel="epoch")
_ = axes[0].set_ylim(bottom=0)
_ = axes[1].set_ylim(bottom=0)
_ = fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
plt.show()

# %% tags=["hide-input", "nbval-ignore-output"]
pages.table(
    [
        [label, r.status, f"{r.history[0]['knn_val']:.1f}", span([r.column("knn_val")[-1]]), span([number(r, "variance")], 2), span([number(r, "spherical_variance")], 2), span([number(r, "effective_rank_embedding")]), fate(r)]
        for label, r in live.items()
    ],
    [f"{NAME[loss]}, rate {short(rate)}", "status", "k-NN, untrained", "k-NN, end", "variance", "spherical variance", "effective rank", "collapsed?"],
)
weak, strong = live["paper's views"], live["SimCLR's views"]
if weak.status == strong.status == "finished":
    pages.say(
        f"With the paper's augmentations the k-NN accuracy goes from {weak.history[0]['knn_val']:.1f} to {weak.column('knn_val')[-1]:.1f} % on held-out images, at a spherical variance of {number(weak, 'spherical_variance'):.2f}; "
        f"with SimCLR's, at the same rate, to {strong.column('knn_val')[-1]:.1f} %."
    )
if loss == "infonce" and weak.status == "finished":
    assert weak.history[-1]["loss"] < at_collapse(weak.config), "InfoNCE ended above its value at collapse"

# %% tags=["hide-input"]
control = page.recorded("over-fusion-views", scale=found.scale)
rows = []
for name, label in NAME.items():
    for x, runs in reversed(of(name, cells=control).items()) if control else ():
        same = of(name).get(x, [])
        numbers = [[span([number(r, m) for r in group], d) if group else "" for group in (same, runs)] for m, d in (("finetune_10", 1), ("knn_test", 1), ("spherical_variance", 2))]
        rows.append([label, short(x), *(v for pair in numbers for v in pair)])
pages.table(
    rows,
    ["loss", "rate", "fine-tuned, paper's views", "SimCLR's views", "k-NN, paper's views", "SimCLR's views", "spherical variance, paper's views", "SimCLR's views"],
    caption=f"The same control, recorded: {control.setting}. Accuracy (%) and spherical variance without anchors, mean (range over seeds)",
    name="tab-anchors-views",
)

# %% [markdown]
# (what-differs-learning-rate)=
# ## What differs, and why it may matter
#
# Computed from the declared runs and the papers' settings (`data/papers`), with the reason for each (`data/deviations.yml`).

# %% tags=["remove-input"]
pages.show(deviation_table.markdown("over-fusion", found.scale))

# %% [markdown]
# - **Schedule.** Ours falls to zero over the 100 epochs that the paper names. A rate of 1 held for 39,000 steps is another thing: it leaves more time to diverge, or for ReLUs to die.
# - **Momentum.** The paper names SGD and no momentum. With momentum 0.9 a step is in the long run ten times as large; what we call 1 would be 10 without momentum. If anything that makes our high rates higher.
# - **What is fine-tuned.** Ours trains the whole network, as "fine-tuning" says; embeddings that were fused but alive could then be pulled apart again. An accuracy of *exactly* chance after 100 epochs points to a backbone that cannot
#   move, because it is frozen, dead or not finite. The paper does not say which, and Figure 2 alone cannot tell: all three have chance accuracy, and the first two a variance near zero.
# - **Where the paper's own numbers stand** is said below {numref}`tab-anchors-best`: low baselines leave much room for any use of labels.
# - **What labels give by themselves.** The anchor term is supervised learning on a tenth of the labels. How much of its gain the same labels bring without a contrastive loss is not part of the paper's comparison;
#   the experiments `anchors-cifar10` and `anchors-cifar100` declare it (`anchors-only`, `supervised` and `random-frozen`).
#
# No setting on this page was chosen by its outcome.

# %% tags=["remove-input", "nbval-ignore-output"]
page.cost()

# %% [markdown]
# ## Run it yourself

# %% tags=["remove-input"]
page.papermill(loss="vicreg", rate=0.01, seed=7)
