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
# computed from `data/claims/`, where each claim declares its criterion before its first run (a later change is dated, with its reason), and from the
# records in `data/records`. The five words (*confirmed*, *repaired*, *contradicted*, *unclear*, *untested*) and *where* a
# verdict was reached are defined in the {doc}`glossary </book/glossary>`.

# %% tags=["parameters"]
smallest_seeds = 3  # the drawings show what so many seeds measured

# %% tags=["hide-input"]
from ssllib.evidence import scoreboard
from ssllib.pages import page as pages
from ssllib.pages import plots, score_board
from ssllib.runs import records

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
# ## All claims
#
# A claim's name is its address: what you choose stands in the address of the page, too, so that a selection can be
# kept and sent. A verdict with a dashed frame is about small networks only.

# %% tags=["remove-input"]
pages.show_html(score_board.board(store))

# %% [markdown]
# ## What was measured, part by part
#
# Claims are measured in different units: k-NN points, percent of a norm, powers of ten. To stand on one axis each
# effect is divided by the smallest difference that matters for it, as its claim declared. Inside the grey band an
# effect is too small to matter. A claimed effect is confirmed with the whole interval on its side of zero and the mark
# outside the band; a claim of *no* effect, or of agreement with a number, with the whole interval inside it. The line
# is our 95 % interval; the mark is a dot where the row is confirmed, a cross where it is contradicted and a ring where
# it is unclear; the open diamond is the paper's number. The axis is linear inside the band and logarithmic outside.

# %% tags=["remove-input"]
unmeasured = []
for part, title in scoreboard.TITLES.items():
    if rows := score_board.forest_rows(store, part, smallest_seeds):
        pages.show_html(plots.forest(rows, title))
    else:
        unmeasured.append(title)
pages.say(f"Nothing to draw, because no effect was measured over {smallest_seeds} seeds: {', '.join(unmeasured)}.")

# %% [markdown]
# ## The records
#
# Each record is a small JSON file: the configuration, the history per evaluated epoch, the final numbers, and where
# it came from. Longer series of numbers lie beside it as NumPy arrays. An archive holds all records of an experiment.

# %% tags=["remove-input"]
pages.show_html(score_board.record_table(page.all_records()))

# %% [markdown]
# ## Run it yourself
#
# `python -m ssllib status` prints this page in a terminal.

# %% tags=["remove-input"]
page.papermill(smallest_seeds=3)
