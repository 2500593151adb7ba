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
# # Weight decay, from none to too much
#
# Weight decay is the oldest way to keep embeddings short, and every method has some. {cite:t}`draganov2024pitfalls` say that it
# raises the accuracy *because* it keeps norms small, and that this answers why these methods need it;
# {cite:t}`draganov2025norms` follow norms and accuracy over time. Here three methods are trained from no decay to one that
# destroys them.

# %% tags=["parameters"]
scale = "smoke"  # or "cpu" (real CIFAR-10, minutes a run) or "gpu"
seed = 0  # of this execution's runs
epochs = 2  # where this execution's runs stop

# %% tags=["hide-input"]
import math

import matplotlib.pyplot as plt

from ssllib.engine.schedules import warmup_cosine
from ssllib.evidence import papers
from ssllib.pages import deviation_table, plots
from ssllib.pages import page as pages
from ssllib.pages.recorded import at, final, norm_at
from ssllib.runs import experiments

page = pages.begin(
    "training/weight-decay",
    globals(),
    scale=pages.choice("smoke", "cpu", "gpu"),
    seed=pages.integer(0, 10**6),
    epochs=pages.integer(1, 500),
)
METHODS = {"simclr": "SimCLR", "simsiam": "SimSiam", "byol": "BYOL"}
DECAYS = ("0", "1e-6", "5e-6", "1e-5", "5e-4", "5e-3", "5e-2")
LABEL = {d: f"decay {d}" for d in DECAYS} | {"0": "no decay"}
TINT = dict(zip(DECAYS, ("black", plots.SKY, plots.BLUE, plots.PURPLE, plots.GREEN, plots.ORANGE, plots.RED), strict=True))

# %% [markdown]
# ## The answer

# %% tags=["hide-input"]
recorded = page.recorded("weight-decay")
parts = {m: recorded.under(f"{m}-") for m in METHODS}
page.answer(
    {
        "Does more weight decay make norms smaller?": "weight-decay-shrinks-norms",
        "Do SimSiam's norms shrink without it?": "norms-shrink-without-weight-decay",
        "Does it raise the accuracy?": "weight-decay-raises-knn",
        "Does too much of it destroy the network?": "excessive-weight-decay-collapses",
        "Does it help through the norms?": "weight-decay-acts-through-norms",
    }
)
gains = [
    f"{METHODS[m]} {pages.mean_range(found, 1, sign='+')}"
    for m, runs in parts.items()
    if (found := runs.paired("5e-4", "0", final("knn_test")))
]
if gains:
    pages.say(f"What 5e-4 instead of none adds to the k-NN accuracy, in points ({recorded.setting}): " + "; ".join(gains) + ".")

# %% [markdown]
# ## What the equations predict
#
# Take a weight whose length the loss does not see, as of a layer before a batch norm or of the last one before a cosine: its gradient
# never shortens it. A step at rate $\gamma$ with decay $\lambda$ and momentum $\mu$ takes at most $\gamma\lambda/(1-\mu)$ of its length. So
# a decay needs a time $T_\lambda$ before it can act at all, and then comes to a balance with the growth, which falls with the length
# ({eq}`eq-norm-growth-decay` in {doc}`/book/theory/norm-growth`):
#
# $$T_\lambda = \frac{1-\mu}{\gamma\lambda}\ \text{steps}, \qquad \|w_t\| \gtrsim e^{-t/T_\lambda}\,\|w_0\|, \qquad
# \|w\|_{\text{balance}} \propto \lambda^{-1/4}.$$ (eq-weight-decay)
#
# Three predictions follow, before any run. **First**, a decay whose $T_\lambda$ is far longer than the training changes nothing, whatever
# its effect would be in the end. **Second**, after a time far longer than $T_\lambda$, ten times the decay means $10^{-1/4} = 0.56$ times the
# norm; if the embedding's norm is a product of $k$ such weights, $10^{-k/4}$. **Third**, without decay nothing in the
# loss's gradient shrinks a norm but shared weights.

