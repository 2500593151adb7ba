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
# # Norms and people's doubts
#
# If a norm tells how sure a network is, are people sure of the same images? {cite:t}`draganov2025norms` compare the norms of a network
# that has never seen a label with what people said about the images. This page repeats the comparison, and makes it once more with a network that has learned nothing.

# %% tags=["parameters"]
scale = "smoke"  # or "cpu" (real CIFAR-10, minutes a run) or "gpu"
seed = 0  # of this execution's runs

# %% tags=["hide-input"]
import math

import matplotlib.pyplot as plt

from ssllib.pages import deviation_table, plots
from ssllib.pages import page as pages
from ssllib.pages.recorded import final

page = pages.begin(
    "confidence/human-labels",
    globals(),
    scale=pages.choice("smoke", "cpu", "gpu"),
    seed=pages.integer(0, 10**6),
)

# %% [markdown]
# ## The answer

# %% tags=["remove-input"]
page.answer(
    {
        "Are labels of several people better at larger norms?": "human-accuracy-rises-cifar10n",
        "Labels of one person?": "human-accuracy-rises-cifar100n",
        "Do people agree more there?": "human-entropy-falls",
    }
)

# %% [markdown]
# That single images with large norms are *prototypical* of their class is taken up in {doc}`/book/confidence/exemplars`.
#
# ## What people said
#
# | labels | images | people an image | number looked at |
# |:---|:---|:---|:---|
# | CIFAR-10-N, aggregated {cite}`wei2022cifarn` | 50,000 training images | 3, their majority | is it the true label? |
# | CIFAR-100-N {cite}`wei2022cifarn` | 50,000 training images | 1 | is it the true label? |
# | CIFAR-10-H {cite}`peterson2019cifar10h` | 10,000 test images | about 51 | entropy of the votes, in nats |
#
# So the paper's "consensus label over multiple human annotators" exists for CIFAR-10 only. The norm is taken where the loss acts. As in the paper's Figure 4, norms are divided by the largest, put into bins of width 0.05,
# and bins with more than 50 images are kept; the rank correlation over the bins is the claims' number. Bins count alike, however few images they hold. The
# correlation *image by image* says how much the norm tells about one image. It cannot reach one here, since many images have the same value; for labels of which a share $p$ is true it
# cannot exceed $\sqrt{3p(1-p)}$ by {eq}`eq-confidence-auroc`. *Untrained* is a network with the weights that it starts with: SimCLR's, and beside it SimSiam's with its own heads.

# %% tags=["hide-input"]
METHOD = {"simclr": "SimCLR", "simsiam": "SimSiam", "untrained": "untrained", "untrained-simsiam": "untrained (SimSiam)"}
COLOUR = {"simclr": plots.BLUE, "simsiam": plots.RED, "untrained": plots.GREY, "untrained-simsiam": plots.ORANGE}
SET = {"cifar10": "CIFAR-10", "cifar100": "CIFAR-100"}
NAMES = {f"{m}-{data}": f"{METHOD[m]}, {SET[data]}" for data in SET for m in METHOD}
recorded = page.recorded("human-labels", arms=tuple(NAMES))
recorded.inventory(NAMES)

# %% [markdown]
# ## Recorded evidence

# %% tags=["hide-input"] mystnb={"image": {"alt": "Accuracy of people's labels and entropy of their votes in bins of the embedding norm, a colour for each method"}, "figure": {"caption": "People's labels in bins of the norm. **Left, middle:** percent of CIFAR-10-N's aggregated and CIFAR-100-N's single labels that are true. **Right:** mean entropy of CIFAR-10-H's votes. A line for each seed; the area of a point grows with the number of images.", "name": "fig-human-bins"}}
PANELS = [
    ("cifar10", "bins_cifar10n", "CIFAR-10-N: true labels (%)", 120),
    ("cifar100", "bins_cifar100n", "CIFAR-100-N: true labels (%)", 120),
    ("cifar10", "bins_entropy", "CIFAR-10-H: entropy (nats)", 25),
]
fig, axes = plt.subplots(1, len(PANELS), figsize=(7.6, 3.4))
for ax, (data, name, title, images) in zip(axes, PANELS, strict=True):
    ax.set_title(title)
    ax.set_xlabel("norm / largest norm")
    ax.set_xlim(0, 1)
    found = {m: recorded.finished(f"{m}-{data}") for m in METHOD}
    if not any(found.values()):
        plots.blank(ax, "not recorded yet")
    for m, runs in found.items():
        for r in runs:
            centre, count, value = r.arrays[name].T
            _ = ax.plot(centre, value, color=COLOUR[m], linewidth=1.1, label=METHOD[m])
            _ = ax.scatter(centre, value, s=count / images, color=COLOUR[m], alpha=0.6, linewidth=0)
