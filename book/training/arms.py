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
# # Default, cut and GradScale over data sets
#
# The later paper's main table sets two remedies against the default: {term}`cut-initialization`, which starts with short embeddings, and {term}`GradScale`, which takes
# the norm out of the gradient. GradScale comes with a rate and a warm-up of its own. So two questions are asked here: do the remedies help on more than one data set and method, and is it GradScale's power that helps, or its schedule?

# %% tags=["parameters"]
scale = "smoke"  # or "cpu" (real CIFAR-10, minutes a run) or "gpu"
seed = 0  # of this execution's runs
epochs = 2  # where this execution's runs stop, at most where the scale's own do

# %% tags=["hide-input"]
import math

import matplotlib.pyplot as plt
import torch

from ssllib.engine import data, methods
from ssllib.engine.step import forward_backward
from ssllib.engine.views import Generators
from ssllib.evidence import papers
from ssllib.pages import deviation_table, plots
from ssllib.pages import page as pages
from ssllib.pages.recorded import at, final, first, norm_at, place
from ssllib.runs import experiments

page = pages.begin(
    "training/arms",
    globals(),
    scale=pages.choice("smoke", "cpu", "gpu"),
    seed=pages.integer(0, 10**6),
    epochs=pages.integer(1, 500),
)
METHODS = {"simclr": "SimCLR", "simsiam": "SimSiam", "byol": "BYOL"}
ARMS = {"default": "default", "cut": "cut", "gradscale": "GradScale"}

# %% tags=["hide-cell"]
EXPERIMENTS = {
    ("CIFAR-10", "simclr"): "simclr-arms", ("CIFAR-10", "simsiam"): "simsiam-arms", ("CIFAR-10", "byol"): "byol-arms",
    ("CIFAR-100", "simclr"): "simclr-arms-cifar100", ("CIFAR-100", "simsiam"): "simsiam-arms-cifar100", ("CIFAR-100", "byol"): "byol-arms-cifar100",
    ("ImageNet-100", "simclr"): "simclr-arms-imagenet100", ("ImageNet-100", "simsiam"): "simsiam-arms-imagenet100",
    ("ImageNet-100", "byol"): "byol-arms-imagenet100",
    ("Flowers", "simclr"): "simclr-arms-flowers", ("Flowers", "simsiam"): "simsiam-arms-flowers", ("Flowers", "byol"): "byol-arms-flowers",
    ("Imagenette", "simclr"): "simclr-arms-imagenette", ("Imagenette", "simsiam"): "simsiam-arms-imagenette",
}  # fmt: skip
recorded = {key: page.recorded(name, arms=tuple(ARMS)) for key, name in EXPERIMENTS.items()}

# %% [markdown]
# ## The answer

# %% tags=["hide-input"]
powers = page.recorded("gradscale")
page.answer(
    {
        "Does the cut end higher, over data sets?": "cut-final-accuracy",
        "Does SimCLR end higher with GradScale?": "gradscale-final-accuracy",
        "Is it the power? (p = 1 against p = 0 at the same rate and warm-up.)": "control-gradscale-power",
        "Does p = 2 do more than p = 1?": "control-gradscale-p2",
        "Does GradScale fail where nothing repels?": "gradscale-fails-non-contrastive",
    }
)
for arm, label in (("cut", "The cut"), ("gradscale", "GradScale")):
    gains = [found for part in recorded.values() if (found := part.paired(arm, "default", final("knn_test")))]
    means = [sum(found) / len(found) for found in gains]
    if means:
        above = sum(mean > 0 for mean in means)
        pages.say(f"{label} ends above the default in the mean over seeds in {above} of {len(means)} pairs of data and method, by {pages.mean_range(means, 1, sign='+')} points.")

# %% [markdown]
# ## The papers' table beside ours
#
# Flowers here is the official test split for training, at 64 x 64 pixels on a CPU: the 2024 paper's "Modified Flowers" cannot be rebuilt from what is published. Imagenette, ten
# classes of ImageNet at 64 x 64, is not among the papers' data sets; it stands in where ImageNet-100 is too large.

# %% tags=["hide-input"]
table2, table3 = papers.load("2502.09252").table("2"), papers.load("2406.16468").table("3")


