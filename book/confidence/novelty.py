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
# # Are embeddings of unfamiliar images shorter?
#
# If every step of training lengthens the {term}`embeddings <embedding>` of the images it has seen, then images of another kind should be
# left with shorter ones. {cite:t}`draganov2025norms` train on one of the two CIFARs and look at the other: its norms are
# smaller. This page compares the mean norms on all four splits, asks how well one norm tells the two sets apart, and does
# the same with a network that has learned nothing.

# %% tags=["parameters"]
scale = "smoke"  # or "cpu" (real CIFAR-10, minutes a run) or "gpu"
seed = 0  # of this execution's runs

# %% tags=["hide-input"]
import math

import matplotlib.pyplot as plt

from ssllib import deviations, pages, plots, verdicts

page = pages.begin(
    "confidence/novelty",
    globals(),
    scale=pages.choice("smoke", "cpu", "gpu"),
    seed=pages.integer(0, 10**6),
)

# %% [markdown]
# ## What is claimed

# %% tags=["remove-input"]
page.claim("test-norms-slightly-smaller", "other-data-smaller-norms")

# %% [markdown]
# From the means to single images, and a check of the two splits of the other set against each other:

# %% tags=["remove-input"]
page.claim("norm-tells-other-data", "split-bars-agree")

# %% [markdown]
# ## What is measured
#
# Let $m(S)$ be the mean norm of the images of a split $S$, where the loss acts: at SimCLR's {term}`projector`, at SimSiam's {term}`predictor`. All images are clean, training images
# too. The first claims are about
#
# $$\frac{m(S)}{m(\text{training images})},$$ (eq-confidence-ratio)
#
# the third about the AUROC: the chance that of one test image of the data trained on and one test image of the other data, the *other* has the smaller norm. At 0.5 the norm
# tells nothing. A difference of means can be certain and yet useless for single images, if norms vary much within each set; so both are given.
#
# *Untrained* is SimCLR's network with the weights that it starts with, and its batch norm's statistics settled on the training images. What it shows is a property of the images
# and of the architecture, not of learning.

# %% tags=["hide-input"]
recorded = page.recorded("confidence")
level = next(iter(recorded.values()))[0].scale
METHOD = {"simclr": "SimCLR", "simsiam": "SimSiam", "untrained": "untrained", "byol": "BYOL", "triplet": "triplet"}
COLOUR = {
    "simclr": plots.BLUE, "simsiam": plots.RED, "byol": plots.GREEN, "triplet": plots.PURPLE, "untrained": plots.GREY,
}  # fmt: skip
SET = {"cifar10": "CIFAR-10", "cifar100": "CIFAR-100"}
OTHER = {"cifar10": "cifar100", "cifar100": "cifar10"}
runs = {}
for data in SET:
    for m in METHOD:
        found = [r for r in recorded.get(f"{m}-{data}", []) if r.status == "finished"]
        if found:
            runs[m, data] = found
wanted = [(m, data) for data in SET for m in METHOD if data == "cifar10" or m not in ("byol", "triplet")]
missing = [f"{METHOD[m]} on {SET[data]}" for m, data in wanted if (m, data) not in runs]
first = next(iter(runs.values()))[0]
pages.say(
    f"Recorded at {level} scale (the first: {verdicts.describe(first)}), seeds: "
    + ", ".join(f"{METHOD[m]} on {SET[data]} {len(found)}" for (m, data), found in runs.items())
    + "."
    + (f" No run yet of: {', '.join(missing)}." if missing else "")
)

# %% [markdown]
# ## Recorded evidence

