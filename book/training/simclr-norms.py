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
# # SimCLR and its norms: four ways to start
#
# Cosine-based losses look only at directions, yet the two embedding-norm papers say that lengths decide how
# fast a network learns: norms grow, gradients shrink as one over the norm, training slows. Three remedies are
# offered. This page trains SimCLR {cite}`chen2020simclr` without a remedy and with each of the three, watches
# the norms, and asks whether the accuracy follows.

# %% tags=["parameters"]
scale = "smoke"  # or "cpu" (real CIFAR-10, minutes a run) or "gpu"
seed = 0  # of this execution's runs
epochs = 6  # where this execution's runs stop, at most where the scale's own do

# %% tags=["hide-input"]
import math

import matplotlib.pyplot as plt

from ssllib.evidence import papers
from ssllib.pages import deviation_table, plots
from ssllib.pages import page as pages
from ssllib.pages.recorded import at, final, first, norm_at
from ssllib.runs import experiments

page = pages.begin(
    "training/simclr-norms",
    globals(),
    scale=pages.choice("smoke", "cpu", "gpu"),
    seed=pages.integer(0, 10**6),
    epochs=pages.integer(1, 500),
)

# %% [markdown]
# ## The answer

# %% tags=["hide-input"]
recorded = page.recorded("simclr-arms")
page.answer(
    {
        "Do norms grow?": "norms-grow-simclr",
        "Does the gradient at an embedding fall meanwhile?": "embedding-gradients-fall",
        "Does weight decay raise the accuracy?": "weight-decay-raises-knn-simclr",
        "Does the cut?": "cut-raises-knn-simclr",
        "Does GradScale?": "gradscale-raises-knn-simclr",
    }
)
ends = [
    f"{plots.LABEL[arm]}: norm {recorded.mean(arm, first('norm_projector')):.2f} to "
    f"{recorded.mean(arm, final('norm_projector')):.2f}, k-NN {recorded.mean(arm, final('knn_test')):.1f} %"
    for arm in recorded
    if recorded.numbers(arm, final("knn_test"))
]
if ends:
    pages.say(f"From the start to the end of the runs ({recorded.setting}): " + "; ".join(ends) + ".")

# %% [markdown]
# ## What is trained
#
# **Norms grow.** The gradient of a cosine similarity is orthogonal to the embedding
# ({doc}`/book/theory/cosine-gradient`), so a step of gradient descent can only lengthen it. Three remedies:
#
# - **Weight decay** pulls the embeddings in. (The 2024 paper calls it "$\ell_2$-normalization".)
# - **{term}`Cut-initialization`** divides every parameter by $c$ once, before the first step.
# - **{term}`GradScale`** takes norms out of the gradient: the identity forward, and backward each sample's gradient times
#   $\|z_i\|^p$. The paper gives it a schedule of its own: a sixth of the rate, and a fifth of all epochs (100 of 500) to warm up.
#
# ```python
# from ssllib.cut_init import cut_init_
# from ssllib.gradscale import scale_grad
#
# cut_init_(model, c=3)  # once
# z1, z2 = scale_grad(z1, power=1), scale_grad(z2, power=1)  # at every step
# loss = info_nce(z1, z2, temperature=0.5)
# ```
#
# Four arms: the default, and one for each remedy. Everything else is shared,
# the images, their order and their augmentations included, so that arms can be compared seed by seed.

# %% tags=["hide-input"]
more = {
    "peak rate": recorded.config("lr", ".3g"),
    "weight decay": recorded.config("weight_decay", ".0e"),
    "cut c": recorded.config("cut"),
    "GradScale p": recorded.config("gradscale"),
    "warm-up, epochs": recorded.config("warmup_epochs"),
}
recorded.table({}, caption=f"The arms as recorded: {recorded.setting}.", name="tab-simclr-arms", more=more)
if recorded.missing:
    pages.say("No run yet of: " + "; ".join(plots.LABEL[arm] for arm in recorded.missing) + ".")

# %% [markdown]
# **Is the paper's rate a fair one for a small network?** Before any other arm runs, the default arm alone is trained at the
# paper's rate and at rates around it, on a seed that nothing else uses, and read on held-out images. Where the best one is
# further away than a factor of four, default and cut are trained at that rate, too ({doc}`/book/training/cut-constant`). All other arms keep the paper's rate: by the equations a cut is
# itself a rate, so a default whose rate was tuned has been cut already, and what the papers claim is claimed at their rate. A cosine loss has its own brake: the higher the rate, the longer the
# embeddings become, and the less a step turns them. How far that goes shows in the last column.

