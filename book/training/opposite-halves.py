# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Positive pairs in opposite halves
#
# A {term}`positive pair` more than a right angle apart gets a smaller gradient the worse it is ({term}`opposite-halves effect`). How many pairs are there, when are they gone, and do they
# slow training down? The papers count them at epochs 1 and 16 and conclude that they hardly matter {cite}`draganov2024pitfalls,draganov2025norms`. In SimSiam and BYOL it depends on
# *which* pair is counted: the one that the loss compares, or the two views themselves.

# %% tags=["parameters"]
scale = "smoke"  # or "cpu" (real CIFAR-10) or "gpu"
seed = 0  # of the first of this execution's networks
networks = 4  # how many untrained networks this execution looks at, with and without batch norm each

# %% tags=["hide-input"]
import math

import matplotlib.pyplot as plt
import torch

from ssllib.engine.methods.heads import mlp
from ssllib.evidence import papers
from ssllib.norms import pair_cosines
from ssllib.pages import deviation_table, plots
from ssllib.pages import page as pages
from ssllib.pages.recorded import at, final

page = pages.begin(
    "training/opposite-halves",
    globals(),
    scale=pages.choice("smoke", "cpu", "gpu"),
    seed=pages.integer(0, 10**6),
    networks=pages.integer(2, 100),
)
METHODS = {"simclr": "SimCLR", "simsiam": "SimSiam", "byol": "BYOL"}

# %% [markdown]
# ## The answer

# %% tags=["hide-input"]
recorded = page.recorded("opposite-halves")
page.answer(
    {
        "Do the rates of the papers' text hold after one epoch?": "opposite-halves-at-epoch-1",
        "Are they gone by epoch 16?": "opposite-halves-gone-by-16",
        "Is any pair beyond $7\\pi/8$?": "none-beyond-seven-eighths",
        "Does batch norm make them?": "batch-norm-antipodal-pairs",
        "Do they slow training?": "opposite-halves-negligible",
    }
)


def share(arm, epoch, metric="opposite"):
    """Percent of pairs, mean (range over seeds); SimCLR's loss compares the views, so the two counts are one."""
    metric = "opposite" if arm.startswith("simclr") and metric == "opposite_views" else metric
    return pages.mean_range(recorded.numbers(arm, at(metric, epoch)), 1, none="–")


said = [f"{name} {share(f'{m}-cifar100', 1)} and {share(f'{m}-cifar100', 16)} %" for m, name in METHODS.items() if f"{m}-cifar100" in recorded]
if said:
    pages.say(f"Pairs of the loss beyond a right angle in epochs 1 and 16: {'; '.join(said)} ({recorded.setting}).")

# %% [markdown]
# ## What the equations predict
#
# **What is compared.** SimCLR compares the two views, $z_1$ with $z_2$. SimSiam and BYOL compare a *prediction* $p_1 = h(z_1)$ with the other view's $z_2$, and never $z_1$ with $z_2$. The effect is about the gradient of the loss,
# so $p_1$ with $z_2$ is its pair. The papers' tables say "embeddings" and not which.
#
# **Before the first step half of these pairs are in opposite halves, in any data and architecture.** The last layer of $h$ is linear, $p = Wu + b$, and is drawn from a symmetric distribution. $(W, b)$ and $(-W, -b)$ are as likely, and
# the second turns $p$ into $-p$ and nothing else:
#
# $$\mathbb{E}_{W, b}\big[\Pr(p_1^\top z_2 < 0)\big] = \tfrac12.$$ (eq-opposite-halves-start)
#
# Batch norm is not part of the reason; it decides how the half comes about. With it the $z$ of a batch have mean zero and lie on both sides of the origin, so that about half of the pairs of *one* network are opposite.
# Without it all $z$ share a large mean and all $p$ another; the two means are at an acute or an obtuse angle, and *most pairs of a network lie on the same side of it*.
#
# **The views themselves.** $z_1$ and $z_2$ come from one network, and no sign is free. Where all $z$ share a mean, hardly any pair is opposite. Where batch norm takes the mean away (SimSiam's projector ends in one), pairs of weakly related views are.
# So for this count the papers' reason, "Due to batch-normalization, this concentration occurs in several clusters that straddle the origin", is the one to expect.
#
# The prediction is about the start. How fast training moves the pairs is for the runs to say; untrained networks are looked at [below](opposite-halves-live).
#
# **What an opposite pair costs.** In small steps a pair of norm $\rho$ at angle $\phi_0$ needs a time proportional to $\rho^2 \ln\!\big(\tan(\phi_0/2) / \tan(\phi_\ast/2)\big)$ to come within $\phi_\ast$
# ({doc}`/book/simulations/norm-and-angle`). The norm enters as a square, the angle through a logarithm:

