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
# # The cut, in methods with and without negatives
#
# {term}`Cut-initialization` divides all parameters by a constant before the first step: by 3 in SimCLR, by 9 in SimSiam
# and BYOL, whose losses only attract. The papers report that training is then faster, most of all where nothing
# repels. This page lays the three methods side by side; {doc}`/book/training/cut-constant` takes the cut apart.

# %% tags=["parameters"]
scale = "smoke"  # or "cpu" (real CIFAR-10, minutes a run) or "gpu"
seed = 0  # of this execution's runs
epochs = 4  # where this execution's runs stop, at most where the scale's own do

# %% tags=["hide-input"]
import math

import matplotlib.pyplot as plt

from ssllib.evidence import papers
from ssllib.pages import deviation_table, plots
from ssllib.pages import page as pages
from ssllib.pages.recorded import at, final, first, join, norm_at
from ssllib.runs import experiments

page = pages.begin(
    "training/cut-initialization",
    globals(),
    scale=pages.choice("smoke", "cpu", "gpu"),
    seed=pages.integer(0, 10**6),
    epochs=pages.integer(1, 500),
)

# %% [markdown]
# ## The answer

# %% tags=["hide-input"]
METHODS = {"simclr": "SimCLR", "simsiam": "SimSiam", "byol": "BYOL"}
ARMS = ("default", "cut")
recorded = {
    "simclr": page.recorded("simclr-arms", arms=ARMS),
    "simsiam": page.recorded("simsiam-arms", arms=ARMS),
    "byol": page.recorded("byol-arms", arms=ARMS),
}
page.answer(
    {
        "Is training faster with the cut?": "cut-faster-at-100",
        "And early?": "cut-faster-at-16",
        "More so where nothing repels?": "cut-helps-non-contrastive-more",
        "What of the cut helps: more than its last layer?": "control-cut-beyond-last-layer",
    }
)
gains = [
    f"{METHODS[m]} {pages.mean_range(found, 1, sign='+')} ({runs.setting})"
    for m, runs in recorded.items()
    if (found := runs.paired("cut", "default", final("knn_test")))
]
if gains:
    pages.say("What the cut adds to the k-NN accuracy at the end of the runs, in points: " + "; ".join(gains) + ".")

# %% [markdown]
# ## What is trained
#
# Each method without and with its cut; the images, their order and their augmentations are shared, so that the two arms can be
# compared seed by seed. The norm is taken where the loss acts: at SimCLR's projector, at the predictor of the other two.

# %% tags=["hide-input"]
runs = join(recorded)
LABEL = {f"{m}-default": f"{name}, default" for m, name in METHODS.items()}
for m, name in METHODS.items():
    LABEL[f"{m}-cut"] = f"{name}, cut, c = " + runs.config("cut").get(f"{m}-cut", "?")
more = {
    "cut c": runs.config("cut"),
    "peak rate": runs.config("lr"),
    "batch": runs.config("batch_size"),
    "weight decay": runs.config("weight_decay", ".0e"),
    "where": {f"{m}-{arm}": recorded[m].where for m in METHODS for arm in ARMS},
}
runs.table({}, caption="The runs as recorded.", name="tab-cut-settings", labels=LABEL, more=more)

# %% [markdown]
# ## Recorded evidence

# %% tags=["hide-input"] mystnb={"image": {"alt": "Two rows of three panels over epochs: norms and k-NN accuracy with and without the cut, for SimCLR, SimSiam and BYOL"}, "figure": {"caption": "Norm where the loss acts (top) and k-NN accuracy on held-out images (bottom), with and without the cut (c = 3 in SimCLR, 9 in SimSiam and BYOL); epochs by powers of two. Lines are means over seeds, bands their range; epoch 0 is the network before its first step.", "name": "fig-cut-methods"}}
PLACE = {"simclr": "projector", "simsiam": "predictor", "byol": "predictor"}
NAMED = {"cut": "cut"}
fig, axes = plt.subplots(2, 3, figsize=(7.6, 5.0), sharex="col")
for (m, name), (top, bottom) in zip(METHODS.items(), axes.T, strict=True):
    recorded[m].curves(top, {f"norm_{PLACE[m]}": name}, log=True, log_y=True, legend=False, labels=NAMED)
    recorded[m].curves(bottom, {"knn_val": ""}, log=True, legend=False, labels=NAMED)
    top.set_xlabel("")
axes[0, 0].set_ylabel("norm")
axes[1, 0].set_ylabel("k-NN accuracy (%)")
plots.legend(fig)
plt.show()

# %% tags=["hide-input"]
runs.table(
    {
        "norm, start": (norm_at(0), 2),
        "epoch 1": (norm_at(1), 2),
        "end": (norm_at("last"), 2),
        "cosine to the target, start": (first("alignment"), 2),
        "gradient at an embedding, start": (first("grad_norm_embedding"), 3),
        "of the parameters, start": (first("grad_norm"), 2),
    },
    labels=LABEL,
    plain=("cosine to the target, start", "gradient at an embedding, start", "of the parameters, start"),
    caption="Norm where the loss acts, mean (range over seeds); agreement and gradients before the first step, means.",
    name="tab-cut-start",
)

