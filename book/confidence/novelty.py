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

from ssllib.pages import deviation_table, plots
from ssllib.pages import page as pages
from ssllib.pages.recorded import place

page = pages.begin(
    "confidence/novelty",
    globals(),
    scale=pages.choice("smoke", "cpu", "gpu"),
    seed=pages.integer(0, 10**6),
)

# %% [markdown]
# ## The answer

# %% tags=["remove-input"]
page.answer(
    {
        "Are test images' norms a little smaller than training images'?": "test-norms-slightly-smaller",
        "Are those of the other data smaller still?": "other-data-smaller-norms",
        "Does one norm tell the two apart?": "norm-tells-other-data",
        "Do both splits of the other data agree?": "split-bars-agree",
    }
)

# %% [markdown]
# ## What is measured
#
# Let $m(S)$ be the mean norm of the images of a split $S$, where the loss acts: at SimCLR's {term}`projector`, at SimSiam's {term}`predictor`. All images are clean, training images
# too. The first two questions are about
#
# $$\frac{m(S)}{m(\text{training images})},$$ (eq-confidence-ratio)
#
# the third about the AUROC: the chance that of one test image of the data trained on and one test image of the other data, the *other* has the smaller norm. At 0.5 the norm
# tells nothing. A difference of means can be certain and yet useless for single images, if norms vary much within each set; so both are given.
#
# *Untrained* is a network with the weights that it starts with, and its batch norm's statistics settled on the training images: SimCLR's, and beside it those of
# SimSiam and BYOL with their own heads. What it shows is a property of the images and of the architecture, not of learning.

# %% tags=["hide-input"]
SET = {"cifar10": "CIFAR-10", "cifar100": "CIFAR-100"}
OTHER = {"cifar10": "cifar100", "cifar100": "cifar10"}
METHOD = {
    "simclr": "SimCLR", "simsiam": "SimSiam", "byol": "BYOL", "triplet": "triplet", "untrained": "untrained",
    "untrained-simsiam": "untrained (SimSiam)", "untrained-byol": "untrained (BYOL)",
}  # fmt: skip
COLOUR = {
    "simclr": plots.BLUE, "simsiam": plots.RED, "byol": plots.GREEN, "triplet": plots.PURPLE, "untrained": plots.GREY,
    "untrained-simsiam": plots.ORANGE, "untrained-byol": plots.SKY,
}  # fmt: skip
START = {"simclr": "untrained", "triplet": "untrained", "simsiam": "untrained-simsiam", "byol": "untrained-byol"}
NAMES = {f"{m}-{data}": f"{METHOD[m]}, {SET[data]}" for data in SET for m in METHOD}
recorded = page.recorded("confidence", arms=tuple(NAMES))
recorded.inventory(NAMES)


def ratio(which, split):
    """Mean norm of a split of the own or of the other set over that of the training images."""
    return lambda r: r.final.get(f"norm_ratio_{r.config['dataset'] if which == 'own' else OTHER[r.config['dataset']]}_{split}")


def auroc(r):
    return r.final.get(f"auroc_ood_{OTHER[r.config['dataset']]}_test")

# %% [markdown]
# ## Recorded evidence

# %% tags=["hide-input"] mystnb={"image": {"alt": "Mean norms on the four splits of CIFAR-10 and CIFAR-100 relative to the training images, by method and by the data trained on"}, "figure": {"caption": "Mean norm of each split over that of the training images (dotted line), a panel for each set trained on. Bars are means over seeds, points are seeds. The paper's Figures 3 and S5 say: a little below 1 on the own test set, far below 1 on both splits of the other set.", "name": "fig-confidence-splits"}}
fig, axes = plt.subplots(1, 2, figsize=(7.6, 3.5), sharey=True)
for ax, data in zip(axes, SET, strict=True):
    ax.set_title(f"trained on {SET[data]}")
    splits = [("own", "test"), ("other", "train"), ("other", "test")]
    methods = [m for m in METHOD if recorded.finished(f"{m}-{data}")]
    if not methods:
        plots.blank(ax, "not recorded yet")
        continue
    width = 0.8 / len(methods)
    for i, m in enumerate(methods):
        for j, split in enumerate(splits):
            values = recorded.numbers(f"{m}-{data}", ratio(*split))
            x = j + (i - (len(methods) - 1) / 2) * width
            label = METHOD[m] if j == 0 else None
            mean = recorded.mean(f"{m}-{data}", ratio(*split))
            _ = ax.bar(x, mean - 1, width * 0.9, bottom=1, color=COLOUR[m], alpha=0.75, label=label)
            _ = ax.plot([x] * len(values), values, ".", color="black", markersize=4)
    _ = ax.axhline(1, color="black", linestyle=":", linewidth=1.2)
    ax.set_xticks(range(3), [f"{SET[data if which == 'own' else OTHER[data]]}\n{split}" for which, split in splits])
    ax.grid(axis="x", visible=False)