# %% tags=["hide-input"]
factors = {"quarter": "a quarter of it", "half": "half of it", "paper": "the paper's rate", "double": "twice", "four": "four times", "sixteen": "sixteen times", "sixty-four": "sixty-four times"}
names = {"simclr": "SimCLR", "simsiam": "SimSiam", "byol": "BYOL"}
rates = page.recorded("rates")
rates.table(
    {"rate": (lambda r: r.config["lr"], 3), **{f"epoch {e}": at("knn_val", e) for e in (1, 4, 8, 16)}}
    | {"norm, end": (norm_at("last"), 1), "rate / norm², end": (lambda r: 1e4 * r.config["lr"] / norm_at("last")(r) ** 2, 1)},
    caption="k-NN accuracy of the default arm on held-out images, by its rate; the norm where the loss acts at the end of epoch 16, and the peak rate over its square, in ten-thousandths.",
    name="tab-simclr-rates",
    labels={f"{m}-{f}": f"{name}, {words}" for m, name in names.items() for f, words in factors.items()},
)
for m, name in names.items():
    tried = {f: rates.mean(f"{m}-{f}", at("knn_val", 16)) for f in factors if rates.numbers(f"{m}-{f}", at("knn_val", 16))}
    if len(tried) > 1:
        best = max(tried, key=tried.get)
        edge = best in (next(iter(tried)), next(reversed(tried)))
        end = "It is the last one tried on its side, so where the best rate lies is not settled." if edge else "Rates on both sides of it do worse."
        pages.say(f"{name}: of the {len(tried)} rates tried {factors[best]} does best at epoch 16. {end}")
        peaks = [r.config["lr"] for f in tried for r in rates[f"{m}-{f}"]]
        turned = [r.config["lr"] / norm_at("last")(r) ** 2 for f in tried for r in rates[f"{m}-{f}"]]
        pages.say(f"Its rates lie a factor of {max(peaks) / min(peaks):.0f} apart; the rates over the squared norms that they end with, a factor of {max(turned) / min(turned):.1f}.")

# %% [markdown]
# ## Recorded evidence
#
# ### Norms and gradients
#
# The norm $\|z\|$ is taken where the loss is applied, at the projector's output, and at the backbone, whose
# features are used afterwards. Epoch 0 is the network before its first step.

# %% tags=["hide-input"] mystnb={"image": {"alt": "Four panels over epochs for the four arms: norm at the projector, norm at the backbone, gradient norm of the parameters, and gradient at the embedding"}, "figure": {"caption": "Norms and gradients during SimCLR training, recorded runs; epochs by powers of two. Lines are means over seeds, bands their range. **Top:** mean norm at the projector (where the loss acts) and at the backbone. **Bottom:** norm of the gradient of all parameters, and the mean gradient that reaches a sample's embedding, behind GradScale where there is one.", "name": "fig-simclr-norms"}}
panels = {
    "norm_projector": "norm at the projector",
    "norm_backbone": "norm at the backbone",
    "grad_norm": "gradient of the parameters",
    "grad_norm_embedding": "gradient at an embedding",
}
fig, axes = plt.subplots(2, 2, figsize=(7.4, 5.2), sharex=True)
recorded.curves(axes, panels, log=True, log_y=True)
plt.show()

# %% tags=["hide-input"]
table1 = papers.load("2406.16468").table("1")
decays = {"default": "5e-6", "weight-decay": "5e-4"}  # the rows of Table 1 that stand nearest to our arms
norms = {arm: f"{table1.value(method='SimCLR', weight_decay=d, metric='norm'):g}" for arm, d in decays.items()}
recorded.table(
    {
        "norm, start": (first("norm_projector"), 2),
        "epoch 1": (at("norm_projector", 1), 2),
        "end": (final("norm_projector"), 2),
        "gradient at an embedding, start": (first("grad_norm_embedding"), 3),
        "end ": (final("grad_norm_embedding"), 3),
    },
    more={"paper, norm": norms},
    caption="Norm at the projector and mean gradient at an embedding: mean (range over seeds), beside the norm that "
    "2406.16468 prints in Table 1 for weight decays of 5e-6 and 5e-4 (a ResNet-50; at which epoch is not printed).",
    name="tab-simclr-norms",
)

