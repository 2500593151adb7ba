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
# # One setting, two numbers: the papers against each other
#
# Of the two embedding-norm papers one supersedes the other, and they share many settings. Wherever they, or two tables of one of them, print a number for the same setting, the
# numbers are set side by side here: their distance is the finest grain at which anyone can ask whether a number "was reproduced".

# %% tags=["parameters"]
tolerance: float = 1.0  # points: two numbers closer than this are drawn in grey

# %% tags=["hide-input"]
from collections import Counter

import numpy as np
from matplotlib import pyplot as plt

from ssllib.evidence import claims, papers
from ssllib.evidence import tables as arithmetic
from ssllib.evidence.tables import compare, same_setting
from ssllib.evidence.tables.compare import plain, signed
from ssllib.pages import page as pages
from ssllib.pages import plots

page = pages.begin("arithmetic/against-each-other", globals(), tolerance=pages.number(0, 10))
found = same_setting.settings(papers.load)
stated = same_setting.settings(papers.load, inferred=False)


def place(source, star=False):
    """ "2406.16468 Table 3" as "Table 3 of 2406.16468"."""
    paper, _, table = source.partition(" Table ")
    return f"Table {table} of {paper}{'*' if star else ''}"

# %% [markdown]
# ## The answer

# %% tags=["remove-input"]
page.answer(
    {
        "Are equal settings printed with equal numbers?": "same-cells-same-numbers",
    }
)

# %% [markdown]
# ## What counts as the same setting
#
# A cell is known by what its table says of it: metric, method, data set, arm (the default, or {term}`cut-initialization` with its constant $c$), weight decay and
# epoch. Two cells are *nominally equal* when all six agree. A grid over constants has the default in its row $c = 1$, and the grids underline their default weight decay.
#
# Some tables leave a part out. Their cells join in where the part can be inferred, marked with a star, and the verdict does not use them:

# %% tags=["hide-input"]
guessed = [r for r in same_setting.READINGS if r.inferred]
pages.table(
    [[place(r.source), compare.label({k: v for k, v in r.where.items() if k != "metric"}), r.inferred] for r in guessed],
    ["where", "cells", "what is inferred"],
    caption="Cells whose setting is printed in part",
    name="tab-against-each-other-inferred",
)

# %% [markdown]
# ## Side by side

# %% tags=["hide-input"]
def numbers(setting):
    """Each number with where it stands, equal ones together."""
    by_value = {}
    for c in setting.cells:
        by_value.setdefault(c.value, []).append(place(c.source, c.inferred))
    return "; ".join(f"**{plain(v)}** ({', '.join(sources)})" for v, sources in by_value.items())


differ = [s for s in found if s.spread]
pages.table(
    [[s.label, numbers(s), plain(s.spread), plain(s.stated.spread) if len(s.stated.cells) > 1 else "–"] for s in differ],
    ["setting", "accuracy, % (table)", "apart, points", "without *"],
    caption="Settings that are printed more than once and differ. A star: part of the setting is inferred",
    name="tab-against-each-other-differ",
)
equal = [s for s in found if not s.spread]
pages.say(f"{len(found)} settings are printed more than once. In {len(equal)} of them all numbers agree to the last digit; the {len(differ)} others are above.")
lines = "\n".join(f"| {s.label} | {plain(s.cells[0].value)} | {', '.join(place(c.source) for c in s.cells)} |" for s in equal)
pages.show(f":::{{dropdown}} The {len(equal)} settings with equal numbers\n| setting | printed, % | in |\n|:---|---:|:---|\n{lines}\n:::")

# %% tags=["hide-input"] mystnb={"image": {"alt": "Left: for each setting that differs, its printed numbers as dots on a line, from about 24 to 89 percent; filled dots are stated settings, open ones inferred. Right: the distance between the numbers of one setting against the epoch; at epochs 100 and 500 most lie at zero, at epoch 100 some at six to nine points, at epoch 500 at most about two and a half."}, "figure": {"caption": "Left: the settings that differ, each number a dot; open dots are inferred settings. Right: how far the numbers of one setting lie apart, by epoch, every accuracy setting that is printed more than once (moved sideways at random, so that equal ones can be told apart). Grey: within the page's tolerance.", "name": "fig-against-each-other-apart"}}
fig, (left, right) = plt.subplots(1, 2, figsize=(8.2, 3.8), width_ratios=[1.7, 1])
for y, s in enumerate(reversed(differ)):
    color = plots.RED if s.spread > tolerance else plots.GREY
    values = [float(c.value) for c in s.cells]
    _ = left.plot([min(values), max(values)], [y, y], color=color, lw=1.6)
    for c in s.cells:
        _ = left.plot(float(c.value), y, "o", ms=6, color=color, markerfacecolor="white" if c.inferred else color, zorder=3)
    _ = left.annotate(plain(s.spread), (max(values), y), xytext=(7, -3), textcoords="offset points", fontsize=8.5)
left.set_yticks(range(len(differ)), [s.label for s in reversed(differ)])
left.set_xlim(right=96)
_ = left.set(xlabel="k-NN accuracy, %", title="the settings that differ")