plots.legend(fig)
plt.show()

# %% tags=["hide-input"]


def halves(r, array):
    """Mean of the bins' values over the images of the lower and of the upper bins, split nearest to the median."""
    rows = r.arrays[array]
    if len(rows) < 2:
        return math.nan, math.nan
    total = rows[:, 1].sum()
    cut = min(range(1, len(rows)), key=lambda i: abs(rows[:i, 1].sum() - total / 2))
    return tuple(float((part[:, 1] * part[:, 2]).sum() / part[:, 1].sum()) for part in (rows[:cut], rows[cut:]))


LABELS = [
    ("cifar10", "CIFAR-10-N, true (%)", "bins_cifar10n", "cifar10n", 1),
    ("cifar100", "CIFAR-100-N, true (%)", "bins_cifar100n", "cifar100n", 1),
    ("cifar10", "CIFAR-10-H, entropy", "bins_entropy", "entropy", 3),
]
pages.table(
    [
        [title, METHOD[m], *(pages.mean_range(recorded.numbers(arm, final(f"spearman_{kind}_{key}")), d) for kind, d in (("bins", 2), ("norm", 3))),
         *(pages.mean_range((halves(r, array)[i] for r in recorded.finished(arm)), digits) for i in (0, 1)), len(recorded.finished(arm))]
        for data, title, array, key, digits in LABELS
        for m in METHOD
        if recorded.finished(arm := f"{m}-{data}")
    ],
    ["labels", "network", "ρ over bins", "ρ by image", "lower bins", "upper bins", "seeds"],
    caption="Norm and people's labels: rank correlation over bins and image by image, and the mean over the images of the lower and of the upper bins, "
    "divided where about half of the images lie on each side. Mean (range over seeds).",
    name="tab-human",
)  # fmt: skip

# %% tags=["hide-input"]
for data, title, array, key, _ in LABELS:
    name, wanted = title.partition(",")[0], -1 if key == "entropy" else 1
    groups = {"trained networks": ("simclr", "simsiam"), "untrained ones": ("untrained", "untrained-simsiam")}
    found = {
        (who, kind): [x for m in methods for x in recorded.numbers(f"{m}-{data}", final(f"spearman_{kind}_{key}"))]
        for who, methods in groups.items()
        for kind in ("bins", "norm")
    }
    trained = [r for m in groups["trained networks"] for r in recorded.finished(f"{m}-{data}")]
    if not trained:
        pages.say(f"**{name}.** No trained run has been recorded yet.")
        continue
    how = {"bins": "over bins", "norm": "image by image"}
    counts = [f"{sum(v * wanted >= 0.2 for v in x)} of {len(x)} {who} {how[kind]}" for (who, kind), x in found.items() if x]
    text = f"**{name}.** A rank correlation of at least 0.2 on the claimed side: {', '.join(counts)}."
    if key != "entropy":
        _, number, share = trained[0].arrays[array].T
        true = float((number * share).sum() / number.sum())
        text += f" Of the labels {true:.0f} % are true, so image by image it is at most {math.sqrt(3 * true * (100 - true)) / 100:.2f}."
    starts = {"simclr": "untrained", "simsiam": "untrained-simsiam"}
    added = {m: recorded.paired(f"{m}-{data}", f"{start}-{data}", final(f"spearman_norm_{key}")) for m, start in starts.items()}
    added = [f"{METHOD[m]} {pages.mean_range(x, 3, sign='+')}" for m, x in added.items() if x]
    pages.say(text + (f" What training adds image by image: {'; '.join(added)}." if added else " No run of an untrained network has been recorded yet."))