# %% tags=["hide-input"]
table3 = papers.load("2406.16468").table("3")
paper = {
    f"{m}-{arm}": f"{table3.value(method=name, arm=arm, dataset='CIFAR-10', epoch=100):.1f}"
    for m, name in METHODS.items()
    for arm in ARMS
}
held_out = {f"epoch {e}": at("knn_val", e) for e in [0, *runs.epochs] if e <= 16}
gain = {f"{m}-cut": pages.mean_range(recorded[m].paired("cut", "default", final("knn_test")), 1, sign="+") for m in METHODS}
runs.table(
    held_out | {"test": final("knn_test"), "linear test": final("linear_test")},
    labels=LABEL,
    plain=list(held_out),
    more={"less default": gain, "paper, epoch 100": paper},
    caption="k-NN accuracy (percent): on held-out images on the way (means), on the test set at the end, mean (range over seeds), "
    "and its gain over the default seed by seed; the paper's k-NN on CIFAR-10 with a ResNet-50 (2406.16468 Table 3) beside it.",
    name="tab-cut-methods",
)

# %% tags=["remove-input"]
page.card(
    "cut-faster-at-16", "cut-faster-at-100", "cut-better-at-300", "cut-better-at-500", "cut-helps-non-contrastive-more",
    "cut-helps-non-contrastive-more-at-16", "cut-makes-flowers-learnable", "cut-raises-flowers",
    "original-flowers-nearly-impossible", "values-2406-table-3-simclr-100", "values-2406-table-3-simsiam-100",
    "values-2406-table-3-byol-100", "values-2406-table-3-simclr-later", "values-2406-table-3-simsiam-later",
    "values-2406-table-3-byol-later",
)

# %% [markdown]
# ## What the cut changes
#
# Not only norms: a weight that feeds a batch norm works by its direction alone, and divided by $c$ a step of the same rate turns it
# $c^2$ times as far. {doc}`/book/training/cut-constant` derives it, and pulls the two apart with controls that no paper has.

# %% [markdown]
# ## This execution
#
# SimSiam with and without its cut, run now at the scale of the parameters above. At `smoke` scale this
# shows that the machinery works, not what CIFAR does.

# %% tags=["hide-cell", "nbval-ignore-output"] mystnb={"image": {"alt": "This machine's own run, two panels over epochs for SimSiam with and without the cut: norm at the predictor, and k-NN accuracy on held-out images"}}
chosen = [("simsiam", "default"), ("simsiam", "cut")]
live = {}
for m, arm in chosen:
    last = min(epochs, experiments.get(f"{m}-arms").cell(scale, arm).config.epochs)
    live[arm] = [page.run(f"{m}-arms", arm, seed=seed, scale=scale, epochs=last)]
fig, (left, right) = plt.subplots(1, 2, figsize=(7.4, 3.0))
plots.curves(left, live, "norm_predictor")
plots.curves(right, live, "knn_val")
left.set_title(f"SimSiam, norm at the predictor, {scale} scale")
right.set_title("k-NN on held-out images (%)")
for ax in (left, right):
    ax.set_xlabel("epoch")
plots.legend(fig)
plt.show()
starts = {arm: r.history[0]["norm_predictor"] for arm, (r,) in live.items()}
pages.table(
    [[a, r.status, starts[a], r.column("norm_predictor")[-1], r.column("knn_val")[-1]] for a, (r,) in live.items()],
    ["arm", "status", "norm, epoch 0", "norm, end", "k-NN, end"],
)
assert starts["cut"] < starts["default"] / 3 and all(map(math.isfinite, starts.values()))

# %% [markdown]
# ## What differs, and why it may matter
#
# Computed from the declared runs and the papers' settings (`data/papers`), with the reason for each (`data/deviations.yml`).

# %% tags=["remove-input"]
pages.show(deviation_table.markdown([f"{m}-arms" for m in METHODS], recorded["simclr"].scale))

# %% [markdown]
# - **Where the norms start** decides how much there is to cut; {numref}`tab-cut-methods` says where. Dividing every parameter by $c$ divides the output of $k$ linear layers in a row by far more than $c$, unless a batch norm stands in between. A constant
#   that suits a ResNet-50 need not suit a small network, and none was chosen here.
# - **The batch decides the sign** in the later paper's own Table S2: at epoch 100 the cut lowers SimSiam's accuracy with batches of 256 and raises it with 1024.
# - **Earlier records.** The first records at `cpu` scale (a head of 64 units without batch norm, 12 warm-up steps, a fifth of CIFAR) were retired on 2026-11-25: they were another regime than the papers'.
# - **Held-out images** stand in for the test set wherever a claim is read before the end of a run.
#
# No setting on this page was chosen by its outcome.

# %% tags=["remove-input", "nbval-ignore-output"]
page.cost()

# %% [markdown]
# ## Run it yourself

# %% tags=["remove-input"]
page.papermill(scale="cpu", epochs=4, seed=7)
