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
# # Positive pairs in a plane
#
# Give a network embeddings of two dimensions and they can be drawn. The earlier paper does so for SimCLR and BYOL
# (2406.16468, Figure 4): each positive pair is a line between its two ends, blue where they agree, red where they
# point to opposite sides. This page draws the same pictures and measures what is said about them.

# %% tags=["parameters"]
scale = "smoke"  # or "cpu" (real CIFAR-10, minutes a run) or "gpu"
seed = 0  # of this execution's runs

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.collections import LineCollection

from ssllib.pages import deviation_table, plots
from ssllib.pages import page as pages
from ssllib.pages.recorded import at

page = pages.begin(
    "simulations/latents-2d",
    globals(),
    scale=pages.choice("smoke", "cpu", "gpu"),
    seed=pages.integer(0, 10**6),
)

# %% [markdown]
# ## The answer

# %% tags=["remove-input"]
page.answer(
    {
        "Does SimCLR spread over the circle?": "simclr-2d-spreads",
        "Does BYOL start at two opposite ends?": "byol-2d-antipodal",
        "Is batch norm the reason?": "batch-norm-antipodal",
        "Are opposite pairs gone at epoch 16?": "opposite-pairs-gone-in-2d-at-16",
    }
)

# %% [markdown]
# What the paper says of its picture: SimCLR "distributes the embeddings across the latent space and keeps positive samples close"; BYOL concentrates them,
# and batch normalisation is said to make several clusters of the concentrated points, "that straddle the origin". Hence
# some pairs start in opposite halves, and hardly any is left there at the end.

# %% [markdown]
# ## How it is measured
#
# The embedding is taken where the loss acts: SimCLR's projector, BYOL's predictor, two-dimensional both. Two random
# views of each of 512 training images give 512 lines. Of their 1,024 ends we record
#
# - the *entropy of the angle*: of a histogram of 36 bins of ten degrees, over $\log 36$, so that 1 is an even
#   spread over the circle and 0 a single direction;
# - the *antipodal share*: the percentage within $\pi/8$ of either end of one axis, the principal one. A quarter
#   would be there if they were spread evenly.
#
# The cosine of the pairs and the share of pairs beyond a right angle are means over the epoch's training batches, as on
# every training page. Figure 4 names neither its data nor its network. Ours is CIFAR-10, and in the third arm the heads
# have no batch norm.

# %% [markdown]
# ## The pictures

# %% tags=["hide-input"]
NAMES = {"simclr": "SimCLR", "byol": "BYOL", "byol-no-bn": "BYOL, heads without batch norm"}
recorded = page.recorded("latents-2d", arms=tuple(NAMES))
recorded.inventory(NAMES)


def draw(ax, pairs):
    """Lines between the two ends of each pair, coloured from red (cosine -1) to blue (1)."""
    one, two = pairs.astype(float)
    lengths = np.linalg.norm(pairs.astype(float), axis=-1)
    cosine = (one * two).sum(1) / np.maximum(lengths[0] * lengths[1], 1e-12)
    order = np.argsort(-cosine)  # the opposite ones on top
    reach = np.quantile(lengths, 0.98)
    lines = LineCollection(np.stack([one, two], axis=1)[order], cmap="coolwarm_r", linewidths=0.5, alpha=0.7)
    lines.set_array(cosine[order])
    lines.set_clim(-1, 1)
    _ = ax.add_collection(lines)
    _ = ax.plot([0], [0], "+", color="black", markersize=5)
    ax.set_xlim(-1.1 * reach, 1.1 * reach)
    ax.set_ylim(-1.1 * reach, 1.1 * reach)
    ax.set_aspect("equal")
    ax.grid(visible=False)
    ax.tick_params(labelsize=7)
    return lines


def gallery(runs, epochs):
    """A row for each arm, a column for each epoch."""
    if not runs or not epochs:
        plots.blank(plt.subplots(figsize=(7.4, 2.0))[1], "not recorded yet")
        plt.show()
        return
    fig, axes = plt.subplots(len(runs), len(epochs), figsize=(2.35 * len(epochs), 2.35 * len(runs)), squeeze=False)
    for i, (arm, record) in enumerate(runs.items()):
        for ax, epoch in zip(axes[i], epochs, strict=True):
            lines = draw(ax, record.arrays[f"plane_{epoch}"])
            if epoch == epochs[0]:
                ax.set_ylabel(NAMES[arm].replace(", ", ",\n"), fontsize=9)
            if i == 0:
                ax.set_title("untrained" if epoch == 0 else f"epoch {epoch}", fontsize=10)
    _ = fig.colorbar(lines, ax=axes, shrink=0.5, label="cosine of the pair", pad=0.01)
    plt.show()


