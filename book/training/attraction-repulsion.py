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
# # Attraction and repulsion: which half grows the norms?
#
# {term}`InfoNCE` is a sum of two losses: one pulls the two views of an image together, the other pushes all embeddings of a batch
# apart. {cite:t}`draganov2024pitfalls` derive that a step on either half makes an embedding longer, and show SimCLR's norms under each.
# This page trains SimCLR on each half alone and on both, and asks whether the norms grow, and how far.

# %% tags=["parameters"]
scale = "smoke"  # or "cpu" (real CIFAR-10, minutes a run) or "gpu"
seed = 0  # of this execution's runs
epochs = 2  # where this execution's runs stop

# %% tags=["hide-input"]
import math

import matplotlib.pyplot as plt

from ssllib.evidence import papers
from ssllib.pages import deviation_table, plots
from ssllib.pages import page as pages
from ssllib.pages.recorded import at, final, first
from ssllib.runs import experiments

page = pages.begin(
    "training/attraction-repulsion",
    globals(),
    scale=pages.choice("smoke", "cpu", "gpu"),
    seed=pages.integer(0, 10**6),
    epochs=pages.integer(1, 500),
)
HALF = {"attraction": "attraction only", "repulsion": "repulsion only", "both": "both (InfoNCE)"}
TINT = {"attraction": plots.BLUE, "repulsion": plots.ORANGE, "both": plots.GREY}

# %% [markdown]
# ## The answer

# %% tags=["hide-input"]
recorded = page.recorded("loss-halves", arms=tuple(HALF))
page.answer(
    {
        "Do norms grow under either half, and under both?": "norms-grow-under-halves",
        "Under repulsion alone?": "repulsion-grows-norms",
    }
)
ends = [
    f"{HALF[arm]}: norm {recorded.mean(arm, first('norm_projector')):.2f} to {recorded.mean(arm, final('norm_projector')):.2f}, "
    f"k-NN {recorded.mean(arm, final('knn_test')):.1f} %"
    for arm in recorded
    if recorded.numbers(arm, final("norm_projector"))
]
if ends:
    pages.say(f"From the start to the end of the runs ({recorded.setting}): " + "; ".join(ends) + ".")

# %% [markdown]
# ## What the equations predict
#
# With $\phi$ for the angle between the two views, $\tau$ for the temperature and $w_{ik}$ for the softmax weights of anchor $i$, the
# gradients of the two halves at an embedding of the batch's mean loss (as if the sample were alone; attraction acts on it twice, as an
# anchor and as another's positive) are
#
# $$\|\nabla^A_i\| = \frac{2 \sin\phi}{\tau \|z_i\|}, \qquad
# \|\nabla^R_i\| = \frac{1}{\tau \|z_i\|} \Bigl\| \sum_{k \neq i} (w_{ik} + w_{ki})\, (\hat z_k)_{\perp z_i} \Bigr\|.$$ (eq-halves)
#
# Both are orthogonal to the embedding, so a free embedding never shrinks ({doc}`/book/theory/norm-growth`): a step at rate $\gamma$ leads to
# $\|z_i'\|^2 = \|z_i\|^2 + \gamma^2 \|\nabla_i\|^2$. How *much* it grows is the sum of $\gamma^2\|\nabla_i\|^2$, and there the halves differ:
#
# - **Attraction alone** has nothing that holds embeddings apart. Its least value is {term}`collapse`: all views agree, $\sin\phi = 0$,
#   the gradient is gone, and *growth ends with it*. Predicted: a cosine of the views near 1, an effective rank near 1, a gradient near 0,
#   and norms that stop.
# - **Repulsion alone** pushes the two views of an image apart like any others. Spread evenly, the pushes of a batch nearly cancel, but each
#   batch is another one, so what is left is never zero. Predicted: norms that go on growing, and nothing learned about images
#   that survives an augmentation.
# - **Both** hold each other: attraction never reaches $\sin\phi = 0$. Predicted: gradients that do not vanish. Whether both or
#   repulsion alone makes norms grow more, the equations leave open.
#
# All of this is about embeddings that move freely, whose growth is of second order in the rate. A network moves them through shared
# weights, and then a change of first order is possible, in either direction ({doc}`/book/theory/norm-growth`). So {eq}`eq-halves` may
# well be wrong about the size of the growth. Weight decay of 1e-6, SimCLR's default, is too little to matter here
# ({doc}`/book/training/weight-decay`).

