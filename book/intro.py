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
# # Embedding norms, claim by claim
#
# Most self-supervised learning compares embeddings by their *direction*: the loss is a function of the cosine
# between two vectors, and their lengths drop out. Three papers say that the lengths, or the lack of them, matter
# all the same. This book tests what they say, one claim at a time, with code that you can run.
#
# - {cite:t}`draganov2024pitfalls` and {cite:t}`draganov2025norms`: optimising a cosine makes embeddings longer,
#   long embeddings receive smaller gradients, and so training slows itself down. {term}`Weight decay`,
#   {term}`cut-initialization` and {term}`GradScale` are the remedies. And the norm tells how sure a network is.
# - {cite:t}`li2024cloa`: contrastive losses collapse at high learning rates, and pulling a few labelled images to
#   orthonormal anchors prevents it.

# %% tags=["parameters"]
parts = "all"  # or one part, such as "training"

# %% tags=["hide-input"]
from ssllib.evidence import papers, scoreboard, words
from ssllib.pages import page as pages
from ssllib.pages import score_board
from ssllib.runs import records

page = pages.begin("intro", globals(), parts=pages.choice("all", *scoreboard.TITLES))
store = records.committed()
wanted = {scoreboard.TITLES[parts]} if parts != "all" else {*scoreboard.TITLES.values(), "all", "beside: controls, implications"}
rows = [row for row in scoreboard.tally_by_part(store) if row[0] in wanted]
pages.table(rows, ["part", *scoreboard.COLUMNS], caption="Where the claims stand.", name="tab-intro")
pages.table(
    scoreboard.tally_by_paper(store),
    ["paper", *scoreboard.COLUMNS],
    caption="The same by paper; a claim that two papers make counts for both.",
    name="tab-intro-papers",
)
pages.say(scoreboard.notes(store))

# %% [markdown]
# Each number above is computed from records when this page is executed; the {doc}`scoreboard </book/scoreboard>`
# has a row for every claim.

# %% [markdown]
# ## How to read a page
#
# Each page opens with what a paper claims, in its words and in ours, and with the criterion we declared *before*
# the first run (a later change is dated, with its reason). Then comes the evidence: first what was recorded, on the best hardware so far, then, folded, what
# this very execution of the page computed. A box at the end says what follows.
#
# The words have fixed meanings. A claim about networks is **confirmed** when the 95 % interval over at least three seeds
# lies on the claimed side and the mean difference is large enough to matter. It is **contradicted** when the interval
# lies on the other side, or so near to zero that what was claimed cannot be there. The rest is **unclear**, and what
# nobody has run yet **untested**. A statement of mathematics is confirmed by a proof and contradicted by a
# counterexample; **repaired** means false as printed, with a nearby statement proved that does the same work. Beside
# the word stands *where*: a verdict about small networks is no verdict about the paper's own setting, and is counted
# apart. The {doc}`glossary </book/glossary>` has all words.
#
# ## How to run a page
#
# Every page is a notebook with parameters. It runs on a laptop in well under a minute as it stands, and on a GPU
# with other parameters in batch: see {doc}`running the pages </book/running>`.
#
# ## How to use the library
#
# ```python
# import torch
# from ssllib.cut_init import cut_init_
# from ssllib.gradscale import GradScale
# from ssllib.norms import NormMonitor
#
# projector = torch.nn.Sequential(torch.nn.Linear(512, 128), GradScale(power=1.0))
# cut_init_(projector, c=3)          # before the first step
# monitor = NormMonitor(projector)   # monitor.means: the mean norm at each forward pass
# ```
#
# `ssllib` needs torch and numpy only.

# %% [markdown]
# ## The claims that have been examined

# %% tags=["hide-input"]
settled = [
    v
    for v in scoreboard.all_verdicts(store)
    if score_board.has_page(v.claim) and v.word not in (words.UNTESTED, words.OPEN) and parts in ("all", v.claim.part)
]
pages.table(
    [
        [v.claim.ours, ", ".join(papers.short(p) for p in v.claim.paper) + f": {{doc}}`{v.claim.place} </book/{v.claim.page}>`", v.short]
        for v in settled
    ],
    ["claim", "place, and its page here", "verdict"],
    caption="The claims that have been examined so far.",
    name="tab-examined",
)

# %% tags=["remove-input", "nbval-ignore-output"]
page.cost()

# %% tags=["remove-input"]
page.papermill(parts="training")