def kept(record):
    return sorted(int(name.removeprefix("plane_")) for name in record.arrays)

# %% tags=["hide-input"] mystnb={"image": {"alt": "Lines between positive pairs in the plane, rows SimCLR, BYOL and BYOL without batch norm, columns epochs"}, "figure": {"caption": "Lines between positive pairs in two dimensions, recorded runs of seed 0. Blue: the two views agree; red: they point to opposite sides. The cross is the origin; each panel has its own scale.", "name": "fig-latents-2d"}}
first = {arm: recorded.finished(arm)[0] for arm in recorded if recorded.finished(arm)}
epochs = [e for e in (0, 1, 4, 16, 128) if first and all(e in kept(r) for r in first.values())]
gallery(first, epochs)

# %% tags=["hide-input"] mystnb={"image": {"alt": "Four panels over epochs: entropy of the angle, antipodal share, pairs beyond a right angle, mean cosine of the pairs"}, "figure": {"caption": "The same in numbers, mean and range over the seeds. Dotted: an even spread over the circle.", "name": "fig-latents-2d-numbers"}}
COLOURS = {"simclr": plots.BLUE, "byol": plots.RED, "byol-no-bn": plots.GREEN}
panels = {
    "angle_entropy": "entropy of the angle (1 = even)",
    "antipodal_share": "near one axis (%)",
    "opposite": "pairs beyond a right angle (%)",
    "alignment": "mean cosine of the pairs",
}
fig, axes = plt.subplots(2, 2, figsize=(7.4, 5.0))
recorded.curves(axes, panels, log=True, colors=COLOURS, labels=NAMES)
if recorded:
    for ax, even in zip(axes[0], (1.0, 25.0), strict=True):
        _ = ax.axhline(even, color="black", linestyle=":", linewidth=1.2)
plt.show()

# %% tags=["hide-input"]
shown = sorted({min(recorded.end, 1), recorded.end}) if recorded else []
pages.table(
    [
        [NAMES[arm], epoch, *(pages.mean_range(recorded.numbers(arm, at(m, epoch)), none="–") for m in panels), len(recorded[arm])]
        for arm in recorded
        for epoch in shown
    ],
    ["arm", "epoch", "entropy", "near one axis (%)", "beyond π/2 (%)", "cosine", "seeds"],
    caption=f"Two-dimensional latents, recorded: {recorded.setting}. Mean (range over the seeds).",
    name="tab-latents-2d",
)

# %% tags=["remove-input"]
page.card(
    "simclr-2d-spreads", "simclr-2d-aligned", "byol-2d-antipodal", "batch-norm-antipodal", "byol-2d-not-uniform",
    "byol-2d-few-opposite", "opposite-pairs-gone-in-2d-at-16",
)

# %% [markdown]
# ## This execution

# %% tags=["hide-cell", "nbval-ignore-output"] mystnb={"image": {"alt": "This machine's own run: lines between positive pairs in the plane, a row for each method, columns epochs"}}
live = {arm: page.run("latents-2d", arm, seed=seed, scale=scale) for arm in NAMES}
shown = sorted(set.intersection(*(set(kept(r)) for r in live.values())))
gallery(live, [e for e in shown if e in (0, 1, 4, shown[-1])])
pages.table(
    [
        [NAMES[arm], r.status, row["epoch"], row["angle_entropy"], row["antipodal_share"], row["opposite"], row["alignment"]]
        for arm, r in live.items()
        for row in r.history
        if "angle_entropy" in row
    ],
    ["arm", "status", "epoch", "entropy", "near one axis (%)", "beyond π/2 (%)", "cosine"],
)
assert all(r.status == "finished" for r in live.values())

# %% [markdown]
# ## What differs, and why it may matter
#
# Computed from the declared runs and the papers' settings (`data/papers`), with the reason for each (`data/deviations.yml`).

# %% tags=["remove-input"]
pages.show(deviation_table.markdown("latents-2d", recorded.scale))

# %% [markdown]
# - **"Several clusters".** The measure asks how many embeddings lie near *one* axis. Clusters that straddle the
#   origin along two axes would not be counted, but they can be seen in {numref}`fig-latents-2d`.
# - **Collapse.** In two dimensions there is little room. Where the entropy of an arm falls to zero and its
#   pairs all agree, the embeddings point one way: the network has collapsed, and its share near one axis is 100 % for
#   that reason alone. A share of 100 % is no sign of *two* ends; read it beside the entropy, where two ends
#   of equal weight would give $\log 2 / \log 36$, about 0.19, at least.
#
# No setting on this page was chosen by its outcome.

# %% tags=["remove-input", "nbval-ignore-output"]
page.cost()

# %% [markdown]
# ## Run it yourself

# %% tags=["remove-input"]
page.papermill(scale="cpu", seed=7)