# %% [markdown]
# ## Norms under each half

# %% tags=["hide-input"]
caption = papers.load("2406.16468").figures["3"].split(" Right:")[0]
pages.say(
    f"The paper shows this in Figure 3, left (\"{caption}\"), without any number in print, so only the direction can be compared. "
    + (f"Ours: {recorded.setting}." if recorded else "")
)

# %% tags=["hide-input"] mystnb={"image": {"alt": "Four panels over epochs for attraction only, repulsion only and both: norm at the projector, gradient at an embedding, cosine of the two views, effective rank of held-out embeddings"}, "figure": {"caption": "SimCLR on each half of InfoNCE and on both, recorded runs; epochs by powers of two, epoch 0 before the first step. Lines are means over seeds, bands their range. **Top:** mean norm at the projector and mean gradient at an embedding. **Bottom:** what {eq}`eq-halves` is made of: the cosine of the two views (1 where attraction has nothing left to do), and the effective rank of held-out embeddings (1: all on one line).", "name": "fig-halves-norms"}}
panels = {
    "norm_projector": "norm at the projector",
    "grad_norm_embedding": "gradient at an embedding",
    "alignment": "cosine of the two views",
    "effective_rank_val": "effective rank",
}
fig, axes = plt.subplots(2, 2, figsize=(7.4, 5.2), sharex=True)
recorded.curves(axes, panels, log=True, colors=TINT, labels=HALF)
for ax in axes.flat:
    if ax.lines and ax is not axes[1, 0]:
        ax.set_yscale("log")
plt.show()

# %% tags=["hide-input"]
recorded.table(
    {
        "norm, start": (first("norm_projector"), 2),
        "epoch 1": (at("norm_projector", 1), 2),
        "end": (final("norm_projector"), 2),
        "gradient, start": (first("grad_norm_embedding"), 3),
        "end ": (final("grad_norm_embedding"), 3),
        "cosine of the views, end": (final("alignment"), 3),
        "effective rank, end": final("effective_rank_val"),
    },
    labels=HALF,
    plain=("gradient, start", "end ", "cosine of the views, end", "effective rank, end"),
    caption="Norm at the projector, mean (range over seeds); gradient at an embedding, cosine of the two views and effective rank, means.",
    name="tab-halves-norms",
)

# %% tags=["hide-input"]
growth = {arm: recorded.mean(arm, final("norm_projector")) / recorded.mean(arm, first("norm_projector")) for arm in recorded}
if len(growth) == len(HALF) and all(map(math.isfinite, growth.values())):
    order = sorted(growth, key=growth.get, reverse=True)
    gone = recorded.mean("attraction", final("grad_norm_embedding")) / recorded.mean("attraction", first("grad_norm_embedding"))
    late = max(recorded, key=lambda arm: recorded.mean(arm, final("grad_norm_embedding")))
    pages.say(
        "Growth from the start to the end, largest first: " + "; ".join(f"{HALF[arm]} × {growth[arm]:.2f}" for arm in order)
        + f". Under attraction alone the gradient at the end is {gone:.3g} times that at the start, and the cosine of the views "
        f"{recorded.mean('attraction', final('alignment')):.3f} (predicted: near 0 and near 1). "
        f"The largest gradient at the end: {HALF[late]}."
    )

# %% tags=["remove-input"]
page.card("norms-grow-under-halves", "repulsion-grows-norms")

# %% [markdown]
# ## What either half learns
#
# Norms may grow whether or not anything is learned. A control that the paper does not show: the {term}`k-NN accuracy` under each half.
# If a half's norms grow while its accuracy stays at the untrained network's, growth by itself is no sign of learning.

# %% tags=["hide-input"] mystnb={"image": {"alt": "Two panels over epochs for attraction only, repulsion only and both: k-NN accuracy on held-out images from the backbone and from the projector"}, "figure": {"caption": "k-NN accuracy on held-out images from backbone features (left) and projector embeddings (right) under each half of InfoNCE and both; epochs by powers of two. Epoch 0 is the untrained network.", "name": "fig-halves-knn"}}
fig, axes = plt.subplots(1, 2, figsize=(7.4, 3.2), sharex=True)
recorded.curves(axes, {"knn_val": "backbone", "knn_projector_val": "projector"}, log=True, colors=TINT, labels=HALF)
axes[0].set_ylabel("k-NN accuracy (%)")
plt.show()

