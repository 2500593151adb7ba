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
# # The scoreboard
#
# Every claim of the three papers that this book knows, with its verdict. Nothing here is typed: verdicts are
# computed from `data/claims/`, where each claim declared its criterion before its first run, and from the
# records in `data/records`. The five words (*confirmed*, *repaired*, *contradicted*, *unclear*, *untested*) and *where* a
# verdict was reached are defined in the {doc}`glossary </book/glossary>`.

# %% tags=["parameters"]
smallest_seeds = 3  # the forest plot shows cells with at least so many

# %% tags=["hide-input"]
import matplotlib.pyplot as plt

from ssllib import pages, plots, records, scoreboard

page = pages.begin("scoreboard", globals(), smallest_seeds=pages.integer(2, 100))
store = records.committed()
pages.table(
    scoreboard.tally_by_part(store),
    ["part", *scoreboard.COLUMNS],
    caption="How many sentences of the papers have which verdict, by part.",
    name="tab-tally",
)
pages.say(scoreboard.notes(store))

# %% [markdown]
# ## All measured claims on one axis
#
# Claims are measured in different units: k-NN points, percent of a norm, powers of ten. To stand on one axis each
# effect is divided by the smallest difference that matters for it, as its claim declared. Inside the grey band an
# effect is too small to matter. A claimed effect is confirmed with the whole interval on its side of zero and the dot
# outside the band; a claim of *no* effect, or of agreement with a number, with the whole interval inside it.

# %% tags=["hide-input"] mystnb={"image": {"alt": "Forest plot: one row for each measured claim, our mean with its 95 percent interval as a dot and a line, the paper's effect as an open diamond"}, "figure": {"caption": "Our effect with its 95 % interval (dot and line) and the paper's (diamond), in units of the smallest difference that matters; the axis is linear inside the grey band and logarithmic outside. Colour is what the cell says: green confirmed, red contradicted, grey unclear; where it was measured stands behind the name.", "name": "fig-forest"}}
rows = [r for r in scoreboard.forest_rows(store) if r["seeds"] >= smallest_seeds]
fig, ax = plt.subplots(figsize=(7.6, 1.2 + 0.24 * len(rows)), dpi=80)  # a long picture: kept under a megabyte
plots.forest(ax, rows)
plt.show()

# %% [markdown]
# ## Theory

# %% tags=["remove-input"]
pages.show(scoreboard.table(store, "theory"))

# %% [markdown]
# ## Simulations

# %% tags=["remove-input"]
pages.show(scoreboard.table(store, "simulation"))

# %% [markdown]
# ## Training

# %% tags=["remove-input"]
pages.show(scoreboard.table(store, "training"))

# %% [markdown]
# ## Confidence

# %% tags=["remove-input"]
pages.show(scoreboard.table(store, "confidence"))

# %% [markdown]
# ## Anchors (CLOA)

# %% tags=["remove-input"]
pages.show(scoreboard.table(store, "anchors"))

# %% [markdown]
# ## The papers against their own tables

# %% tags=["remove-input"]
pages.show(scoreboard.table(store, "arithmetic"))

# %% [markdown]
# ## Open questions

# %% tags=["remove-input"]
pages.show(scoreboard.table(store, "question"))

# %% [markdown]
# ## The records
#
# Each record is a small JSON file: the configuration, the history per evaluated epoch, the final numbers, and where
# it came from.

# %% tags=["remove-input"]
pages.show(scoreboard.record_lists(page.all_records()))

# %% [markdown]
# ## Run it yourself
#
# `python -m ssllib status` prints this page in a terminal.

# %% tags=["remove-input"]
page.papermill(smallest_seeds=3)