def printed(table, **where):
    """A printed number of a paper, or nothing where the table has no such cell."""
    known = all(value in table.keys()[part] for part, value in where.items())
    return "; ".join(cell.printed for cell in table.cells(**where)) if known else ""


rows = []
for (d, m), part in recorded.items():
    for arm, label in ARMS.items():
        where = {"method": METHODS[m], "arm": arm, "dataset": d}
        told = [printed(table3, **where, epoch=100), printed(table3, **where, epoch=500), printed(table2, **where)]
        ours = part.numbers(arm, final("knn_test"))
        diverged = any(r.status == "diverged" for r in part.get(arm, ()))
        if ours or diverged or any(told):
            gain = pages.mean_range(part.paired(arm, "default", final("knn_test")), 1, sign="+") if arm != "default" else ""
            shown = pages.mean_range(ours, 1, none="diverged" if diverged else "–")
            rows.append([d, f"{METHODS[m]}, {label}", shown, gain, part.end if ours else "", *told])
pages.table(
    rows,
    ["data", "arm", "ours", "less default", "epoch", "2024: 100", "500", "2025: 500"],
    caption="k-NN accuracy on test images (percent): ours, mean (range over seeds), and its gain over the default seed by seed; beside it the printed numbers of "
    "2406.16468 Table 3 at epochs 100 and 500, and of 2502.09252 Table 2 at epoch 500, with a ResNet-50. The cut is c = 3 in SimCLR, 9 in the others.",
    name="tab-arms",
)

# %% tags=["hide-input"]
settings = [f"- {METHODS[m]} on {d}: {part.setting}." for (d, m), part in recorded.items() if part]
if settings:
    pages.say("Ours are:\n\n" + "\n".join(settings))

# %% [markdown]
# The two papers share most of these cells and differ in a few ({doc}`/book/arithmetic/against-each-other`). "01.0" is chance among 100 classes: the paper's word is that GradScale "failed to converge" there.

# %% tags=["remove-input"]
page.card("cut-final-accuracy", "gradscale-final-accuracy", "gradscale-fails-imagenet100", "gradscale-fails-non-contrastive")
page.card("values-2502-table-2-simclr", "values-2502-table-2-simsiam")

# %% [markdown]
# ## GradScale: the power or the schedule?
#
# **What the equations say.** For a free point, $p = 1$ takes one of two powers of the norm out of a step, and $p = 2$ both ({doc}`/book/simulations/norm-and-angle`). A network is not a
# free point. If all norms in a batch are near $\rho$, then every row of the gradient at the embeddings is multiplied by the same number, and so is everything behind it:
#
# $$\nabla_\theta L \;\longrightarrow\; \rho^p\, \nabla_\theta L \qquad\text{for all parameters } \theta,$$
#
# which is a *rate* times $\rho^p$. What is left of GradScale is then (i) a rate that follows the mean norm, and (ii) a larger weight for images with a longer embedding. Three predictions:
#
# 1. Before the first step the gradient of all parameters is $\bar\rho^{\,p}$ times the default's and points the same way.
# 2. At a sixth of the rate $p = 1$ steps as the default does where the norm is 6, and less far below. During the long warm-up (100 epochs instead of 10) it is less again: at epoch 16, a norm of $6 \cdot 100/16 = 37.5$ would be needed.
# 3. At the schedule's rate alone ($p = 0$) training is slow early, so what $p = 1$ adds to *that* is a higher rate, if norms are above 1.
#
# Where the norm of the embedding acts, and where it does not, is worked out in {doc}`/book/training/cut-constant`.
#
# The first prediction, on the networks that are trained for this page (pictures drawn by the library, 64 a batch, before the first step):

# %% tags=["hide-input"]
pictures = data.load(experiments.get("simclr-arms").cell("smoke", "default").config).train


def gradient(config):
    torch.manual_seed(0)
    model = methods.build(config).train()
    seen = forward_backward(model, pictures, torch.arange(64), config, Generators(config, 0, torch.device("cpu")))
    flat = torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])
    return flat, float(seen[f"norm_{model.embedding}"]), float(seen[f"norm_{model.embedding}_cv"])