# %% tags=["hide-input"]
HELD = {m: experiments.get("weight-decay").cell("cpu", f"{m}-0").config for m in METHODS}


def reach(m, decay):
    """Epochs after which a decay has had the time to shorten a weight by a factor e, at the peak rate."""
    c = HELD[m]
    steps = (50_000 - c.held_out) // c.batch_size
    return (1 - c.momentum) / (c.lr * float(decay)) / steps


pages.table(
    [[name, *(f"{reach(m, d):,.{2 if reach(m, d) < 100 else 0}f}" for d in DECAYS[1:])] for m, name in METHODS.items()],
    ["method", *DECAYS[1:]],
    caption="$T_\\lambda$ in epochs of CIFAR-10, at the declared rates and batches, by weight decay. Runs at `cpu` scale stop at epoch "
    f"{HELD['simclr'].epochs}, the papers read at 100 (Table 1 prints no epoch, but shares a number with Table 3 there).",
    name="tab-decay-times",
)  # fmt: skip

# %% [markdown]
# ## The paper's Table 1, beside ours

# %% tags=["hide-input"] mystnb={"image": {"alt": "Two rows of three panels against weight decay from 0 to 5e-2: mean norm on a logarithmic axis and k-NN accuracy, for SimCLR, SimSiam and BYOL. Open diamonds are the paper's Table 1, filled dots our recorded seeds"}, "figure": {"caption": "Norm where the loss acts (top; below 0.03, as the paper's 0.0 at 5e-2, it is drawn at the lower edge) and k-NN accuracy (bottom) against weight decay. Open diamonds, dashed: {cite:t}`draganov2024pitfalls`, Table 1 (ResNet-50). Filled dots: our recorded runs, a dot for each seed, lines through the means. Dotted: chance.", "name": "fig-decay-table"}}
table1 = papers.load("2406.16468").table("1")
printed = [d for d in DECAYS if float(d) in table1.keys()["weight_decay"]]


def told(m, decay, metric):
    return table1.value(method=METHODS[m], weight_decay=decay, metric=metric) if decay in printed else math.nan


fig, axes = plt.subplots(2, 3, figsize=(7.6, 5.0), sharex=True, sharey="row")
for (m, name), pair in zip(METHODS.items(), axes.T, strict=True):
    for ax, metric, column in zip(pair, ("norm", "knn"), (norm_at("last"), final("knn_test")), strict=True):
        xs = [i for i, d in enumerate(DECAYS) if d in printed]
        paper = [max(told(m, DECAYS[i], metric), 0.03 if metric == "norm" else 0) for i in xs]
        ax.plot(xs, paper, "--D", color="black", mfc="none", lw=1, ms=6, label="the paper, Table 1")
        ours = {i: parts[m].numbers(d, column) for i, d in enumerate(DECAYS)}
        ours = {i: found for i, found in ours.items() if found}
        for i, found in ours.items():
            ax.plot([i] * len(found), [max(x, 0.03) for x in found], "o", color=plots.RED, ms=4, label="ours, by seed")
        ax.plot(list(ours), [max(sum(f) / len(f), 0.03) for f in ours.values()], color=plots.RED, lw=1)
        ax.set_xticks(range(len(DECAYS)), DECAYS, rotation=60)
    pair[0].set_title(name)
    pair[1].axhline(10, color=plots.GREY, ls=":", lw=1)
    pair[1].set_xlabel("weight decay")
axes[0, 0].set_yscale("log")
axes[0, 0].set_ylabel("norm")
axes[1, 0].set_ylabel("k-NN accuracy (%)")
plots.legend(fig)
plt.show()

