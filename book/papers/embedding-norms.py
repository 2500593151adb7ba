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
# # *Embedding Norms*, sentence by sentence
#
# {cite:t}`draganov2025norms` carried the work further: norms as a sign of confidence, GradScale beside weight decay and the cut, and
# imbalanced data. This page collects what we found of each of its sentences.

# %% tags=["parameters", "remove-input"]
tables = "all"  # or the number of one table, such as "3"

# %% tags=["remove-input"]
from ssllib.pages import page as pages
from ssllib.pages import paper_page
from ssllib.runs import records

page = pages.begin("papers/embedding-norms", globals(), tables=pages.choice("all", *paper_page.numeric_tables("2502.09252")))
PAPER = "2502.09252"
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
# The numbers are the paper's. ≠ stands where the same setting is printed elsewhere in the two norm papers with another number, † where the
# cell needs a note; both are explained below the table, with what its sentences come to.

# %% tags=["remove-input"]
pages.say(paper_page.tables(PAPER, found, tables))

# %% [markdown]
# ## A letter to the authors
#
# The cell below stops if a verdict that the letter rests on is no longer the one it says.

# %% tags=["remove-input"]
at = paper_page.rests_on(
    store,
    cosine_gradient_sign_2502="confirmed",
    gradscale_cancels_norm="confirmed",
    gradscale_not_another_loss="confirmed",
    cosine_bound_hats="repaired",
    descent_step_sign="repaired",
    gradscale_no_potential="repaired",
    gradscale_path_integrals="repaired",
    gradscale_cancels_steps="contradicted",
    dense_regions_large_norms="contradicted",
    simulation_sphere="contradicted",
)
step, paths, d1 = at["descent_step_sign"], at["gradscale_path_integrals"], at["gradscale_no_potential"]
pages.say(f"""
> Dear authors,
>
> your claim that no loss has GradScale's field as its gradient is true, and we could prove it for every power but zero; so is Proposition 3.1
> with its minus sign. Some corrections we would offer.
>
> **Section 3**: with that sign, $z_i + \\gamma \\nabla_i$ is a step of ascent: from $z = {tuple(step["z"])}$, $t = {tuple(step["t"])}$ the cosine falls from {step["cosine before"]} to
> ${step["cosine after"].replace("sqrt(2)", chr(92) + "sqrt2")}$. **Theorem 3.4** needs a factor $1 + \\gamma / \\rho^2$ where embeddings point apart. **Proposition D.1** holds from two
> dimensions on; on the line (n = {d1["n"]}) the field is zero and has a potential for every $\\alpha$. The integrals of **Equations 6 and 7** have their ends the other way round:
> ${paths["corrected"]}$. Points of $\\mathbb{{R}}^{{20}}$ on the unit sphere lie on $S^{{19}}$.
>
> Two readings we would change. **GradScale with p = 1** removes the norm from the gradient, but not from the turning of a long vector: in your own simulation steps
> then grow in proportion to the norm, instead of with its square; p = 2 would remove both. And the **norm-density picture** of Section 4.2 is there before training: a cosine distance divides by the norm.
> Trained less untrained, little is left.
>
> A question: in the released code the rate passes through a multiplicative scheduler, so that the applied peak is the square of the stated one. Which of the two made the tables?
""")

# %% tags=["remove-input", "nbval-ignore-output"]
page.cost()

# %% tags=["remove-input"]
page.papermill(tables="3")