rows, norm_of = [], {}
for m in ("simclr", "simsiam"):
    config = experiments.get(f"{m}-arms").cell("cpu", "default").config
    config = config.replace(dataset="shapes", precision="fp32", batch_size=64, micro_batch=0)
    usual, norm, cv = gradient(config)
    norm_of[m] = norm
    for p in (1, 2):
        scaled, *_ = gradient(config.replace(gradscale=float(p)))
        ratio, cosine = float(scaled.norm() / usual.norm()), float(torch.cosine_similarity(scaled, usual, dim=0))
        rows.append([METHODS[m], p, f"{norm:.2f}", f"{100 * cv:.0f} %", f"{norm**p:.2f}", f"{ratio:.2f}", f"{cosine:.3f}"])
        assert cosine > 0.9 and abs(math.log(ratio / norm**p)) < 0.3, "GradScale is a rate at the start"
pages.table(
    rows,
    ["method", "p", "mean norm ρ", "its spread (CV)", "predicted: ρ^p", "gradient of all parameters, over the default's", "cosine to the default's"],
    caption="What GradScale does to the gradient of all parameters before the first step.",
    name="tab-gradscale-start",
)
told = " and ".join(f"{norm / 6:.1f} times the default's in {METHODS[m]}" for m, norm in norm_of.items())
pages.say(f"With a sixth of the rate, the first step of p = 1 after its warm-up would so be {told}, if norms were still what they are here.")

# %% [markdown]
# **The arms.** The default; GradScale as the paper has it; its schedule without it ($p = 0$); $p = 1$ at a third of the rate, at the full rate, and with the default's warm-up; and $p = 2$.

# %% tags=["hide-input"]
NAMED = {
    "default": "default", "p0-schedule": "p = 0, GradScale's schedule", "p1": "p = 1, as published", "p1-third": "p = 1, a third of the rate",
    "p1-full": "p = 1, full rate", "p1-short": "p = 1, short warm-up", "p2": "p = 2",
}  # fmt: skip
TINT = {
    "p0-schedule": plots.BLUE, "p1": plots.GREEN, "p1-third": plots.SKY, "p1-full": plots.ORANGE, "p1-short": plots.RED, "p2": plots.PURPLE,
}  # fmt: skip


def as_rate(r):
    """The rate at the end of a run times the mean norm to the power p: what GradScale is, if norms are alike."""
    row = r.history[-1]
    return row["lr"] * row[f"norm_{place(r)}"] ** r.config["gradscale"]


by_method = {m: powers.under(f"{m}-") for m in ("simclr", "simsiam")}
for m, part in by_method.items():
    if part:
        usual = part.mean("default", as_rate)
        early = {f"epoch {e}": at("knn_val", e) for e in part.epochs if e in (4, 16)}
        columns = {"norm, start": (norm_at(0), 2), "end": (norm_at("last"), 2), "gradient of the parameters, start": (first("grad_norm"), 2)}
        more = {
            "rate · norm^p at the end, over the default's": {arm: f"{part.mean(arm, as_rate) / usual:.2g}" for arm in part},
            "less default": {a: pages.mean_range(part.paired(a, "default", final("knn_test")), 1, sign="+") for a in part if a != "default"},
            "less p = 0": {a: pages.mean_range(part.paired(a, "p0-schedule", final("knn_test")), 1, sign="+") for a in part if a != "p0-schedule"},
        }
        part.table(
            columns | early | {"test": final("knn_test")},
            labels=NAMED,
            plain=[*columns, *early],
            more=more,
            caption=f"{METHODS[m]}, GradScale and its controls ({part.setting}): norm where the loss acts; k-NN accuracy (percent) on held-out images on the way (means) and on the "
            "test set at the end, mean (range over seeds), with its differences seed by seed.",
            name=f"tab-gradscale-{m}",
        )