# %% tags=["hide-input"]
rows = []
for m, name in METHODS.items():
    for d in DECAYS:
        knn = parts[m].numbers(d, final("knn_test"))
        if d in printed or knn:
            gain = parts[m].paired(d, "0", final("knn_test"))
            more = [told(m, d, "knn") - told(m, "0", "knn")]
            gains = [pages.mean_range(x, 1, sign="+") for x in (more, gain)] if d != "0" else ["", ""]
            paper = [pages.mean_range([told(m, d, k)], n) for k, n in (("norm", 2), ("knn", 1))]
            norm = pages.mean_range([parts[m].mean(d, norm_at("last"))], 2)
            rows.append([f"{name}, {d}", paper[0], norm, paper[1], pages.mean_range(knn, 1), *gains])
pages.table(
    rows,
    ["weight decay", "norm, paper", "ours", "k-NN, paper", "ours ", "over none, paper", "ours  "],
    caption="Norm where the loss acts and k-NN accuracy (percent) by weight decay: {cite:t}`draganov2024pitfalls`, Table 1 (ResNet-50, "
    f"CIFAR-10; the layer and the epoch are not printed), and ours: {recorded.setting}; norms: means; accuracies: means (range over seeds), "
    "gains seed by seed.",
    name="tab-decay-table",
)

# %% tags=["hide-input"]
steps = [("5e-6", "5e-4"), ("5e-4", "5e-3")]


def exponent(low, high, norms):
    """The power of the decay by which the norm falls; nan where there is no norm."""
    a, b = norms(low), norms(high)
    return math.log(a / b) / math.log(float(high) / float(low)) if a > 0 and b > 0 else math.nan


rows = []
for m, name in METHODS.items():
    theirs = [exponent(*s, lambda d, m=m: told(m, d, "norm")) for s in steps]
    ours = [exponent(*s, lambda d, m=m: parts[m].mean(d, norm_at("last"))) for s in steps]
    drop = 100 * (told(m, "5e-6", "norm") / told(m, "0", "norm") - 1)
    most = 100 * (math.exp(-100 / reach(m, "5e-6")) - 1)
    powers = [pages.mean_range([x], 2) for pair in zip(theirs, ours, strict=True) for x in pair]
    rows.append([name, *powers, *(pages.mean_range([x], 0) + " %" for x in (drop, most))])
pages.table(
    rows,
    ["method", "5e-6 to 5e-4, paper", "ours", "5e-4 to 5e-3, paper", "ours ", "0 to 5e-6, paper", "one weight in 100 epochs, at most"],
    caption="Does the norm fall as $\\lambda^{-1/4}$? The exponents $-\\Delta\\log\\|z\\| / \\Delta\\log\\lambda$: 0.25 for one weight in "
    "balance, more for a product of several, less where a decay has had no time. Right: how much the paper's norms fall from no decay to "
    "5e-6, and how much {eq}`eq-weight-decay` lets one weight fall in 100 epochs at our declared rates and batches.",
    name="tab-decay-exponents",
)

# %% [markdown]
# Where the paper's norms fall further from 0 to 5e-6 than one weight can, several weights in a row, another rate than we take, or the
# chance of a single run must make up the rest. No spread is printed.

# %% tags=["hide-input"]
idle = [(m, d) for m in METHODS for d in DECAYS[1:]]
gained = {(m, d): [told(m, d, "knn") - told(m, "0", "knn")] for m, d in idle if d in printed and reach(m, d) > 3 * 100}
mine = {(m, d): parts[m].paired(d, "0", final("knn_test")) for m, d in idle if reach(m, d) > 3 * recorded.end}
theirs, own = (
    "; ".join(f"{METHODS[m]} {d}: {pages.mean_range(x, 1, sign='+')}" for (m, d), x in found.items() if x) for found in (gained, mine)
)
pages.say(
    "**The first prediction**: decays that need more than three times the training to act add nothing. In k-NN points over none, the paper, if "
    f"at epoch 100: {theirs}" + (f". Ours, at epoch {recorded.end}: {own}." if own else ".")
)

# %% tags=["remove-input"]
page.card("weight-decay-shrinks-norms", "excessive-weight-decay-collapses", "norms-grow-all-methods")