# %% [markdown]
# **Before the first step.** The gradient that reaches an embedding is a product: $1/\|z\|$ times the sine of an angle.
# The cut enlarges the first factor. Whether it leaves the second alone is a matter of how far the embeddings agree before
# anything was learned: of the cosine between the two views of an image, and of the loss, which is $\log(2n - 1)$ for a batch
# of $n$ images when all embeddings point the same way ({term}`collapse`). And a weight that feeds a batch norm can be
# divided by $c$ without any change of what leaves the batch norm; its gradient grows by $c$, and a step of
# the same rate turns it $c^2$ times as far. So the cut may change more than norms;
# {doc}`/book/training/cut-initialization` takes it apart.

# %% tags=["hide-input"]
columns = {
    "norm": (first("norm_projector"), 2),
    "cosine of the views": (first("alignment"), 3),
    "loss": (first("loss"), 3),
    "gradient at an embedding": (first("grad_norm_embedding"), 3),
    "gradient of the parameters": (first("grad_norm"), 2),
}
batch = recorded.all[0].config["batch_size"] if recorded else None
recorded.only("default", "cut", "gradscale").table(
    columns,
    caption="Before the first step, at the projector: mean over the seeds."
    + (f" At collapse the loss is {math.log(2 * batch - 1):.3f}." if batch else ""),
    name="tab-simclr-start",
    plain=list(columns),
)

# %% [markdown]
# A large norm does not only shrink the gradient. A step of a given length also turns a long vector less. If the rate
# is $\gamma$ and the gradient is $\sin\phi/\|z\|$, then an embedding moved freely would turn by
# $\gamma \sin\phi / \|z\|^2$: one factor from the gradient, one from the geometry. The papers speak of the
# {term}`effective learning rate` without saying which is meant, so both readings are drawn.

# %% tags=["hide-input"] mystnb={"image": {"alt": "Two panels over epochs: learning rate divided by the norm, and by the squared norm, for the four arms"}, "figure": {"caption": "The effective learning rate in both readings, rate/norm (left) and rate/norm² (right), with the norm at the projector. For GradScale with $p = 1$ the first factor is cancelled, so its rate/norm² is not what its embeddings feel: rate/norm is.", "name": "fig-simclr-rate"}}
fig, axes = plt.subplots(1, 2, figsize=(7.4, 3.0), sharex=True)
recorded.curves(axes, {"eff_lr": "rate / norm", "eff_lr2": "rate / norm²"}, log=True, log_y=True)
plt.show()

# %% tags=["remove-input"]
page.card(
    "norms-grow-simclr", "weight-decay-shrinks-norms-simclr", "cut-starts-smaller-simclr", "cut-ends-smaller-simclr",
    "small-norms-large-gradients", "small-norms-large-embedding-gradients", "embedding-gradients-fall",
    "cut-keeps-gradients-large", "question-norm-growth-tracked",
)

# %% [markdown]
# ### Accuracy
#
# Does the representation get better sooner? The {term}`k-NN accuracy` on the way is measured on training images
# held out for the purpose; the test set is read once, at the end.

# %% tags=["hide-input"] mystnb={"image": {"alt": "k-NN accuracy on held-out images over epochs for the four arms, at the backbone and at the projector"}, "figure": {"caption": "k-NN accuracy (k = 200, weights exp(cos/0.1)) on held-out images, from backbone features (left) and from projector embeddings (right); epochs by powers of two. Epoch 0 is the untrained network.", "name": "fig-simclr-knn"}}
fig, axes = plt.subplots(1, 2, figsize=(7.4, 3.2), sharex=True)
recorded.curves(axes, {"knn_val": "backbone", "knn_projector_val": "projector"}, log=True)
axes[0].set_ylabel("k-NN accuracy (%)")
plt.show()

# %% tags=["hide-input"]
table2, table3 = papers.load("2502.09252").table("2"), papers.load("2406.16468").table("3")
at_100 = {a: table3.value(method="SimCLR", arm=a, dataset="CIFAR-10", epoch=100) for a in ("default", "cut")}
at_100["weight-decay"] = table1.value(method="SimCLR", weight_decay="5e-4", metric="knn")
at_500 = {a: table2.value(method="SimCLR", arm=a, dataset="CIFAR-10") for a in ("default", "cut", "gradscale")}
held_out = {f"epoch {e}": at("knn_val", e) for e in [0, *recorded.epochs] if e <= 16}
arms = [arm for arm in recorded if arm != "default"]
gain = {arm: pages.mean_range(recorded.paired(arm, "default", final("knn_test")), 1, sign="+") for arm in arms}
recorded.table(
    held_out | {"test": final("knn_test"), "test, k = 10": final("knn10_test")},
    more={
        "less default": gain,
        "paper, epoch 100": {arm: f"{v:.1f}" for arm, v in at_100.items()},
        "epoch 500": {arm: f"{v:.1f}" for arm, v in at_500.items()},
    },
    plain=[*held_out, "test, k = 10"],
    caption="k-NN accuracy (percent): on held-out images on the way (means), on the test set at the end, mean (range over "
    "seeds), and its gain over the default seed by seed; beside the papers' on CIFAR-10 with a ResNet-50 (2406.16468 Table 3, "
    "and Table 1 for weight decay, whose epoch is not printed; 2502.09252 Table 2).",
    name="tab-simclr-knn",
)