# %% tags=["hide-input"] mystnb={"image": {"alt": "Two rows of two panels over epochs, for SimCLR and SimSiam: norm where the loss acts, and k-NN accuracy, for the default, GradScale with p = 0, 1 and 2, and p = 1 on other schedules"}, "figure": {"caption": "Norm where the loss acts (top) and k-NN accuracy on held-out images (bottom) with GradScale and its controls; epochs by powers of two. Lines are means over seeds, bands their range.", "name": "fig-gradscale"}}
fig, axes = plt.subplots(2, 2, figsize=(7.4, 5.2), sharex="col")
for (m, part), (top, bottom) in zip(by_method.items(), axes.T, strict=True):
    where = "projector" if m == "simclr" else "predictor"
    part.curves(top, {f"norm_{where}": METHODS[m]}, log=True, log_y=True, legend=False, colors=TINT, labels=NAMED)
    part.curves(bottom, {"knn_val": ""}, log=True, legend=False, colors=TINT, labels=NAMED)
    top.set_xlabel("")
axes[0, 0].set_ylabel("norm")
axes[1, 0].set_ylabel("k-NN accuracy (%)")
plots.legend(fig, ncols=3)
plt.show()

# %% tags=["remove-input"]
page.card("gradscale-changes-gradients", "gradscale-needs-schedule", "control-gradscale-power", "control-gradscale-schedule")
page.card("control-gradscale-p2", "control-gradscale-rate", "gradscale-warm-up-matters")

# %% [markdown]
# ## This execution
#
# SimCLR by default and with GradScale on its own schedule, run now at the scale of the parameters above. At `smoke` scale this shows that the machinery works,
# not what CIFAR does.

# %% tags=["hide-cell", "nbval-ignore-output"] mystnb={"image": {"alt": "This machine's own run, two panels over epochs for SimCLR by default and with GradScale: norm at the projector, and k-NN accuracy on held-out images"}}
last = min(epochs, experiments.get("simclr-arms").cell(scale, "default").config.epochs)
live = {arm: [page.run("simclr-arms", arm, seed=seed, scale=scale, epochs=last)] for arm in ("default", "gradscale")}
fig, axes = plt.subplots(1, 2, figsize=(7.4, 3.0))
for ax, metric, title in zip(axes, ("norm_projector", "knn_val"), (f"norm at the projector, {scale} scale", "k-NN on held-out images (%)"), strict=True):
    plots.curves(ax, live, metric)
    ax.set_title(title)
    ax.set_xlabel("epoch")
plots.legend(fig)
plt.show()
before = {arm: r.history[0] for arm, (r,) in live.items()}
pages.table(
    [[plots.LABEL[a], r.status, before[a]["norm_projector"], before[a]["grad_norm"], as_rate(r), r.column("knn_val")[-1]] for a, (r,) in live.items()],
    ["arm", "status", "norm, epoch 0", "gradient of the parameters, epoch 0", "rate · norm^p, end", "k-NN, end"],
)
ratio = before["gradscale"]["grad_norm"] / before["default"]["grad_norm"]
assert abs(math.log(ratio / before["default"]["norm_projector"])) < 0.3, "with p = 1 the gradient grows by the mean norm"

# %% [markdown]
# ## What differs, and why it may matter
#
# Computed from the declared runs and the papers' settings (`data/papers`), with the reason for each (`data/deviations.yml`).

# %% tags=["remove-input"]
pages.show(deviation_table.markdown(["simclr-arms", "simsiam-arms", "byol-arms", "gradscale"], powers.scale))

# %% [markdown]
# - **Where a run stops.** GradScale warms up over 100 epochs. A run that stops at epoch 16 sees the first sixth of that alone, at a small part of the rate: it says little about epoch 500, which the claims are made for.
# - **The schedule was not searched.** The paper: "This was the first relatively stable schedule which we found for the p=1 setting and we performed no additional tuning." Ours is the same one, and three beside it.
# - **The rate as run.** In the released code the peak rate is the *square* of the one stated, so GradScale's sixth becomes a thirty-sixth. Here the stated rates are used; {doc}`/book/training/simclr-norms` has more on it.
#
# No setting on this page was chosen by its outcome.

# %% tags=["remove-input", "nbval-ignore-output"]
page.cost()

# %% [markdown]
# ## Run it yourself

# %% tags=["remove-input"]
page.papermill(scale="cpu", epochs=4, seed=7)
