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
# # Beyond k-NN: linear probe, fine-tuning, transfer
#
# The papers judge every network by its {term}`k-NN accuracy`, and say that this "effectively lower-bounds the linear
# classifier's finetuning accuracy" {cite}`draganov2024pitfalls`. People use representations in other ways: with a linear
# classifier, by fine-tuning on a few labels, on other images. This page asks whether what the cut gains in k-NN accuracy is gained there, too.

# %% tags=["parameters"]
scale = "smoke"  # or "cpu" (real CIFAR-10, minutes a run) or "gpu"
seed = 0  # of this execution's runs
epochs = 2  # where this execution's runs stop, at most where the scale's own do

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
import torch

from ssllib.engine.evaluation import knn, probes
from ssllib.evidence import papers
from ssllib.pages import deviation_table, plots
from ssllib.pages import page as pages
from ssllib.pages.recorded import final, join
from ssllib.runs import experiments

page = pages.begin(
    "training/downstream",
    globals(),
    scale=pages.choice("smoke", "cpu", "gpu"),
    seed=pages.integer(0, 10**6),
    epochs=pages.integer(1, 500),
)
METHODS = {"simclr": "SimCLR", "simsiam": "SimSiam", "byol": "BYOL"}
DATA = {"cifar10": "CIFAR-10", "cifar100": "CIFAR-100"}
OTHER = {"cifar10": "cifar100", "cifar100": "cifar10"}
ARMS = ("default", "cut")

# %% [markdown]
# ## The answer

# %% tags=["hide-input"]
page.answer(
    {
        "Is a linear probe at least as good as k-NN?": "knn-bounds-linear",
        "Does the cut raise the linear probe?": "cut-raises-linear",
        "And the fine-tuned accuracy?": "cut-raises-finetuned",
        "And the accuracy on the other CIFAR?": "cut-raises-transfer",
        "So does it help beyond k-NN?": "question-downstream",
    }
)
transfer = page.recorded("transfer")


def measures(data):
    """What is read of a network trained on `data`: title to column."""
    other = OTHER[data]
    return {
        "k-NN": final("knn_test"),
        "linear probe": final("linear_test"),
        "fine-tuned, 10 %": final("finetune_10"),
        "other set, k-NN": final(f"transfer_knn_{other}"),
        "other set, linear": final(f"transfer_linear_{other}"),
    }


def gains(m, data):
    """What the cut adds by each measure, seed by seed."""
    return {title: transfer.paired(f"{m}-{data}-cut", f"{m}-{data}-default", c) for title, c in measures(data).items()}


PAIRS = [(m, d) for m in ("simclr", "simsiam") for d in DATA]
found = {(m, d): gains(m, d) for m, d in PAIRS}
said = [
    f"{METHODS[m]} on {DATA[d]} k-NN {pages.mean_range(g['k-NN'], 1, sign='+')}, linear {pages.mean_range(g['linear probe'], 1, sign='+')}"
    for (m, d), g in found.items()
    if g["k-NN"] and g["linear probe"]
]
if said:
    pages.say(f"What the cut adds, in points ({transfer.setting}): " + "; ".join(said) + ".")

# %% [markdown]
# ## What each measure can see
#
# All of them read the {term}`backbone`, but not the same of it. k-NN compares features by their cosine. The linear probe is fitted to
# standardised features. For both, and for any $a > 0$,
#
# $$ A_\text{k-NN}(a z) = A_\text{k-NN}(z), \qquad A_\text{linear}(a z) = A_\text{linear}(z) , $$ (eq-downstream-scale)
#
# so what the cut gains there is no matter of the features' length. Fine-tuning goes on training, and there lengths count again: a weight $\theta$
# that feeds a batch norm works by its direction, its gradient is $g / \|\theta\|$, and a step of rate $\gamma$ turns it by
#
# $$ \frac{\gamma\, \|g\|}{\|\theta\|^2} . $$ (eq-downstream-turn)
#
# **The prediction.** Weights that were cut and have not grown back are shorter, so that the same rate fine-tunes them faster. Fine-tuning chooses its
# rate for each network on held-out images, from the same four. If lengths are all that differs, then the cut network chooses a rate that is
# not above the default's, and with rates chosen fairly its gain by fine-tuning is no larger than its gain by the linear probe.
#
# ## The gain by each measure
#
# No table of the papers has a linear probe, fine-tuning or transfer. Their k-NN gains on the same sets stand in the first columns.

# %% tags=["hide-input"]
table3, table2 = papers.load("2406.16468").table("3"), papers.load("2502.09252").table("2")


def printed(m, data):
    """The paper's k-NN gain at epochs 100 and 500."""
    early, late = (
        [table3.value(method=METHODS[m], arm=arm, dataset=DATA[data], epoch=epoch) for arm in ARMS] for epoch in (100, 500)
    )
    return [f"{cut - default:+.1f}".replace("-", "−") for default, cut in (early, late)]