# %% tags=["remove-input"]
page.card("weight-decay-raises-knn", "weight-decay-required", "no-weight-decay-still-learns")

# %% tags=["remove-input"]
page.card(
    "values-2406-table-1-simclr", "values-2406-table-1-simsiam", "values-2406-table-1-byol", "values-2406-table-1-norms-large",
    "values-2406-table-1-norms-small",
)  # fmt: skip

# %% [markdown]
# ## Norms and accuracy over time
#
# {cite:t}`draganov2025norms` draw this in Figure 5 for SimCLR (decays 0, 1e-5, 5e-2) and SimSiam (0, 5e-4, 5e-2) from epoch 1 to 256, on
# logarithmic epochs as here; no number is printed. A falling norm without decay, which they report for SimSiam, is
# counted from *epoch 1* there. We show epoch 0 as well: what happens in the first epoch decides whether a norm "shrinks".

# %% tags=["hide-input"] mystnb={"image": {"alt": "Two rows of three panels over epochs: norm where the loss acts, logarithmic, and k-NN accuracy on held-out images, for SimCLR, SimSiam and BYOL, a line for each weight decay"}, "figure": {"caption": "Norm where the loss acts (top) and k-NN accuracy on held-out images (bottom) by weight decay; epochs by powers of two. Lines are means over seeds, bands their range; epoch 0 is the network before its first step. Norms below 0.001 are cut off.", "name": "fig-decay-time"}}
fig, axes = plt.subplots(2, 3, figsize=(7.6, 5.2), sharex="col")
for (m, name), (top, bottom) in zip(METHODS.items(), axes.T, strict=True):
    place = "projector" if m == "simclr" else "predictor"
    shown = parts[m].only(*DECAYS)
    shown.curves(top, {f"norm_{place}": name}, log=True, log_y=True, legend=False, colors=TINT, labels=LABEL)
    shown.curves(bottom, {"knn_val": ""}, log=True, legend=False, colors=TINT, labels=LABEL)
    top.set_xlabel("")
    if top.lines:
        top.set_ylim(bottom=max(top.get_ylim()[0], 1e-3))
axes[0, 0].set_ylabel("norm")
axes[1, 0].set_ylabel("k-NN accuracy (%)")
plots.legend(fig)
plt.show()

# %% tags=["hide-input"]
runs = recorded.only(*(f"{m}-{d}" for m in METHODS for d in ("0", "1e-5", "5e-4", "5e-2")))
runs.table(
    {
        "norm, start": (norm_at(0), 2),
        "epoch 1": (norm_at(1), 2),
        "end": (norm_at("last"), 2),
        "k-NN, epoch 1": at("knn_val", 1),
        "test": final("knn_test"),
    },
    labels={f"{m}-{d}": f"{name}, {LABEL[d]}" for m, name in METHODS.items() for d in DECAYS},
    plain=("k-NN, epoch 1",),
    caption="Figure 5's decays and their neighbours: norm where the loss acts, k-NN accuracy (percent) on held-out images after one epoch "
    "(mean) and on the test set at the end; mean (range over seeds).",
    name="tab-decay-time",
)

# %% tags=["remove-input"]
page.card(
    "norms-grow-without-weight-decay", "norms-shrink-without-weight-decay", "moderate-weight-decay-shrinks-norms",
    "moderate-weight-decay-raises-knn", "norm-matters-more-non-contrastive",
)  # fmt: skip

# %% [markdown]
# ## Is it the norms?
#
# Weight decay does more than shorten embeddings: it keeps the rate of every weight before a batch norm high, and it regularizes.
# {term}`GradScale` with $p = 1$ takes the embedding's norm out of the gradient. If decay helps *through that norm*, it has less left to do
# under GradScale: the gain with GradScale should be smaller than the gain without (SimCLR, each gain on its own schedule).
#
# **A confound, kept out.** GradScale comes with a sixth of the rate and a hundred epochs of warm-up, and by
# {eq}`eq-weight-decay` a decay acts in proportion to the rate. So the same decay does less there for a reason that has nothing to do
# with norms in the gradient, and the arms without GradScale that are compared with it have its schedule, too ($p = 0$). How much less:

# %% tags=["hide-input"]
def taken(arm, end):
    """How much of its length (percent) the decay of an arm can take from a weight by an epoch, along the arm's schedule."""
    c = experiments.get("weight-decay").cell("paper", f"simclr-{arm}").config
    steps = (50_000 - c.held_out) // c.batch_size
    plan = {"peak": c.lr, "warmup_steps": round(c.warmup_epochs * steps), "total_steps": c.schedule_epochs * steps}
    rates = sum(warmup_cosine(step, **plan) for step in range(end * steps))
    return 100 * (1 - math.exp(-rates * c.weight_decay / (1 - c.momentum)))


reached = "; ".join(
    f"epoch {end}: {taken('5e-4', end):.0f} % on the default's schedule, {taken('5e-4-gradscale', end):.0f} % on GradScale's" for end in (16, 100, 256)
)
pages.say(
    f"A decay of 5e-4 can take at most so much of a weight's length by {reached}. Where the two differ much, a smaller gain under GradScale's schedule "
    "is the schedule's doing, which is why the test below compares p = 1 with p = 0 on one schedule."
)
simclr, knn = parts["simclr"], final("knn_test")
pairs = {"0": "", "5e-4": "0"} | {f"{d}-{s}": f"0-{s}" if d != "0" else "" for s in ("p0-schedule", "gradscale") for d in ("0", "5e-4")}
simclr.only(*pairs).table(
    {"norm, end": (norm_at("last"), 2), "k-NN test": knn},
    labels=LABEL | {f"{d}-{s}": f"{LABEL[d]}, {name}" for d in ("0", "5e-4") for s, name in (("p0-schedule", "p = 0, GradScale's schedule"), ("gradscale", "GradScale p = 1"))},
    more={"gain": {arm: pages.mean_range(simclr.paired(arm, other, knn), 1, sign="+") for arm, other in pairs.items() if other}},
    caption=f"SimCLR: what decay adds to the k-NN accuracy (percent) without and with GradScale, seed by seed; {simclr.setting}.",
    name="tab-decay-gradscale",
)

# %% tags=["remove-input"]
page.card("weight-decay-acts-through-norms")

# %% [markdown]
# ## Decay against the two interventions
#
# Both papers offer more than weight decay: the {term}`cut <cut-initialization>`, and the later one GradScale. Does plain decay do as much?
# SimSiam and BYOL have 5e-4 by default, so there a cut comes on top of it, and *more decay* is the arm beside it.
# {doc}`/book/training/cut-by-weight-decay` asks whether the two add up.

# %% tags=["hide-input"]
table3 = papers.load("2406.16468").table("3")
ARMS = {"simclr": "simclr-arms", "simsiam": "simsiam-arms", "byol": "byol-arms"}
NAMED = {"cut": "cut", "weight-decay": "more decay", "gradscale": "GradScale, p = 1", "no-weight-decay": "no decay"}


def at_100(name, arm):
    return table3.value(method=name, arm=arm, dataset="CIFAR-10", epoch=100)


rows, settings = [], []
for m, name in METHODS.items():
    arms = page.recorded(ARMS[m]).only("default", *NAMED)
    settings += [f"{name}: {arms.setting}"] if arms else []
    default = "5e-6" if m == "simclr" else "5e-4"  # what Table 1 has nearest to the default
    told_arm = {"cut": ("Table 3, epoch 100", at_100(name, "cut") - at_100(name, "default"))}
    for arm, d in (("weight-decay", "5e-4" if m == "simclr" else "5e-3"), ("no-weight-decay", "0")):
        told_arm[arm] = f"Table 1, {d} less {default}", told(m, d, "knn") - told(m, default, "knn")
    for arm in NAMED:
        source, theirs = told_arm.get(arm, ("", math.nan))
        own = arms.paired(arm, "default", knn)
        if own or arm in told_arm:
            rows.append([f"{name}, {NAMED[arm]}", pages.mean_range([theirs], 1, sign="+"), source, pages.mean_range(own, 1, sign="+")])
