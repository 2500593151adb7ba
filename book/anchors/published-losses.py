# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # What published losses reach
#
# {cite:t}`li2024cloa` open with a table of others' results. It is to show that {term}`InfoNCE` has hardly been improved upon, which is why something new is
# needed. Do the numbers say so, and are they comparable? No run decides this: only the table, and the places where its numbers come from.

# %% tags=["parameters"]
baseline: str = "MOCO-v2"  # the bar of the figure and of the last table

# %% tags=["hide-input"]
from decimal import Decimal

from matplotlib import pyplot as plt
from matplotlib.lines import Line2D

from ssllib.evidence import papers
from ssllib.evidence.tables import cloa, compare, elsewhere
from ssllib.pages import page as pages
from ssllib.pages import plots

page = pages.begin("anchors/published-losses", globals(), baseline=pages.choice("CPC-v2", "MOCO-v2", "SimCLR"))

# %% [markdown]
# ## The answer

# %% tags=["remove-input"]
page.answer(
    {
        "Are most changed losses below SimCLR?": "overview-most-attempts-below",
        "Do only three methods exceed the baselines, and slightly?": "overview-few-slightly-better",
        "Are the numbers what the caption says?": "overview-full-label-fine-tuning",
    }
)

# %% [markdown]
# ## Table 1, with the sources
#
# Each printed number stands beside the one its source has, with the network, the {term}`protocol <linear probe>` and the epochs of training without
# labels, as far as they could be found. Sources are code repositories and, for papers' own numbers, the Papers with Code listings; most papers' full texts could not be read,
# and "not found" means just that. Where a repository lists released weights, their accuracy may differ from the paper's by some tenths.

# %% tags=["hide-input"]
def known(word):
    return "" if word == elsewhere.UNKNOWN else word


def number(values, metric):
    return compare.plain(values[metric]) if metric in values else ""


found = elsewhere.overview_sources(papers.load)
rows = []
for s in found:
    whose = f"[{s.of}]({s.url})" if s.of != "none" else "no number found"
    rows.append([s.method, number(s.printed, "top1"), number(s.theirs, "top1"), number(s.printed, "top5"), number(s.theirs, "top5"), whose, known(s.network), known(s.protocol), s.epochs or ""])
pages.table(
    rows,
    ["method", "top-1 in Table 1", "top-1, source", "top-5 in Table 1", "top-5, source", "whose number", "network", "protocol", "epochs"],
    caption="Table 1 of {cite:t}`li2024cloa`, methods with an accuracy, beside the sources (empty: not found)",
    name="tab-published-losses",
)
silent = [c for c in papers.load(cloa.PAPER).table("1").cells(metric="top1") if c.value is None]
pages.say(f"Table 1 has no accuracy for {compare.listed([str(c.key['method']) for c in silent])}; these are left out.")

# %% tags=["hide-input"] mystnb={"image": {"alt": "Ten methods, one a line, in four groups of colour, by top-1 accuracy from 58 to 75 per cent. Filled dots are Table 1's numbers: CPC-v2, MoCo v2 and SimCLR between 69 and 72; PCL, DCL, RC and HCL from 58.5 to 68.2; InfoMin, VICReg and Barlow Twins at 73. Open dots are the sources' numbers where they differ; the one of CPC-v2 lies far to the left at 63.8. At the right edge stand protocol and epochs: linear probe wherever known, epochs from 200 to 1000."}, "figure": {"caption": "Top-1 accuracy on ImageNet-1K. Filled: as Table 1 of {cite:t}`li2024cloa` prints it; open: the sources' numbers for a ResNet-50 where they differ. Right: protocol and epochs of training without labels, where a source was found. Dotted: the baseline chosen in the parameters.", "name": "fig-published-losses"}}
methods = list(dict.fromkeys(s.method for s in found))
groups = list(dict.fromkeys(s.group for s in found))
colour = dict(zip(groups, (plots.GREY, plots.BLUE, plots.PURPLE, plots.GREEN)))
fig, ax = plt.subplots(figsize=(7.4, 4.0))
for y, method in enumerate(methods):
    own = [s for s in found if s.method == method]
    c = colour[own[0].group]
    _ = ax.plot(float(own[0].printed["top1"]), y, "o", ms=8, color=c)
    for s in own:
        if s.network in (elsewhere.NETWORK, elsewhere.UNKNOWN) and "top1" in s.differs:
            _ = ax.plot(float(s.theirs["top1"]), y, "o", ms=8, mfc="none", mec=c, mew=1.6)
    protocol = next((s.protocol for s in own if known(s.protocol)), "protocol ?")
    epochs = next((f"{s.epochs} epochs" for s in own if s.epochs), "epochs ?")
    _ = ax.text(75.2, y, f"{protocol}, {epochs}", va="center", fontsize=8.5)
bar = next(s.printed["top1"] for s in found if s.method == baseline)
_ = ax.axvline(float(bar), color="black", ls=":", lw=1.2)
_ = ax.set(yticks=range(len(methods)), yticklabels=methods, ylim=(len(methods) - 0.4, -0.6), xlim=(57.5, 75), xlabel="top-1 accuracy, %")
handles = [Line2D([], [], marker="o", ls="", color=colour[g], label=g.replace("Inclusion/Removal of Terms within", "terms of").replace("Adjustments to the Similarity Function of", "similarity of")) for g in groups]
handles.append(Line2D([], [], marker="o", ls="", mfc="none", mec="black", label="source, where it differs"))
_ = ax.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.55, -0.16), ncols=3)
plt.show()