# %% tags=["hide-input"]
arrived = math.tan(math.acos(0.999) / 2)
STARTS = {r"$\pi/4$": 1 / 4, r"$\pi/2$": 1 / 2, r"$3\pi/4$": 3 / 4, r"$7\pi/8$": 7 / 8, r"$0.99\,\pi$": 0.99}
slow = {name: math.log(math.tan(a * math.pi / 2) / arrived) / math.log(1 / arrived) for name, a in STARTS.items()}
pages.table(
    [*([f"start at {name}", f"{factor:.2f}"] for name, factor in slow.items()), ["ten times the norm", f"{10**2:.0f}"]],
    ["", r"time to a cosine of 0.999, over that from $\pi/2$"],
    caption="What the angle costs a pair, beside what the norm costs",
    name="tab-opposite-halves-cost",
)

# %% [markdown]
# And what a pair at $\pi - \phi$ loses, one at $\phi$ saves: over independent random pairs opposite halves cost nothing on average ({doc}`/book/theory/random-angles`). Beyond $7\pi/8$, the papers' own threshold, a random pair lies with
# a chance that is negligible in 128 dimensions and an eighth in two.

# %% [markdown]
# ## The papers' table, and ours

# %% tags=["hide-input"]
table2 = papers.load("2406.16468").table("2")
rows = []
for m, name in METHODS.items():
    for data in ("CIFAR-100", "ImageNet-100"):
        arm = f"{m}-{data.lower().replace('-', '')}"
        told = [f"{table2.value(method=name, dataset=data, epoch=e):.0f}" for e in (1, 16)]
        of_loss, of_views = ([share(arm, e, metric) for e in (0, 1, 16)] for metric in ("opposite", "opposite_views"))
        rows.append([f"{name}, {data}", *told, *of_loss, *of_views, len(recorded.finished(arm))])
    plain = f"{m}-cifar100-no-bn"
    if m != "simclr":
        of_loss, of_views = ([share(plain, e, metric) for e in (0, 1, 16)] for metric in ("opposite", "opposite_views"))
        rows.append([f"{name}, CIFAR-100, heads without batch norm", "", "", *of_loss, *of_views, len(recorded.finished(plain))])
pages.table(
    rows,
    ["", "paper, epoch 1", "16", "pairs of the loss, start", "epoch 1", "epoch 16", "pairs of views, start", "epoch 1 ", "epoch 16 ", "seeds"],
    caption="Percent of positive pairs more than a right angle apart (2406.16468 Table 2, 2502.09252 Table S1: the same numbers), and ours: "
    f"{recorded.setting}. Mean (range over seeds). Ours at an epoch is the mean over its steps; the start is one batch before the first step.",
    name="tab-opposite-halves",
)

# %% tags=["remove-input"]
page.card("opposite-halves-at-epoch-1", "opposite-halves-more-non-contrastive", "opposite-halves-gone-by-16", "opposite-halves-disappear-quickly")

# %% [markdown]
# The text that sums the table up, "a rate of 5% and 25% for SimCLR and SimSiam/BYOL", is looser than the table; how it fits is computed in {doc}`/book/arithmetic/text-against-tables`.

# %% [markdown]
# ## On the way

