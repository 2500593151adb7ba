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
# # In your own training
#
# This page tests no claim. It puts the three tools of `ssllib` that fit into anybody's training, a norm monitor, {term}`GradScale` and {term}`cut-initialization`, into
# a loop of plain PyTorch: a network, an optimiser and a loss that know nothing of this book. Copy what you need; it takes `pip install .` in a checkout, which
# brings PyTorch and NumPy only.

# %% tags=["parameters"]
power = 1.0  # GradScale's exponent p, from 0 (off) to 4
cut = 3.0  # divide every parameter by this once, before the first step
rate = 0.3  # of SGD, without weight decay
steps = 80
seed = 0

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
import numpy as np

from ssllib.pages import page as pages
from ssllib.pages import plots

page = pages.begin(
    "training/your-own",
    globals(),
    power=pages.number(0, 4),
    cut=pages.number(0.1, 100),
    rate=pages.number(1e-4, 10),
    steps=pages.integer(10, 10_000),
    seed=pages.integer(0, 10**6),
)

# %% [markdown]
# ## A network and a loop
#
# A small network of the usual parts, and SimCLR's loss written out in four lines, as one finds it in many repositories. The images are `shapes`, which the library makes on the spot; any
# tensor of images would do.

# %%
import torch
from torch import nn
from torch.nn import functional as F

from ssllib.augment import augment
from ssllib.engine.data.shapes import shapes

images = shapes(1024, seed).images  # (1024, 3, 32, 32), bytes


def network():
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, 2, 1), nn.BatchNorm2d(16), nn.ReLU(),
        nn.Conv2d(16, 32, 3, 2, 1), nn.BatchNorm2d(32), nn.ReLU(),
        nn.AdaptiveAvgPool2d(2), nn.Flatten(),
        nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 64),
    )  # fmt: skip


def nt_xent(z1, z2, temperature=0.5):
    z = F.normalize(torch.cat([z1, z2]), dim=1)
    logits = (z @ z.T / temperature).fill_diagonal_(-torch.inf)
    n = len(z1)
    positive = torch.cat([torch.arange(n, 2 * n), torch.arange(n)])
    return F.cross_entropy(logits, positive)


def fit(model, rate=rate):
    """Train for `steps` batches of 64; each step's loss and gradient norm."""
    optimizer = torch.optim.SGD(model.parameters(), rate, momentum=0.9)
    g = torch.Generator().manual_seed(seed)
    history = []
    for _ in range(steps):
        batch = images[torch.randint(len(images), (64,), generator=g)]
        one = augment(batch, g, crop_min=0.5, jitter=0.6, gray=0.5)
        two = augment(batch, g, crop_min=0.5, jitter=0.6, gray=0.5)
        z1, z2 = model(torch.cat([one, two])).chunk(2)
        loss = nt_xent(z1, z2)
        optimizer.zero_grad()
        loss.backward()
        grads = [p.grad for p in model.parameters()]
        gradient = nn.utils.get_total_norm(grads)
        history.append((loss.item(), gradient.item()))
        optimizer.step()
    return history


# %% [markdown]
# ## Watch the norms
#
# `NormMonitor` hooks into a module and keeps the mean norm of each forward pass's output, without waiting for a GPU. Put it on whatever the loss normalises: SimCLR's projector, SimSiam's and BYOL's predictor.

# %% tags=["nbval-ignore-output"]
from ssllib.norms import NormMonitor

model = network()
monitor = NormMonitor(model)
runs = {"as it is": (monitor, fit(model))}
monitor.remove()
first, *_, last = monitor.means
print(f"mean norm, first and last: {first:.2f}, {last:.2f}")

# %% [markdown]
# ## GradScale: one layer at the end
#
# Forward it is the identity; backward it multiplies each sample's gradient by $\|z\|^p$. The loss and the rest of the loop stay as they are, but **the rate has to be chosen anew**.
# With $p = 1$ the factor cancels the $1/\|z\|$ of {doc}`/book/theory/cosine-gradient`, and that factor was also a brake: as norms grow, steps shrink. 2502.09252 takes a sixth
# of the rate and a longer warm-up; here are a sixth of it, and the same rate, to see the difference.