pages.table(
    [
        [f"{METHODS[m]}, {DATA[d]}", *printed(m, d), *(pages.mean_range(v, 1, sign="+", none="–") for v in g.values())]
        for (m, d), g in found.items()
    ],
    ["trained", "paper, k-NN, epoch 100", "epoch 500", *(f"ours, {t}" if t == "k-NN" else t for t in measures("cifar10"))],
    caption="What the cut adds, in points: the paper's k-NN (2406.16468 Table 3, a ResNet-50), and ours by five measures, mean (range over seeds): "
    f"{transfer.setting}. The other set is the CIFAR that the network was not trained on.",
    name="tab-downstream-gains",
)

# %% tags=["hide-input"] mystnb={"image": {"alt": "Scatter plot: gain of the cut by linear probe, fine-tuning, transferred k-NN and transferred linear probe against the gain in k-NN accuracy of the same runs, a marker shape for each measure, with the line of equal gains"}, "figure": {"caption": "What the cut adds by each measure, against what it adds to the k-NN accuracy of the same two runs; a mark is a seed of a method on a data set. On the line both gain alike; below it the k-NN accuracy gains more.", "name": "fig-downstream-gains"}}
SHAPE = {
    "linear probe": ("o", plots.BLUE), "fine-tuned, 10 %": ("s", plots.RED), "other set, k-NN": ("^", plots.GREEN),
    "other set, linear": ("D", plots.PURPLE),
}  # fmt: skip
fig, ax = plt.subplots(figsize=(5.2, 4.0))
drawn = []
for title, (shape, color) in SHAPE.items():
    points = [p for g in found.values() if len(g["k-NN"]) == len(g[title]) for p in zip(g["k-NN"], g[title], strict=True)]
    drawn += [x for point in points for x in point]
    if points:
        _ = ax.plot(*zip(*points, strict=True), shape, color=color, ms=6, alpha=0.8, label=title)
if drawn:
    ends = [min(drawn) - 1, max(drawn) + 1]
    _ = ax.plot(ends, ends, color="black", lw=1, label="equal gains")
    _ = ax.axhline(0, color=plots.GREY, lw=0.8)
    _ = ax.set(xlabel="gain in k-NN accuracy (points)", ylabel="gain by the measure (points)")
    plots.legend(fig, ncols=3)
else:
    plots.blank(ax, pages.NOTHING)
plt.show()

# %% tags=["hide-input"]
LABEL = {f"{m}-{d}-{arm}": f"{METHODS[m]}, {DATA[d]}, {arm}" for m, d in PAIRS for arm in ARMS}
for d in DATA:
    part = transfer.only(*(a for a in LABEL if f"-{d}-" in a))
    part.table(
        measures(d) | {"rate of fine-tuning": (final("finetune_rate"), 3)},
        labels=LABEL,
        caption=f"Trained on {DATA[d]}: accuracies (percent) on the test sets and the rate that fine-tuning chose, mean (range over seeds).",
        name=f"tab-downstream-{d}",
    )
rates = [x for m, d in PAIRS for x in transfer.paired(f"{m}-{d}-cut", f"{m}-{d}-default", final("finetune_rate"))]
if rates:
    pages.say(
        f"The predictions: of {len(rates)} pairs of runs the cut network chose the lower rate of fine-tuning in {sum(x < 0 for x in rates)}, "
        f"the same in {sum(x == 0 for x in rates)}, a higher one in {sum(x > 0 for x in rates)}."
    )
ahead = []
for g in found.values():
    if len(g["fine-tuned, 10 %"]) == len(g["linear probe"]):
        ahead += [a - b for a, b in zip(g["fine-tuned, 10 %"], g["linear probe"], strict=True)]
if ahead:
    pages.say(f"The gain by fine-tuning less the gain by the linear probe, in points, over the same pairs: {pages.mean_range(ahead, 1, sign='+')}.")

# %% tags=["remove-input"]
page.card("cut-raises-finetuned", "cut-raises-transfer")

# %% [markdown]
# ## Linear probe beside k-NN, on the own set
#
# The headline runs of three methods have a linear probe, too.

# %% tags=["hide-input"]
headline = {m: page.recorded(f"{m}-arms", arms=ARMS) for m in METHODS}
runs = join(headline)
NAMED = {f"{m}-{arm}": f"{name}, {arm}" for m, name in METHODS.items() for arm in ARMS}


def beyond(r):
    """The linear probe's accuracy less k-NN's, of one run."""
    linear, near = final("linear_test")(r), final("knn_test")(r)
    return None if linear is None or near is None else linear - near