# %% tags=["hide-input"] mystnb={"image": {"alt": "Two panels over epochs, one line for each of SimCLR, SimSiam and BYOL and for the latter two without batch norm: percent of the loss's pairs, and of pairs of views, more than a right angle apart"}, "figure": {"caption": "Percent of positive pairs more than a right angle apart, CIFAR-100; epochs by powers of two. Left: the pairs that the loss compares. Right: the two views at the projector (SimCLR: the same as on the left). Lines are means over seeds, bands their range.", "name": "fig-opposite-halves"}}
NAMED = {f"{m}-cifar100": name for m, name in METHODS.items()} | {f"{m}-cifar100-no-bn": f"{METHODS[m]}, no batch norm" for m in ("simsiam", "byol")}
TINT = dict(zip(NAMED, (plots.GREY, plots.BLUE, plots.RED, plots.SKY, plots.ORANGE), strict=True))
fig, axes = plt.subplots(1, 2, figsize=(7.6, 3.4), sharex=True, sharey=True)
drawn = recorded.only(*NAMED)
drawn.curves(axes, {"opposite": "pairs of the loss", "opposite_views": "pairs of views"}, log=True, legend=False, colors=TINT, labels=NAMED)
axes[0].set_ylabel("percent of pairs")
plots.legend(fig, ncols=3)
plt.show()

# %% [markdown]
# ### Beyond $7\pi/8$

# %% tags=["hide-input"]
recorded.table(
    {f"{'start' if e == 0 else f'epoch {e}'}": (at("opposite_78", e), 2) for e in (0, 1, 8, 16)},
    caption=r"Percent of the loss's pairs more than $7\pi/8$ apart; the paper: none at epochs 1 and 16 (2406.16468 C.1). Mean (range over seeds).",
    name="tab-opposite-halves-far",
    labels=NAMED,
)

# %% tags=["remove-input"]
page.card("none-beyond-seven-eighths", "batch-norm-antipodal-pairs", "opposite-halves-negligible")

# %% [markdown]
# ## Do they slow training?
#
# The rates alone do not say. What can be put beside them is the cost of an angle ({numref}`tab-opposite-halves-cost`): the share of pairs beyond a right angle, times what the worst of them pays, bounds what all of them cost.

# %% tags=["hide-input"]
worst = slow[r"$7\pi/8$"] - 1
bounds = []
for m, name in METHODS.items():
    arm = f"{m}-cifar100"
    far, shares = recorded.numbers(arm, at("opposite_78", 1)), recorded.numbers(arm, at("opposite", 1))
    if shares and max(far) < 0.1:
        bounds.append(f"{name} at most {max(shares) * worst:.1f} %")
pages.say(
    f"A pair at $7\\pi/8$ needs {100 * worst:.0f} % more time than one at a right angle. "
    + ("With the shares of epoch 1, and next to no pair further out, the way of an average pair is longer than if these were "
       f"at a right angle by, roughly: {'; '.join(bounds)}." if bounds else "")
)  # fmt: skip

# %% [markdown]
# That is for pairs that move freely at a fixed norm, which a network's do not: it bounds the reason that the papers give, and is no measurement of training. An intervention would have to change angles and nothing else.

# %% tags=["hide-input"]
accuracies = recorded.only(*(a for a in NAMED if "simclr" not in a))
if accuracies:
    accuracies.table(
        {"k-NN test": final("knn_test")},
        caption="Without batch norm in the heads the angles change, and so does much else; this is no test of the effect.",
        name="tab-opposite-halves-knn",
        labels=NAMED,
    )

# %% [markdown]
# (opposite-halves-live)=
# ## This execution
#
# First the heads alone, drawn many times over the same features: is the mean one half, with and without batch norm?