axes[0].set_ylabel("mean norm / that in training")
plots.legend(fig)
plt.show()

# %% tags=["hide-input"]
recorded.table(
    {
        "own test": (ratio("own", "test"), 3),
        "other, train": (ratio("other", "train"), 3),
        "other, test": (ratio("other", "test"), 3),
        "AUROC, other test": (auroc, 2),
    },
    labels=NAMES,
    caption="Mean norm over that of the training images, and the AUROC of the norm for telling test images of the other set (over 0.5: theirs are smaller). "
    "Mean (range over seeds).",
    name="tab-confidence-splits",
)

# %% tags=["hide-input"]


def error(r):
    """Standard error of the mean norm of the test images, over the mean."""
    n = r.arrays[f"norm_{place(r)}"].astype(float)
    return n.std() / n.mean() / math.sqrt(len(n))


def count(values):
    values = list(values)
    return f"{sum(values)} of {len(values)}"


trained = [r for arm in recorded if not arm.startswith("untrained") for r in recorded.finished(arm)]
if trained:
    own, far, seen = ([ratio(*split)(r) for r in trained] for split in (("own", "test"), ("other", "test"), ("other", "train")))
    errors, told = [100 * error(r) for r in trained], [auroc(r) for r in trained]
    pages.say(
        f"**The own test set** has a smaller mean norm than the training images in {count(x < 1 for x in own)} trained runs, smaller by at least 1 % in "
        f"{count(x <= 0.99 for x in own)}. (One mean over the test images has a standard error of {min(errors):.1f} to {max(errors):.1f} %, so a single run cannot show "
        "less than that.) **The other set's** test images have a smaller mean norm than the own test images in "
        f"{count(x < y for x, y in zip(far, own, strict=True))}, and the AUROC lies above 0.5 in {count(x > 0.5 for x in told)}, from {min(told):.2f} to {max(told):.2f}. "
        f"Its two splits agree within 5 % of the training mean in {count(abs(x - y) < 0.05 for x, y in zip(far, seen, strict=True))}."
    )
starts = [f"{NAMES[arm]} {pages.mean_range(recorded.numbers(arm, auroc))}" for arm in recorded if arm.startswith("untrained")]
added = [
    f"{NAMES[arm]} {pages.mean_range(found, sign='+')}"
    for data in SET
    for m, start in START.items()
    if (arm := f"{m}-{data}") and (found := recorded.paired(arm, f"{start}-{data}", auroc))
]
if starts:
    pages.say(
        f"**Before training** the AUROC is: {'; '.join(starts)}. What is above or below 0.5 there is in the images and the architecture, and a trained network's number "
        "has to be read against it." + (f" What training adds, seed by seed: {'; '.join(added)}." if added else "")
    )
elif trained:
    pages.say("**Before training**: no run of an untrained network has been recorded yet.")

# %% tags=["remove-input"]
page.card("test-norms-slightly-smaller", "other-data-smaller-norms", "norm-tells-other-data", "split-bars-agree")

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
# ## What differs, and why it may matter
#
# Computed from the declared runs and the papers' settings (`data/papers`), with the reason for each (`data/deviations.yml`).

# %% tags=["remove-input"]
pages.show(deviation_table.markdown("confidence", recorded.scale))

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