jitter = np.random.default_rng(0)
epochs = sorted({s.epoch for s in found if s.accuracy})
for s in found:
    if s.accuracy:
        sure = len(s.stated.cells) > 1 and s.stated.spread == s.spread
        color = plots.RED if s.spread > tolerance else plots.GREY
        x = epochs.index(s.epoch) + jitter.uniform(-0.25, 0.25)
        _ = right.plot(x, float(s.spread), "o", ms=5, color=color, markerfacecolor=color if sure else "white", alpha=0.9)
right.set_xticks(range(len(epochs)), [str(e) for e in epochs])
_ = right.set(xlabel="epoch", ylabel="points apart", title="distance by epoch", xlim=(-0.6, len(epochs) - 0.4))
right.grid(axis="x", visible=False)
plt.show()

# %% [markdown]
# Read the zeros with care. Where two tables agree to the last digit in grid after grid, the later one most likely repeats the *same runs*: such pairs say nothing about what a second
# run would give. What does are the settings that were evidently run, or evaluated, twice.

# %% tags=["remove-input"]
page.card("same-cells-same-numbers")

# %% [markdown]
# ## The spread that verdicts have to allow for

# %% tags=["hide-input"]
rows = []
for name, chosen in (("stated settings", stated), ("with inferred ones", found)):
    for s in same_setting.spreads(chosen):
        rows.append([s.epoch, name, s.settings, s.equal, s.within - s.equal, s.settings - s.within, plain(s.largest)])
pages.table(
    sorted(rows, key=lambda r: (r[0], r[1] != "stated settings")),
    ["epoch", "which", "settings", "equal", "within a point", "farther apart", "largest, points"],
    caption="How far the papers' own accuracies for one setting lie apart",
    name="tab-against-each-other-spread",
)

# %% [markdown]
# Most claims are not about an accuracy but about what the cut *gains*, a difference in which a common shift would cancel. Does it? The grids have other constants than the large table, so exact
# twins are rare; where there is none, the nearest constants stand in.

# %% tags=["hide-input"]
gains = same_setting.cut_gains(papers.load)
rows = []
for name, told in sorted(gains.items(), key=lambda item: -same_setting.apart(item[1])):
    by_table = {}
    for g in told:
        by_table.setdefault(place(g.source, g.inferred), []).append(f"{signed(g.points)} (c = {g.c})")
    rows.append([name, "; ".join(f"{t}: {', '.join(v)}" for t, v in by_table.items()), plain(same_setting.apart(told))])
pages.table(
    rows,
    ["setting", "the cut's gain, points", "apart"],
    caption="What two tables say the cut gains, default weight decay. Apart: between the first and, of each other table, those with the nearest constant",
    name="tab-against-each-other-gains",
)
allowed = Counter(c.criterion["spread"] for c in claims.load().values() if c.criterion.get("spread"))
listed = " and ".join(f"{points:g} points in {n} claims" for points, n in sorted(allowed.items(), reverse=True))
pages.say(f"The criteria of this book's claims allow for {listed}: a paper's number counts as reproduced if it lies within our interval widened by so much.")

# %% [markdown]
# Such an allowance is for the question "the same *number*?" only. Whether an effect is there, and on which side, our own seeds decide without it.

# %% [markdown]
# ## This execution

# %% tags=["hide-cell", "nbval-ignore-output"]
again = arithmetic.CHECKS["same-nominal-cells"](papers.load)
assert again == arithmetic.find("same-nominal-cells"), "the verdict is not that of the tables as they are now"
pairs = {(a.source, b.source) for s in found for i, a in enumerate(s.cells) for b in s.cells[i + 1 :]}
for one, other in sorted(pairs):
    both = [[c.value for c in s.cells if c.source in (one, other)] for s in found if {one, other} <= {c.source for c in s.cells}]
    apart = [max(v) - min(v) for v in both]
    print(f"{one} and {other}: {len(both)} settings, {sum(a == 0 for a in apart)} equal, largest distance {max(apart)}")
print(f"{sum(s.spread <= tolerance for s in found)} of {len(found)} settings agree within {tolerance:g} points")

# %% [markdown]
# ## What differs, and why
#
# * **A second run.** No table says how many seeds it stands on. Two runs of one setting never agree to the last digit, so *some* distance is as it should be.
# * **What the tables do not say.** A footnote of {cite:t}`draganov2024pitfalls` puts an asterisk, for a batch of 128, on SimCLR's rows of Table 3; {cite:t}`draganov2025norms` say
#   256 for SimCLR, and 1,024 by gradient accumulation for SimSiam. Larger batches slow the start, by the later paper's own Table S2, so a batch that differs between tables may
#   explain a good part of the distances at epoch 100. Yet most of the rows with the asterisk are printed again, digit for digit, in the paper that says 256.
# * **Where on the way.** At epoch 100 a run that is meant for 500 epochs is still at a high learning rate ({term}`snapshot`), and accuracy climbs steeply there. Distances at epoch 500 should be smaller, and are
#   a better measure of what a finished run repeats.
# * **The evaluation.** $k$ and the features of the k-NN classifier are not printed; a change between two evaluations would not show.
#
# ## What it costs, and how to vary it

# %% tags=["remove-input", "nbval-ignore-output"]
page.cost()

# %% tags=["remove-input"]
page.papermill(tolerance=0.5)