def added(parts, metric):
    """What the cut adds, by the arm's name."""
    return {f"{m}-cut": pages.mean_range(p.paired("cut", "default", final(metric)), 1, sign="+") for m, p in parts.items()}


columns = {"k-NN": final("knn_test"), "linear probe": final("linear_test"), "linear less k-NN": beyond}
runs.table(
    columns,
    labels=NAMED,
    more={"the cut adds to k-NN": added(headline, "knn_test"), "to the linear probe": added(headline, "linear_test")},
    caption="CIFAR-10: accuracy (percent) on the test set, mean (range over seeds), and what the cut adds seed by seed.",
    name="tab-downstream-linear",
)
below = [x for arm in runs for x in runs.numbers(arm, beyond)]
if below:
    least = f"{min(below):+.1f}".replace("-", "−")
    pages.say(f"The linear probe is below k-NN in {sum(x < 0 for x in below)} of {len(below)} runs; its least lead is {least} points.")

# %% tags=["hide-input"]
flowers = {m: page.recorded(name, arms=ARMS) for m, name in (("simclr", "simclr-arms-flowers"), ("simsiam", "simsiam-arms-flowers"))}
join(flowers).table(
    columns,
    labels=NAMED,
    more={"the cut adds to k-NN": added(flowers, "knn_test"), "to the linear probe": added(flowers, "linear_test")},
    caption="The same for Flowers-102 (at 64 pixels at `cpu` scale, 128 above).",
    name="tab-downstream-flowers",
)

# %% tags=["remove-input"]
page.card("knn-bounds-linear", "cut-raises-linear", "question-downstream")

# %% [markdown]
# ## This execution
#
# SimCLR with and without its cut, run now at the scale of the parameters above, and read by three measures. Then {eq}`eq-downstream-scale` is tried:
# five clusters of random points, and the same points times nine.

# %% tags=["hide-cell", "nbval-ignore-output"]
last = min(epochs, experiments.get("simclr-arms").cell(scale, "default").config.epochs)
few = {"measures": ("knn", "linear", "finetune"), "finetune_shares": (0.1,), "finetune_epochs": 5}
live = {arm: page.run("simclr-arms", arm, seed=seed, scale=scale, epochs=last, **few) for arm in ARMS}
names = ("knn_test", "linear_test", "finetune_10", "finetune_rate")
pages.table(
    [[plots.LABEL[arm], r.status, r.history[0]["knn_val"], *(r.final[n] for n in names)] for arm, r in live.items()],
    ["arm", "status", "k-NN, untrained", "k-NN", "linear probe", "fine-tuned, 10 %", "rate of fine-tuning"],
)
g = torch.Generator().manual_seed(seed)
centres = torch.randn(5, 16, generator=g)
labels = [torch.randint(5, (n,), generator=g) for n in (400, 200, 200)]
sets = [(centres[y] + 2 * torch.randn(len(y), 16, generator=g), y) for y in labels]
read = []
for a in (1, 9):
    scaled = [(a * x, y) for x, y in sets]
    near = knn.accuracy(knn.knn_predict(*scaled[0], scaled[2][0], 20, 0.1), scaled[2][1])
    read.append((near, probes.linear_probe(*scaled, 5)["linear_test"]))
pages.table([[f"times {a}", *values] for a, values in zip((1, 9), read, strict=True)], ["features", "k-NN", "linear probe"])
assert all(abs(one - nine) < 1 for one, nine in zip(*read, strict=True)), "a measure sees the length of features"
assert all(r.final["linear_test"] > r.history[0]["knn_val"] for r in live.values()), "a linear probe below the untrained network's k-NN"

# %% [markdown]
# ## What differs, and why it may matter
#
# The experiment `transfer` is ours: no table of the papers has its measures. Its networks are those of the headline arms, so their deviations from the
# papers' settings hold here, too.

# %% tags=["remove-input"]
pages.show(deviation_table.markdown(["simclr-arms", "simsiam-arms"], transfer.scale))

# %% [markdown]
# - **The linear probe** is logistic regression on standardised features of clean images; its weight decay is chosen on held-out images. No augmentation is used, which costs all arms alike.
# - **Fine-tuning** trains the whole network and a classifier of three hidden layers, at a constant rate chosen from four; at `cpu` scale for 20 epochs.
# - **Early stops.** A run that stops early on a 500-epoch schedule shows who is ahead at that time. What is gained there may be speed alone.
# - **The two CIFARs** come from one collection of small pictures. Transfer between them is an easy kind of transfer; Flowers is trained on its own images here, not transferred to.
#
# No setting on this page was chosen by its outcome.

# %% tags=["remove-input", "nbval-ignore-output"]
page.cost()

# %% [markdown]
# ## Run it yourself

# %% tags=["remove-input"]
page.papermill(scale="cpu", epochs=4, seed=7)
