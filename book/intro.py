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
# Most self-supervised learning compares embeddings by their *direction*; their lengths drop out of the loss. Three papers say that
# lengths, or the lack of them, matter all the same. This book tests what they say, sentence by sentence, with code that you can run.

# %% tags=["parameters", "remove-input"]
parts = "all"  # or one part, such as "training"

# %% tags=["remove-input"]
from ssllib.evidence import scoreboard
from ssllib.pages import front
from ssllib.pages import page as pages
from ssllib.runs import records

page = pages.begin("intro", globals(), parts=pages.choice("all", *scoreboard.TITLES))
store = records.committed()

# %% [markdown]
# ## What was found

# %% tags=["remove-input", "nbval-ignore-output"]
pages.show_html(front.cards(store))

# %% [markdown]
# ## What is not settled
#
# Whatever only trained networks can tell is untested until the runs that would tell it have been made and recorded: most of what
# the papers say of accuracies. The runs are declared with their criteria, and made one by one, at first on small networks.

# %% tags=["remove-input"]
pages.say(front.unsettled(store))

# %% [markdown]
# ## Where the sentences stand

# %% tags=["remove-input"]
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
# Every number and sentence above is computed from records when this page is executed. The {doc}`scoreboard </book/scoreboard>`
# has a row for every claim.
#
# ## The three papers
#
# - {cite:t}`draganov2024pitfalls` (*Hidden Pitfalls*) and {cite:t}`draganov2025norms` (*Embedding Norms*): optimising a cosine makes
#   embeddings longer, long embeddings receive smaller gradients, and so training slows itself down. {term}`Weight decay`,
#   {term}`cut-initialization` and {term}`GradScale` are the remedies. And the norm tells how sure a network is.
# - {cite:t}`li2024cloa` (*CLOA*): contrastive losses collapse at high learning rates, and pulling a few labelled images to
#   orthonormal anchors prevents it.
#
# ## How to read a page
#
# Each page opens with its question and the answer so far. A card for each claim has the paper's words, ours, and the verdict; folded
# in it is the criterion, which we declared *before* the first run (a later change is dated, with its reason). Around the cards stands
# the evidence: what was recorded, on the best hardware so far, then what this very execution of the page computed.
#
# The words have fixed meanings. A claim about networks or simulations is **confirmed** when the 95 % interval over at least three seeds
# lies on the claimed side and the mean difference is large enough to matter. It is **contradicted** when the interval
# lies on the other side, or so near to zero that what was claimed cannot be there. The rest is **unclear**, and what
# nobody has run yet **untested**. A statement of mathematics is confirmed by a proof and contradicted by a
# counterexample; **repaired** means false as printed, with a nearby statement proved that does the same work. A sentence about a
# table is computed again from the numbers that the table prints. Beside
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

# %% tags=["remove-input", "nbval-ignore-output"]
page.cost()

# %% tags=["remove-input"]
page.papermill(parts="training")