# %% tags=["nbval-ignore-output"]
from ssllib.gradscale import GradScale

for name, chosen in (("rate / 6", rate / 6), ("same rate", rate)):
    model = nn.Sequential(network(), GradScale(power=power))
    monitor = NormMonitor(model)
    runs[f"GradScale, {name}"] = monitor, fit(model, chosen)
    first, *_, last = monitor.means
    print(f"{name}: mean norm, first and last: {first:.2f}, {last:.2f}")

# %% [markdown]
# ## Cut-initialization: one line before the first step

# %%
from ssllib.cut_init import cut_init_

model = cut_init_(network(), c=cut)
monitor = NormMonitor(model)
runs[f"cut, c = {cut:g}"] = monitor, fit(model)

# %% tags=["hide-input"] mystnb={"image": {"alt": "Three panels against the step: mean embedding norm, norm of the gradient of all parameters, loss, with a line each for the plain run, GradScale at two rates, and the cut."}, "figure": {"caption": "What the monitor and the loop saw: mean embedding norm, norm of the parameters' gradient, loss. One seed of a tiny run: it shows that the tools work, not which of them is better.", "name": "fig-your-own"}}
fig, axes = plt.subplots(1, 3, figsize=(9.4, 2.9), layout="constrained")
for (label, (watched, history)), color in zip(runs.items(), (plots.BLUE, plots.ORANGE, plots.RED, plots.GREEN), strict=True):
    losses, gradients = zip(*history, strict=True)
    for ax, values in zip(axes, (watched.means, gradients, losses), strict=True):
        _ = ax.plot(values, color=color, lw=1.4, label=label)
for ax, title in zip(axes, ("mean norm of the embeddings", "norm of the parameters' gradient", "loss"), strict=True):
    _ = ax.set(title=title, xlabel="step")
    if title != "loss":
        _ = ax.set_yscale("log")
        _ = ax.set_ylim(0.05, 300)  # what runs away leaves the picture
_ = axes[0].legend(fontsize=8)

# %% tags=["remove-input", "nbval-ignore-output"]
ended = {label: np.mean([loss for loss, _ in history[-10:]]) for label, (_, history) in runs.items()}
pages.say(
    "Mean loss of the last ten steps: "
    + "; ".join(f"{label}: " + ("**diverged** (not a number)" if np.isnan(x) else f"{x:.2f}") for label, x in ended.items())
    + ". Where GradScale diverges, nothing damps the growth of norms and gradients any more. A cut starts with small norms, but also with weights that are smaller everywhere, which can slow the first steps."
)

# %% [markdown]
# ## What to rely on
#
# Three properties, checked now on the last network:

# %%
z = model(torch.rand(8, 3, 32, 32)).detach()
plain, scaled = z.clone().requires_grad_(), z.clone().requires_grad_()
nt_xent(*plain.chunk(2)).backward()
through = GradScale(power=power)(scaled)
nt_xent(*through.chunk(2)).backward()
norms = z.norm(dim=1, keepdim=True)

# nothing changes on the way forward, and only the length on the way back
assert torch.equal(through, z)
assert torch.allclose(scaled.grad, norms**power * plain.grad, rtol=1e-5)

# the cut divides every parameter, biases included
pairs = zip(network().parameters(), cut_init_(network(), c=cut).parameters())
assert all(torch.allclose(whole, cut * divided) for whole, divided in pairs)
print("all three held")

# %% [markdown]
# Also of use by themselves: `ssllib.norms` (effective rank, uniformity, alignment, AUROC of the norm as a sign of unfamiliar data), `ssllib.engine.evaluation.knn` ({term}`k-NN accuracy` in the papers' protocols), `ssllib.losses` and
# `ssllib.augment` (batched, on the device). {doc}`cut-initialization` says when a cut does harm, {doc}`simclr-norms` what each of the three did where it was measured.

# %% tags=["remove-input"]
page.papermill()