# %% tags=["hide-input"] mystnb={"image": {"alt": "Mean norms on the four splits of CIFAR-10 and CIFAR-100 relative to the training images, by method and by the data trained on"}, "figure": {"caption": "Mean norm of each split over that of the training images (dotted line), a panel for each set trained on. Bars are means over seeds, points are seeds. The paper's Figures 3 and S5 say: a little below 1 on the own test set, far below 1 on both splits of the other set.", "name": "fig-confidence-splits"}}
panels = [data for data in SET if any(d == data for _, d in runs)]
fig, axes = plt.subplots(1, len(panels), figsize=(7.6, 3.3), sharey=True, squeeze=False)
shown = {}
for ax, data in zip(axes[0], panels, strict=True):
    splits = [(data, "test"), (OTHER[data], "train"), (OTHER[data], "test")]
    methods = [m for m in METHOD if (m, data) in runs]
    width = 0.8 / len(methods)
    for i, m in enumerate(methods):
        for j, (name, split) in enumerate(splits):
            values = [r.final[f"norm_ratio_{name}_{split}"] for r in runs[m, data]]
            x = j + (i - (len(methods) - 1) / 2) * width
            bar = ax.bar(x, sum(values) / len(values) - 1, width * 0.9, bottom=1, color=COLOUR[m], alpha=0.75)
            _ = ax.plot([x] * len(values), values, ".", color="black", markersize=4)
        shown[METHOD[m]] = bar
    _ = ax.axhline(1, color="black", linestyle=":", linewidth=1.2)
    ax.set_xticks(range(3), [f"{SET[name]}\n{split}" for name, split in splits])
    ax.set_title(f"trained on {SET[data]}")
    ax.grid(axis="x", visible=False)
axes[0, 0].set_ylabel("mean norm / that in training")
fig.legend(shown.values(), shown.keys(), loc="outside lower center", ncols=5)
plt.show()

# %% tags=["hide-input"]


def ratio(r, which, split):
    name = r.config["dataset"] if which == "own" else OTHER[r.config["dataset"]]
    return r.final[f"norm_ratio_{name}_{split}"]


def auroc(r):
    return r.final[f"auroc_ood_{OTHER[r.config['dataset']]}_test"]


pages.table(
    [
        [METHOD[m], SET[data], pages.mean_range((ratio(r, "own", "test") for r in found), 3), pages.mean_range((ratio(r, "other", "train") for r in found), 3),
         pages.mean_range((ratio(r, "other", "test") for r in found), 3), pages.mean_range((auroc(r) for r in found), 2)]
        for (m, data), found in runs.items()
    ],
    ["method", "trained on", "own test", "other, train", "other, test", "AUROC, other test"],
    caption="Mean norm over that of the training images, and the AUROC of the norm for telling test images of the other set (over 0.5: theirs are smaller). "
    "Mean (range over seeds).",
    name="tab-confidence-splits",
)  # fmt: skip

# %% tags=["hide-input"]
trained = [r for (m, _), found in runs.items() if m != "untrained" for r in found]
start = [r for (m, _), found in runs.items() if m == "untrained" for r in found]


def place(r):
    return "projector" if r.config["method"] == "simclr" else "predictor"


def error(r):
    """Standard error of the mean norm of the test images, over the mean."""
    n = r.arrays[f"norm_{place(r)}"].astype(float)
    return n.std() / n.mean() / math.sqrt(len(n))


def count(values):
    values = list(values)
    return f"{sum(values)} of {len(values)}"


errors = [error(r) for r in trained]
if trained:
    pages.say(
        f"**The own test set** has a smaller mean norm than the training images in {count(ratio(r, 'own', 'test') < 1 for r in trained)} trained runs, smaller by at least "
        f"1 % in {count(ratio(r, 'own', 'test') <= 0.99 for r in trained)}. (One mean over the test images has a standard error of "
        f"{100 * min(errors):.1f} to {100 * max(errors):.1f} %, so a single run cannot show less than that.) "
        f"**The other set's** test images have a smaller mean norm than the own test images in "
        f"{count(ratio(r, 'other', 'test') < ratio(r, 'own', 'test') for r in trained)}, and the AUROC lies above 0.5 in {count(auroc(r) > 0.5 for r in trained)}, from "
        f"{min(map(auroc, trained)):.2f} to {max(map(auroc, trained)):.2f}. Its two splits agree within 5 % of the training mean in "
        f"{count(abs(ratio(r, 'other', 'test') - ratio(r, 'other', 'train')) < 0.05 for r in trained)}."
    )
if start:
    on = {data: [auroc(r) for r in start if r.config["dataset"] == data] for data in SET}
    pages.say(
        "**Before training** the AUROC is "
        + " and ".join(f"{pages.mean_range(v, 2)} on {SET[data]}" for data, v in on.items() if v)
        + ": what is above or below 0.5 there is in the images and the architecture, and a trained network's number has to be read against it. "
        + "; ".join(
            f"{METHOD[m]} on {SET[data]}: {round(sum(map(auroc, found)) / len(found) - sum(on[data]) / len(on[data]), 2) + 0:+.2f}"
            for (m, data), found in runs.items()
            if m in ("simclr", "triplet") and on[data]
        )
        + " from there. (SimSiam and BYOL have other heads, so this start is not theirs.)"
    )