# %% tags=["hide-input"]
held_out = {f"epoch {e}": at("knn_val", e) for e in [0, *recorded.epochs] if e <= 16}
gain = {arm: pages.mean_range(recorded.paired(arm, "both", final("knn_test")), 1, sign="+") for arm in recorded if arm != "both"}
recorded.table(
    held_out | {"test": final("knn_test"), "linear test": final("linear_test")},
    labels=HALF,
    plain=list(held_out),
    more={"less both": gain},
    caption="k-NN accuracy (percent): on held-out images on the way (means), on the test set at the end, mean (range over seeds), "
    "and its difference from both halves seed by seed; and the linear probe.",
    name="tab-halves-knn",
)

# %% [markdown]
# ## This execution
#
# The same three losses, run now at the scale of the parameters above. At `smoke` scale this shows that the machinery works, not what
# CIFAR does. Three things must hold at any scale before the first step: the two halves' losses add up to InfoNCE's, the gradient of
# the sum is no longer than the halves' together, and that of attraction is {eq}`eq-halves`'s, up to the difference between the mean of a
# quotient and the quotient of means.

# %% tags=["hide-cell", "nbval-ignore-output"] mystnb={"image": {"alt": "This machine's own run, two panels over epochs for attraction only, repulsion only and both: norm at the projector, and cosine of the two views"}}
last = min(epochs, experiments.get("simclr-arms").cell(scale, "default").config.epochs)
losses = {"attraction": "attraction", "repulsion": "repulsion", "both": "info-nce"}
live = {
    half: [page.run("simclr-arms", "default", seed=seed, scale=scale, epochs=last, loss=loss)] for half, loss in losses.items()
}
fig, axes = plt.subplots(1, 2, figsize=(7.4, 3.0))
for ax, metric, title in zip(axes, ("norm_projector", "alignment"), (f"norm, {scale} scale", "cosine of the two views"), strict=True):
    plots.curves(ax, live, metric, colors=TINT, labels=HALF)
    ax.set_title(title)
    ax.set_xlabel("epoch")
plots.legend(fig)
plt.show()
start = {half: r.history[0] for half, (r,) in live.items()}
row = start["attraction"]
expected = 2 * math.sqrt(1 - row["alignment"] ** 2) / (live["attraction"][0].config["temperature"] * row["norm_projector"])
pages.table(
    [
        [HALF[h], r.status, start[h]["loss"], start[h]["grad_norm_embedding"], start[h]["norm_projector"], r.column("norm_projector")[-1],
         r.column("alignment")[-1]]
        for h, (r,) in live.items()
    ],
    ["loss", "status", "loss, epoch 0", "gradient, epoch 0", "norm, epoch 0", "norm, end", "cosine of the views, end"],
)  # fmt: skip
assert math.isclose(start["attraction"]["loss"] + start["repulsion"]["loss"], start["both"]["loss"], rel_tol=1e-3)
assert start["both"]["grad_norm_embedding"] <= 1.001 * sum(start[h]["grad_norm_embedding"] for h in ("attraction", "repulsion"))
pages.say(f"Attraction's gradient by the equation, from the mean cosine and the mean norm: {expected:.3g}.")
assert math.isclose(expected, row["grad_norm_embedding"], rel_tol=0.25)
assert live["attraction"][0].column("alignment")[-1] > live["repulsion"][0].column("alignment")[-1]

# %% [markdown]
# ## What differs, and why it may matter
#
# Computed from the declared runs and the paper's settings (`data/papers`), with the reason for each (`data/deviations.yml`).

# %% tags=["remove-input"]
pages.show(deviation_table.markdown("loss-halves", recorded.scale))

# %% [markdown]
# - **Momentum and shared weights.** The paper's corollary is about one step of plain gradient descent on free embeddings. Momentum
#   does not undo it; shared weights can ({doc}`/book/theory/norm-growth`).
# - **The temperature** divides both halves and so changes no direction; the paper's equation has none.
# - **The positive in the denominator.** Repulsion here holds the positive pair too, as the paper prints the sum; the code released with
#   {cite:t}`draganov2025norms` leaves it out.
# - **The last epoch.** The norms of a short run say how growth begins, not where it ends.

# %% tags=["remove-input", "nbval-ignore-output"]
page.cost()

# %% [markdown]
# ## Run it yourself

# %% tags=["remove-input"]
page.papermill(scale="cpu", epochs=4, seed=7)