# %% tags=["hide-input"]
g = torch.Generator().manual_seed(seed)
x = torch.rand(64, 128, generator=g)
two_views = torch.cat([x, x + 0.2 * torch.rand(64, 128, generator=g)])  # positive, as features behind a ReLU are
draws, rows = 200, []
for norm in (True, False):
    found = []
    for i in range(draws):
        torch.manual_seed(seed + i)
        projector, predictor = mlp(128, 128, 128, norm=norm, layers=3, last_norm=True), mlp(128, 64, 128, norm=norm)
        with torch.no_grad():
            z = projector(two_views)
            found.append(100 * float((pair_cosines(predictor(z)[:64], z[64:]) < 0).float().mean()))
    shares = torch.tensor(found)
    error = float(shares.std()) / math.sqrt(draws)
    rows.append(["with batch norm" if norm else "without", float(shares.mean()), error, float((shares - 50).abs().mean())])
    assert abs(float(shares.mean()) - 50) < 4 * error, "half of the pairs, whatever the architecture"
pages.table(rows, ["heads", "opposite, mean over draws (percent)", "standard error", "distance of one draw from 50"])

# %% [markdown]
# Then whole untrained SimSiam networks. So few of them say nothing about the mean without batch norm, where each network is on one side or the other; they show the two kinds of pairs apart.

# %% tags=["hide-input", "nbval-ignore-output"] mystnb={"image": {"alt": "A point for each untrained SimSiam network in two columns, with and without batch norm: percent of pairs more than a right angle apart, circles for the pairs of the loss, crosses for pairs of views"}}
small = {"epochs": 0, "train_images": 256, "held_out": 64, "test_images": 64, "batch_size": 128, "micro_batch": 0, "measures": (), "knn_k": 10}
starts = {
    norm: [page.run("simsiam-arms", "default", seed=seed + i, scale=scale, proj_norm=norm, **small).history[0] for i in range(networks)]
    for norm in (True, False)
}
fig, ax = plt.subplots(figsize=(5.4, 3.0))
for x, found in enumerate(starts.values()):
    spread = [x + 0.3 * (i / (networks - 1) - 0.5) for i in range(networks)]
    ax.plot(spread, [row["opposite"] for row in found], "o", mfc="none", color=plots.BLUE, label="pairs of the loss" if x == 0 else None)
    ax.plot(spread, [row["opposite_views"] for row in found], "x", color=plots.RED, label="pairs of views" if x == 0 else None)
ax.axhline(50, color="black", lw=0.8)
ax.set_xticks([0, 1], ["with batch norm", "without"])
ax.set(xlim=(-0.5, 1.5), ylim=(-5, 105), ylabel="percent opposite, untrained")
plots.legend(fig)
plt.show()
mean = {norm: sum(row["opposite"] for row in found) / networks for norm, found in starts.items()}
uneven = {norm: sum(abs(row["opposite"] - 50) for row in found) / networks for norm, found in starts.items()}
views = {norm: sum(row["opposite_views"] for row in found) / networks for norm, found in starts.items()}
pages.table(
    [["with batch norm" if norm else "without", mean[norm], uneven[norm], views[norm]] for norm in starts],
    ["heads", "pairs of the loss, mean", "distance of a network's share from 50", "pairs of views, mean"],
)
assert abs(mean[True] - 50) < 20, "with batch norm about half of each network's pairs"
assert uneven[False] > uneven[True], "without it a network's pairs agree more often than not"
assert views[False] < 10 < views[True], "views are opposite where batch norm takes the mean away"

# %% [markdown]
# ## The printed values

# %% tags=["remove-input"]
page.card("values-opposite-halves")

# %% [markdown]
# ## What differs, and why it may matter
#
# Computed from the declared runs and the papers' settings (`data/papers`), with the reason for each (`data/deviations.yml`).

# %% tags=["remove-input"]
pages.show(deviation_table.markdown("opposite-halves", recorded.scale))

# %% [markdown]
# - **Which pair** the papers count is not stated; the verdicts above are about the pairs of the loss, and the table has both.
# - **When.** "After one epoch" can be its end. Ours is the mean over the epoch's steps, which is larger where the share falls.
# - **ImageNet-100** is trained at `gpu` and `paper` scale only.

# %% tags=["remove-input", "nbval-ignore-output"]
page.cost()

# %% [markdown]
# ## Run it yourself

# %% tags=["remove-input"]
page.papermill(networks=20, seed=7)