# %% tags=["remove-input"]
page.card("overview-most-attempts-below")

# %% tags=["remove-input"]
table = papers.load(cloa.PAPER).table("1")
simclr = compare.points(table, method="SimCLR", metric="top1")
below = [s for s in found if s.group not in ("baselines", "Innovations") and s.printed["top1"] < simclr]
short = [s for s in below if s.epochs and s.epochs < 800]
pages.say(
    f"The comparison is uneven. Of the {len(below)} accuracies below SimCLR's, {len(short)} ({compare.listed([s.method for s in short])}) are of networks trained for "
    f"{compare.listed([str(n) for n in sorted({s.epochs for s in short})])} epochs; for the others no epochs were found. Among the baselines and innovations the sources have "
    f"{compare.listed([str(n) for n in sorted({s.epochs for s in found if s.epochs and s.group in ('baselines', 'Innovations')})])} epochs. And \"not reported\" is not \"not reached\"."
)

# %% [markdown]
# An even comparison exists for one pair. With batches of 256 and 200 epochs DCL is "outperforming its SimCLR baseline by 6.4%", says the abstract of {cite:t}`yeh2022dcl`. In Table 1
# the same number stands below SimCLR's.

# %% tags=["remove-input"]
page.card("overview-few-slightly-better")

# %% [markdown]
# The arithmetic is right. Whether the three "markedly diverge from the InfoNCE paradigm" is a matter of words, but by the table's own columns one does not: InfoMin has the
# baselines' similarity and softmax, and only its last column differs. Its paper is about the choice of *views* for a contrastive loss {cite:p}`tian2020infomin`.

# %% tags=["remove-input"]
page.card("overview-full-label-fine-tuning")

# %% tags=["remove-input"]
both = papers.load("other").table("simclrv2")
sizes = {key["network"]: Decimal(str(key["parameters"])) for key, _ in papers.load("other").table("overview-sources").rows() if key["method"] == "CPC-v2"}
apart = max(s.printed["top1"] for s in found) - simclr
tuned, probed = (compare.points(both, protocol=p) for p in (elsewhere.PROTOCOL, "linear probe"))
pages.say(
    f"Two things weigh. CPC-v2's number belongs to a network about {sizes['ResNet-161'] / sizes['ResNet-50']:.0f} times as large as the caption's. And every protocol that was found is a linear classifier on frozen features, where the "
    f"caption has fine-tuning with all labels. If \"full label\" was meant to say that the *classifier* saw all labels, the word is loose; it is not a small matter, though: one and the same ResNet-50, [SimCLRv2]({both.url}), has "
    f"{compare.plain(probed)} % by linear probe and {compare.plain(tuned)} % fine-tuned with all labels, {compare.plain(tuned - probed)} points more. Between SimCLR and the "
    f"best row of Table 1 lie {compare.plain(apart)}."
)

# %% [markdown]
# Two smaller points do not enter the verdict. The row "PCL" cites *Parametric* Contrastive Learning {cite:p}`cui2021paco`, which is trained with labels; its number is that of *Prototypical* Contrastive Learning {cite:p}`li2021pcl`. And the
# repository of HCL trains on OpenImages, not on ImageNet-1K.
#
# ## This execution: another bar
#
# How much hangs on which baseline is taken as the bar? The chosen one is in the parameters; the last row takes the best ResNet-50 number, with CPC-v2's own.

# %% tags=["hide-input"]
own = {s.method: s.theirs["top1"] for s in found if s.counts and s.group == "baselines"}
printed = {s.method: s.printed["top1"] for s in found}
baselines = [m for m in methods if next(s.group for s in found if s.method == m) == "baselines"]
fair = max(({m: printed[m] for m in baselines} | own).items(), key=lambda item: item[1])
innovations = [m for m in methods if next(s.group for s in found if s.method == m) == "Innovations"]
rows = []
for name, value in [(baseline, bar), ("best printed", max(printed[m] for m in baselines)), (f"best of a ResNet-50 ({fair[0]})", fair[1])]:
    gains = [printed[m] - value for m in innovations]
    under = sum(printed[m] < value for m in methods if m not in innovations and m not in baselines)
    rows.append([name, compare.plain(value), f"{under} of {len(methods) - len(innovations) - len(baselines)}", f"{compare.signed(min(gains))} to {compare.signed(max(gains))}"])
pages.table(rows, ["bar", "top-1", "changed losses below it", "innovations above it by"])
pages.say(
    f"With the larger network's number out, the best baseline is {fair[0]}, and the innovations exceed it by up to {compare.plain(max(gains))} points: "
    + ("still no more than the two that were declared as slight." if max(gains) <= 2 else "a shade over the two that were declared as slight, so the second verdict owes its word to that number.")
)

# %% [markdown]
# ## What differs, and why
#
# * **A list of bests is not a table of equals.** Each method stands with its best or best-known number, whatever the network and the epochs. For CPC-v2 these are top-1 and top-5 of the larger network.
# * **Tenths.** Released weights and Table 1 differ by a few tenths in either direction ({numref}`tab-published-losses`). Differences of this size between rows of Table 1 mean nothing.
# * **What remains.** Table 1 motivates, and no theorem or experiment of the paper rests on it. Whether anchors help is the matter of the other pages of this part.
#
# ## What it costs, and how to vary it

# %% tags=["remove-input", "nbval-ignore-output"]
page.cost()

# %% tags=["remove-input"]
page.papermill(baseline="SimCLR")
