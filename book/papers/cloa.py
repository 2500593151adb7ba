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
# # *CLOA*, sentence by sentence
#
# {cite:t}`li2024cloa` claimed that contrastive losses collapse at high learning rates, because collapsed embeddings are local minima, and
# proposed anchors for a few labels. This page collects what we found of each of its sentences.

# %% tags=["parameters", "remove-input"]
tables = "all"  # or the number of one table, such as "3"

# %% tags=["remove-input"]
from ssllib.pages import page as pages
from ssllib.pages import paper_page
from ssllib.runs import records

page = pages.begin("papers/cloa", globals(), tables=pages.choice("all", *paper_page.numeric_tables("2403.18699")))
PAPER = "2403.18699"
store = records.committed()
found = paper_page.sentences(PAPER, store)
pages.say(f"**{paper_page.counts(found)}**")

# %% [markdown]
# ## What fails, and what had to be repaired
#
# *Repaired* means: false as printed, with a nearby statement that is proved and does the same work.

# %% tags=["remove-input"]
pages.say(paper_page.failing(PAPER, found))

# %% [markdown]
# ## What holds

# %% tags=["remove-input"]
pages.say(paper_page.holding(PAPER, found))

# %% [markdown]
# ## What nobody has tested yet
#
# These sentences are about trained networks. Their runs are declared, with the criterion each will be judged by.

# %% tags=["remove-input"]
pages.say(paper_page.waiting(found))

# %% [markdown]
# ## Its tables, with our marks
#
# The numbers are the paper's. † stands where a cell needs a note; below each table stands what its sentences come to.

# %% tags=["remove-input"]
pages.say(paper_page.tables(PAPER, found, tables))

# %% [markdown]
# ## A letter to the authors
#
# The cell below stops if a verdict that the letter rests on is no longer the one it says.

# %% tags=["remove-input"]
at = paper_page.rests_on(
    store,
    collapse_equal_stationary="confirmed",
    collapse_equal_minimum="contradicted",
    collapse_rank1_minimum="contradicted",
    collapse_most_losses="contradicted",
    collapse_probability="repaired",
    three_lines_infonce_line="contradicted",
    cloa_gains_50_percent="contradicted",
    cloa_top_5_sound="contradicted",
    cloa_resnet50_512="contradicted",
)
equal, line = at["collapse_equal_minimum"], at["collapse_rank1_minimum"]
before, after = equal["one pair turned by 0 and by 90 degrees: loss"]
there, turned = line["the two turned by 0 and by 30 degrees: loss"]
pages.say(f"""
> Dear authors,
>
> you ask a good question, what happens to contrastive losses at rates that are too high, and you are right that the gradient of InfoNCE vanishes at full collapse
> and wherever all embeddings lie on one line.
>
> A vanishing gradient does not make a minimum. With two pairs at one point and a temperature of {equal["tau"]}, turn one pair by 90 degrees: the loss falls from {before} to {after}, and the second derivative
> is {equal["second derivative"]}. On a line with {line["pairs"]} a turn of the two by 30 degrees takes it from {there} to {turned}. Both are saddles, so **Theorem 3.1** fails, and with
> it the explanation of over-fusion: of {at["collapse_most_losses"]["losses"]} losses that we looked at, {at["collapse_most_losses"]["minimum"]} has a minimum there. In the proof
> $\\mathbb P^*$ should be $1 / (|I| - 1)$, not ${chr(92)}log(|I| - 1)$. In your three-line example InfoNCE spreads the clusters out rather than joining them.
>
> Your version 2 has dropped the theorem. It would help readers of the first version if it said why.
>
> Of the tables: {at["cloa_gains_50_percent"]["said"]} {at["cloa_top_5_sound"]["said"]} {at["cloa_resnet50_512"]["said"]} Whether anchors help at high rates, which is what matters in practice, is
> a question for trained networks, and on our list.
""")

# %% tags=["remove-input", "nbval-ignore-output"]
page.cost()

# %% tags=["remove-input"]
page.papermill(tables="3")