else:
    pages.say("**Before training**: no run of the untrained network has been recorded yet.")

# %% [markdown]
# **Must it be so?** That a step lengthens the embedding of the image it was taken for is a theorem about embeddings moved freely
# ({doc}`/book/theory/norm-growth`). A network moves all embeddings at once: what lengthens those of one photograph lengthens those of all
# that look alike to it. The two CIFARs come from the same collection of small photographs. To a network that has learned edges and colours the other
# set need not be unfamiliar at all; a network that has learned its classes might see it differently.
#
# ## This execution
#
# SimCLR on `shapes`, and the same network untrained, run now. The other data are four patterns that are not among the eight (rays,
# spirals, crosses, clouds) in the same colours, contrasts and noise. This is a much greater shift than from one CIFAR to the other.

# %% tags=["hide-cell", "nbval-ignore-output"] mystnb={"image": {"alt": "This machine's own run: bars of the mean norm on the test images and on foreign images relative to the training images, for SimCLR and an untrained network"}}
on = "shapes" if scale == "smoke" else "cifar10"
other = "others" if scale == "smoke" else "cifar100"
live = {n: page.run("confidence", f"{n}-{on}", seed=seed, scale=scale) for n in ("simclr", "untrained")}
splits = [f"{on}_test", f"{other}_train", f"{other}_test"]
fig, ax = plt.subplots(figsize=(6.4, 3.0))
for i, (n, r) in enumerate(live.items()):
    values = [r.final[f"norm_ratio_{s}"] - 1 for s in splits]
    _ = ax.bar([j + (i - 0.5) * 0.4 for j in range(3)], values, 0.36, bottom=1, color=COLOUR[n], alpha=0.75, label=n)
_ = ax.axhline(1, color="black", linestyle=":", linewidth=1.2)
ax.set_xticks(range(3), [s.replace("_", ", ") for s in splits])
ax.set_ylabel("mean norm / that in training")
ax.set_title(f"{scale} scale")
ax.grid(axis="x", visible=False)
ax.legend()
plt.show()
pages.table(
    [
        [n, r.status, r.final["knn_test"], *(f"{r.final[f'norm_ratio_{s}']:.3f}" for s in splits),
         f"{r.final[f'auroc_ood_{other}_test']:.2f}"]
        for n, r in live.items()
    ],
    ["run", "status", "k-NN test (%)", *splits, "AUROC"],
)  # fmt: skip
found = {n: r.final[f"auroc_ood_{other}_test"] for n, r in live.items()}
pages.say(
    f"In this execution the norm tells the foreign images with an AUROC of {found['simclr']:.2f} after training and {found['untrained']:.2f} before."
)
assert all(0 <= a <= 1 for a in found.values()) and live["simclr"].status == "finished"

# %% [markdown]
# ## Verdicts

# %% tags=["remove-input"]
page.verdict("test-norms-slightly-smaller", "other-data-smaller-norms")

# %% tags=["remove-input"]
page.verdict("norm-tells-other-data", "split-bars-agree")

# %% [markdown]
# ## What differs, and why it may matter
#
# Computed from the declared runs and the papers' settings (`data/papers`), with the reason for each (`data/deviations.yml`).

# %% tags=["remove-input"]
pages.show(deviations.markdown("confidence", recorded.scale))

# %% [markdown]
# - **Length and size.** The paper's network sees its training images 512 times, and fits them; only then can there be a difference between training and test
#   images of the same kind. A run that stops sooner, or a smaller network, settles nothing about it.
# - **Augmentation.** The paper says that all splits are augmented alike. In the released code the training images are augmented and the test images are clean, so a
#   difference between them may be the augmentation's. Here all splits are clean.
# - **No printed numbers.** The means in the paper's figure are not in its text, so there is nothing to compare ours with but their directions.
# - **The norm at the backbone** was not recorded on the other set.
#
# No setting on this page was chosen by its outcome.

# %% tags=["remove-input", "nbval-ignore-output"]
page.cost()

# %% [markdown]
# ## Run it yourself

# %% tags=["remove-input"]
page.papermill(scale="cpu", seed=7)