# %% tags=["hide-input"]
later = page.recorded("simclr-arms", arms=("default", "cut")) if recorded else recorded
if later.end > recorded.end:
    later.table(
        {"norm, end": (final("norm_projector"), 2), "k-NN test": final("knn_test"), "k = 10": final("knn10_test")},
        more={"paper, epoch 100": {arm: f"{v:.1f}" for arm, v in at_100.items()}},
        caption=f"Longer runs of the first two arms that have them: {later.setting}. Mean (range over seeds).",
        name="tab-simclr-later",
    )

# %% tags=["remove-input"]
page.card("weight-decay-raises-knn-simclr", "cut-raises-knn-simclr", "cut-raises-knn-simclr-full", "gradscale-raises-knn-simclr")

# %% [markdown]
# ## This execution
#
# The same arms, three of them, run now at the scale of the parameters above. At `smoke` scale the pictures are
# small patterns that the library draws itself, so what this shows is that the machinery works, not what CIFAR does.

# %% tags=["hide-cell", "nbval-ignore-output"] mystnb={"image": {"alt": "This machine's own run, two panels over epochs for three arms: norm at the projector, and k-NN accuracy on held-out images"}}
last = min(epochs, experiments.get("simclr-arms").cell(scale, "default").config.epochs)
live = {
    arm: [page.run("simclr-arms", arm, seed=seed, scale=scale, epochs=last)]
    for arm in ("default", "cut", "gradscale")
}
fig, axes = plt.subplots(1, 2, figsize=(7.4, 3.0))
plots.curves(axes[0], live, "norm_projector")
plots.curves(axes[1], live, "knn_val")
axes[0].set_title(f"norm at the projector, {scale} scale")
axes[1].set_title("k-NN on held-out images (%)")
for ax in axes:
    ax.set_xlabel("epoch")
plots.legend(fig)
plt.show()
pages.table(
    [
        [plots.LABEL[a], r.status, r.history[0]["norm_projector"], r.column("norm_projector")[-1], r.column("knn_val")[0],
         r.column("knn_val")[-1]]
        for a, (r,) in live.items()
    ],
    ["arm", "status", "norm, epoch 0", "norm, end", "k-NN untrained", "k-NN, end"],
)  # fmt: skip
assert live["cut"][0].history[0]["norm_projector"] < live["default"][0].history[0]["norm_projector"] / 3
assert live["default"][0].column("norm_projector")[-1] > live["default"][0].history[0]["norm_projector"]

# %% [markdown]
# ## What differs, and why it may matter
#
# Computed from the declared runs and the papers' settings (`data/papers`), with the reason for each (`data/deviations.yml`).

# %% tags=["remove-input"]
pages.show(deviation_table.markdown("simclr-arms", recorded.scale))

# %% [markdown]
# - **Where the norms start.** How much there is to cut or to decay depends on it: {numref}`tab-simclr-knn` shows where ours begin, and whether a remedy helps cannot be read without that column.
# - **Epoch 100** in the papers is a snapshot on the way to epoch 500, with the rate still at nine tenths of its peak. Ours are on the same schedule: a run that stops sooner is the start of a long one, not a short one annealed.
# - **The rate as run.** In the released code the peak rate is the *square* of the one stated (0.36 instead of 0.6), and GradScale's sixth becomes a thirty-sixth. Here the stated rates are used.
# - **Earlier records.** The first records at `cpu` scale (a head of 64 units without batch norm, 12 warm-up steps, a fifth of CIFAR) were retired on 2026-11-25: they were another regime than the papers'.
# - **The loss.** The papers' Eq. 1 is used, with a temperature of 0.5 as in the code. The released code compares one view with the other in one direction only, and leaves the positive out of the denominator.
#
# No setting on this page was chosen by its outcome.

# %% tags=["remove-input", "nbval-ignore-output"]
page.cost()

# %% [markdown]
# ## Run it yourself

# %% tags=["remove-input"]
page.papermill(scale="cpu", epochs=4, seed=7)