pages.table(
    rows,
    ["over the default", "paper, k-NN points", "from", "ours"],
    caption="k-NN points that each intervention adds to the default of its method on CIFAR-10: the older paper's (2406.16468) and ours, "
    "mean (range over seeds), seed by seed. " + "; ".join(settings),
    name="tab-decay-interventions",
)
pages.say(
    f"In the older paper's own tables SimCLR comes to {told('simclr', '5e-4', 'knn'):.1f} % with a decay of 5e-4 and no cut, and to "
    f"{at_100('SimCLR', 'cut'):.1f} % with the cut at its default decay. How far the two tables can be set beside each other: SimSiam's "
    f"default is a decay of 5e-4, for which Table 1 prints {told('simsiam', '5e-4', 'knn'):.1f} % and Table 3 "
    f"{at_100('SimSiam', 'default'):.1f} %."
)

# %% [markdown]
# ## This execution
#
# SimCLR without decay and with two decays, run now at the scale of the parameters above. At `smoke` scale this shows that the
# machinery works, not what CIFAR does. What must hold at any scale: more decay, shorter embeddings.

# %% tags=["hide-cell", "nbval-ignore-output"] mystnb={"image": {"alt": "This machine's own run, two panels over epochs for SimCLR without weight decay, with 5e-3 and with 5e-2: norm at the projector, and k-NN accuracy on held-out images"}}
last = min(epochs, experiments.get("simclr-arms").cell(scale, "default").config.epochs)
live = {
    d: [page.run("simclr-arms", "default", seed=seed, scale=scale, epochs=last, weight_decay=float(d))] for d in ("0", "5e-3", "5e-2")
}
fig, axes = plt.subplots(1, 2, figsize=(7.4, 3.0))
for ax, metric, title in zip(axes, ("norm_projector", "knn_val"), (f"norm, {scale} scale", "k-NN on held-out images (%)"), strict=True):
    plots.curves(ax, live, metric, colors=TINT, labels=LABEL)
    ax.set_title(title)
    ax.set_xlabel("epoch")
plots.legend(fig)
plt.show()
ends = {d: r.column("norm_projector")[-1] for d, (r,) in live.items()}
pages.table(
    [[LABEL[d], r.status, r.history[0]["norm_projector"], ends[d], r.column("knn_val")[-1]] for d, (r,) in live.items()],
    ["SimCLR", "status", "norm, epoch 0", "norm, end", "k-NN, end"],
)
assert ends["0"] > ends["5e-3"] > ends["5e-2"]

# %% [markdown]
# ## What differs, and why it may matter
#
# Computed from the declared runs and the papers' settings (`data/papers`), with the reason for each (`data/deviations.yml`).

# %% tags=["remove-input"]
pages.show(deviation_table.markdown("weight-decay", recorded.scale))

# %% [markdown]
# - **The rate and the batch decide what a decay does**, as only $\gamma\lambda$ times the steps counts ({numref}`tab-decay-times`). The
#   older paper prints neither, so its 5e-4 need not be ours.
# - **GradScale keeps its own schedule** here as in the later paper: at the end of a short run it is still warming up.
# - **A short run is not a small one of a long run.** A decay too small to act by the end of our runs may act by theirs.
# - **All parameters decay** here, biases and batch norms' scales too, as in plain SGD; leaving these out is common, and changes when a
#   network dies.
# - **"$\ell_2$-normalization"** in the older paper is weight decay, by its own note below Figure 3.

# %% tags=["remove-input", "nbval-ignore-output"]
page.cost()

# %% [markdown]
# ## Run it yourself

# %% tags=["remove-input"]
page.papermill(scale="cpu", epochs=4, seed=7)