# %% [markdown]
# **How to read the two correlations.** A bin's mean is over hundreds or thousands of images, so a small tendency becomes a clear line over bins. Image by
# image the same tendency may be all but invisible. "The norm says how sure people are of *this image*" would need the second; "sets of images with larger
# norms are a little easier for people" needs the first. And if the untrained network shows the trend as well, then simple properties of an image, say its
# contrast, move norms and people alike, and learning has no part in it.

# %% tags=["remove-input"]
page.card("human-accuracy-rises-cifar10n", "human-accuracy-rises-cifar100n", "human-entropy-falls")

# %% [markdown]
# ## This execution
#
# SimCLR on `shapes`, and the same network untrained, run now, and asked about 1,024 *blends* of two patterns, which they have not seen in training. The second pattern's share is
# drawn from 0 to one half; a simulated annotator names that pattern with a probability equal to the share. Three annotators give the majority label, fifty the votes. Only
# here do we know where doubt comes from.

# %% tags=["hide-cell", "nbval-ignore-output"] mystnb={"image": {"alt": "This machine's own run, two panels against the norm: share of true majority labels, and entropy of the votes, for SimCLR and an untrained network"}}
on = "shapes" if scale == "smoke" else "cifar10"
live = {n: page.run("human-labels", f"{n}-{on}", seed=seed, scale=scale) for n in ("simclr", "untrained")}
fig, (left, right) = plt.subplots(1, 2, figsize=(7.4, 3.0))
for n, r in live.items():
    for ax, name in ((left, f"bins_{on}n"), (right, "bins_entropy")):
        centre, count, value = r.arrays[name].T
        _ = ax.plot(centre, value, color=COLOUR[n], label=n)
        _ = ax.scatter(centre, value, s=count / 4, color=COLOUR[n], alpha=0.6, linewidth=0)
left.set_title(f"majority label is true (%), {scale} scale")
right.set_title("entropy of the votes (nats)")
for ax in (left, right):
    ax.set_xlabel("norm / largest norm")
left.legend()
plt.show()
keys = [f"spearman_{kind}_{key}" for key in (f"{on}n", "entropy") for kind in ("bins", "norm")]
pages.table(
    [[n, r.status, *(f"{r.final[k]:.2f}" for k in keys)] for n, r in live.items()],
    ["run", "status", "ρ over bins, labels", "ρ by image, labels", "ρ over bins, entropy", "ρ by image, entropy"],
)
for r in live.values():  # bins leave out few images, and their mean is that of the annotators
    rows = r.arrays["bins_entropy"]
    assert rows[:, 1].sum() > 0.8 * (1024 if on == "shapes" else 10_000)
    assert 0 <= rows[:, 2].min() and rows[:, 2].max() <= math.log(10)

# %% [markdown]
# ## What differs, and why it may matter
#
# Computed from the declared runs and the papers' settings (`data/papers`), with the reason for each (`data/deviations.yml`).

# %% tags=["remove-input"]
pages.show(deviation_table.markdown("human-labels", recorded.scale))

# %% [markdown]
# - **Classes.** Some classes may have larger norms than others, and people doubt some classes (cat, dog) more than others; then norm and doubt go together without telling anything within
#   a class. The paper does not separate the two, nor do these bins. {doc}`/book/confidence/exemplars` compares within classes.
# - **Images.** The same figure of the paper mixes splits: CIFAR-N is about training images, CIFAR-10-H about test images. So is this page.
# - **Norms** are divided by the largest, as in the text; the released code maps the smallest to 0 as well. A single very large norm moves all bins to the left.
#
# No setting on this page was chosen by its outcome.

# %% tags=["remove-input", "nbval-ignore-output"]
page.cost()

# %% [markdown]
# ## Run it yourself

# %% tags=["remove-input"]
page.papermill(scale="cpu", seed=7)
