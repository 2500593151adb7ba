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
# # The shortest and the longest of each class
#
# Figure S6 of {cite:t}`draganov2025norms` shows, for each class of CIFAR-10, the ten test images with the highest and the ten with the lowest norms, and finds the
# first prototypical and the second obscure. {cite:t}`kirchhof2022` had shown such rows before. Two rows of pictures invite the eye to agree, so
# this page puts a number beside them: do people agree less about the images with the lowest norms?

# %% tags=["parameters"]
seed = 0  # of this execution's runs
images = 5  # shown of each class at each end

# %% tags=["hide-input"]
import math

import matplotlib.pyplot as plt
import torch

from ssllib import norms
from ssllib.engine.data import human_labels, shapes
from ssllib.engine.evaluation import confidence
from ssllib.pages import deviation_table
from ssllib.pages import page as pages
from ssllib.pages.recorded import final

page = pages.begin(
    "confidence/exemplars",
    globals(),
    seed=pages.integer(0, 10**6),
    images=pages.integer(1, 10),
)

# %% [markdown]
# ## The answer

# %% tags=["remove-input"]
page.answer(
    {
        "Do people agree less about the images with the lowest norms?": "exemplars-high-norm-prototypical",
    }
)

# %% [markdown]
# "Prototypical" is in the eye of the beholder. About 51 people have named each test image (CIFAR-10-H {cite}`peterson2019cifar10h`); where
# they all agree, the entropy of their votes is 0, where half say *cat* and half say *dog* it is $\log 2 \approx 0.69$ nats. As ends are taken
# *within* each class, classes that people find hard do not count against classes that they find easy.
#
# ## Recorded evidence

# %% tags=["hide-input"]
NAMES = {
    "simclr-cifar10": "SimCLR", "simsiam-cifar10": "SimSiam", "untrained-cifar10": "untrained",
    "untrained-simsiam-cifar10": "untrained (SimSiam)",
}  # fmt: skip
recorded = page.recorded("human-labels", arms=tuple(NAMES))


def overall(r):
    """Mean entropy over the images of all bins."""
    _, count, value = r.arrays["bins_entropy"].T
    return float((count * value).sum() / count.sum())


lowest, highest = final("entropy_lowest10"), final("entropy_highest10")


def differ(r):
    return lowest(r) - highest(r)


recorded.table(
    {"10 lowest": (lowest, 3), "10 highest": (highest, 3), "difference": (differ, 3), "all images": (overall, 3)},
    labels=NAMES,
    caption="Mean entropy (nats) of people's votes on the 10 test images of each class with the lowest and with the highest norms, and on all test images but those "
    f"in bins of 50 or fewer. Recorded: {recorded.setting}. Mean (range over seeds).",
    name="tab-exemplars",
)
if recorded.missing:
    pages.say("No run yet of: " + ", ".join(NAMES[arm] for arm in recorded.missing) + ".")
differences = {arm: recorded.numbers(arm, differ) for arm in recorded}
trained, start = ([x for arm, found in differences.items() if arm.startswith("untrained") is at_start for x in found] for at_start in (False, True))
if trained:
    text = f"In {sum(x > 0 for x in trained)} of {len(trained)} trained runs people agree less on the images with the lowest norms"
    if start:
        text += f"; in {sum(x > 0 for x in start)} of {len(start)} they do so with a network untrained"
    pages.say(text + ". Each mean is over 100 images, and the few that people dispute weigh most in it.")

# %% [markdown]
# *Untrained* is a network with the weights that it starts with, SimCLR's or SimSiam's. A difference that it shows too is due to the images and the architecture
# (brightness or contrast may lengthen an embedding in any network), not to what was learned.

# %% tags=["remove-input"]
page.card("exemplars-high-norm-prototypical")

# %% [markdown]
# ## This execution: pictures
#
# No photograph of CIFAR is shown in this book. Instead SimCLR on `shapes`, run now, looks at 1,024 blends of two patterns each; the weaker has a share from 0 to one half. A
# prototype is then an image with next to nothing of a second pattern. The same for the network untrained.

# %% tags=["hide-cell", "nbval-ignore-output"]
live = {n: page.run("human-labels", f"{n}-shapes", seed=seed, scale="smoke") for n in ("simclr", "untrained")}
data, said = confidence.blends()
doubt = human_labels.entropy(said["votes"])
ends = {n: norms.extremes(torch.tensor(r.arrays["norm_blends"]), data.labels, data.classes, images) for n, r in live.items()}

# %% tags=["hide-input", "nbval-ignore-output"] mystnb={"image": {"alt": "Two blocks of small pictures of patterns, a row for each of eight classes: those with the lowest norms and those with the highest norms"}, "figure": {"caption": "Blends of `shapes` with the lowest (left) and the highest norms (right) of each class, by SimCLR trained in this execution. Which block looks more like eight clean patterns? The table below says what the simulated annotators said.", "name": "fig-exemplars"}}
fig, axes = plt.subplots(1, 2, figsize=(7.4, 5.4))
for ax, index, title in zip(axes, ends["simclr"], ("lowest norms", "highest norms"), strict=True):
    rows = data.images[index].permute(0, 3, 1, 4, 2)  # class, y, image, x, colour
    _ = ax.imshow(rows.reshape(32 * data.classes, 32 * images, 3).numpy(), interpolation="nearest", aspect="equal")
    ax.set_title(title)
    ax.set_xticks([])
    ax.set_yticks([16 + 32 * i for i in range(data.classes)], shapes.NAMES if index is ends["simclr"][0] else [""] * 8)
    ax.grid(visible=False)
    ax.spines[:].set_visible(False)
plt.show()

# %% tags=["hide-input", "nbval-ignore-output"]
contrast = data.images.float().std(dim=(2, 3)).mean(dim=1)
pages.table(
    [
        [n, *(f"{value[index].mean():.{digits}f}" for value, digits in ((doubt, 2), (contrast, 0)) for index in ends[n])]
        for n in live
    ],
    ["network", "entropy, lowest", "entropy, highest", "contrast, lowest", "contrast, highest"],
    caption="Mean over the images at each end: entropy of fifty simulated votes (nats), and contrast (standard deviation of the pixels, of 255).",
    name="tab-exemplars-live",
)
for r in live.values():
    low, high = norms.extremes(torch.tensor(r.arrays["norm_blends"]), data.labels, data.classes, 10)
    assert math.isclose(float(doubt[low].mean()), r.final["entropy_lowest10"], rel_tol=1e-6)
    assert math.isclose(float(doubt[high].mean()), r.final["entropy_highest10"], rel_tol=1e-6)

# %% [markdown]
# ## What differs, and why it may matter
#
# Computed from the declared runs and the papers' settings (`data/papers`), with the reason for each (`data/deviations.yml`).

# %% tags=["remove-input"]
pages.show(deviation_table.markdown("human-labels", recorded.scale))

# %% [markdown]
# - **What is judged.** The paper shows pictures and judges by eye. People's agreement was put in the place of "prototypical" before any run; an image can be obscure in ways on which people still agree.
# - **Ends are small samples.** Ten images of a class are the outermost hundredth of it. What is true of them need not be true of the rest: {doc}`/book/confidence/human-labels` has all images.
#
# No setting on this page was chosen by its outcome.

# %% tags=["remove-input", "nbval-ignore-output"]
page.cost()

# %% [markdown]
# ## Run it yourself

# %% tags=["remove-input"]
page.papermill(seed=7, images=8)
