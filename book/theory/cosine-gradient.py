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
# # The gradient of the cosine similarity
#
# Everything in this book rests on one formula: the gradient of the cosine similarity is perpendicular to the embedding
# it acts on, and inversely proportional to its norm. Two papers print it, with different signs; here it is derived in
# every dimension, both versions are held against the derivative, and "flatter at a higher norm" becomes a statement
# that can be checked.

# %% tags=["parameters"]
seed: int = 0  # of the random vectors and of the points in the first figure
draws: int = 210  # pairs of vectors for each dimension
dimension: int = 256  # one more dimension to try, beside 1, 2, 3, 20 and 2048

# %% tags=["hide-input"]
import numpy as np
import sympy as sp
import torch
from matplotlib import pyplot as plt

from ssllib import geometry
from ssllib.evidence import papers
from ssllib.pages import page as pages
from ssllib.pages import plots, proof_report
from ssllib.theory.proofs import formulas, readings, statements

page = pages.begin(
    "theory/cosine-gradient",
    globals(),
    seed=pages.integer(0, 10**6),
    draws=pages.integer(14, 10**4),
    dimension=pages.integer(1, 4096),
)


def show(name, value):
    """A SymPy expression as an equation."""
    pages.show(f"$${name} = {sp.latex(value, fold_func_brackets=True)}$$")

# %% [markdown]
# ## The answer

# %% tags=["remove-input"]
page.answer(
    {
        "Is the older paper's gradient right, sign included?": "cosine-gradient-sign-2406",
        "And the newer one's?": "cosine-gradient-sign-2502",
        "Is it orthogonal to the embedding?": "cosine-gradient-tangent",
        "Is its length sin φ over the norm?": "cosine-gradient-magnitude",
        "Is the landscape flatter at higher norms?": "landscape-flatter",
    }
)

# %% [markdown]
# ## What is printed
#
# Let $z_i$ be an {term}`embedding` and $z_j$ the one that it is to be brought closer to, its {term}`positive <positive pair>`.
# A hat makes a unit vector of a vector, $\hat z = z / \|z\|$; $\phi_{ij}$ is the angle between the two; and
# $a_{\perp b}$ is the part of $a$ that is orthogonal to $b$. The loss is $\mathcal{L}_i^A = -\hat z_i^\top \hat z_j$, the
# negative {term}`cosine similarity`. This is what the two papers print:

# %% tags=["hide-input"]
cards = []
for paper, name, key in (("2406.16468", "prop-1", "draganov2024pitfalls"), ("2502.09252", "prop-3.1", "draganov2025norms")):
    printed = papers.load(paper).statement(name)
    cards.append(f":::{{grid-item-card}} {printed.name}, {{cite:t}}`{key}`\n\n{printed.text}\n:::")
pages.show("::::{grid} 1\n:gutter: 2\n\n" + "\n\n".join(cards) + "\n::::")

# %% [markdown]
# They agree on the loss and on the length of its gradient. They do not agree on its sign.

# %% [markdown]
# ## Why it must be so, in two lines
#
# Write $z$ for $z_i$, $t$ for $z_j$, and $c(z) = \hat z^\top \hat t$ for their cosine. A cosine looks at directions only: making $z$ longer
# changes nothing,
#
# $$c(kz) = c(z) \qquad \text{for every } k > 0.$$ (eq-cosine-gradient-invariance)
#
# Differentiate this once in $k$, at $k = 1$, and once in $z$:
#
# $$z^\top \nabla c(z) = 0, \qquad\qquad k\,\nabla c(kz) = \nabla c(z).$$ (eq-cosine-gradient-euler)
#
# That is Euler's theorem on homogeneous functions, for degree zero. The first equation says that the gradient is orthogonal to
# the embedding; the second that an embedding $k$ times as long has a gradient $k$ times as short. No formula was needed, and nothing was used but
# {eq}`eq-cosine-gradient-invariance`: what we have just shown holds for *every* loss that sees directions only.
#
# The size of the gradient is a matter of walking. Stand at distance $\rho = \|z\|$ from the origin, at the angle $\phi$ from $t$. A step
# away from the origin does not change $\phi$. A step $ds$ around it, towards $t$, turns the line of sight by
# $d\phi = -ds/\rho$, because on a circle $\rho$ times as large one has to walk $\rho$ times as far to turn by the same angle. The cosine
# rises by $\sin\phi\, ds / \rho$. So the steepest way up goes around the origin, and its slope is
#
# $$\|\nabla c(z)\| = \frac{\sin\phi}{\|z\|}.$$ (eq-cosine-gradient-norm)

# %% [markdown]
# ## The full formula
#
# :::{prf:proposition} The gradient of the cosine similarity
# :label: prop-cosine-gradient
#
# Let $z$ and $t$ be non-zero vectors of $\mathbb{R}^d$, $d \geq 1$. Then
#
# $$\nabla_z \bigl( \hat z^\top \hat t \bigr) = \frac{1}{\|z\|} \Bigl( I - \hat z \hat z^\top \Bigr) \hat t = \frac{(\hat t)_{\perp z}}{\|z\|}.$$
#
# The gradient of the loss $-\hat z^\top \hat t$ is minus that.
# :::
#
# We choose axes that suit the two vectors, which costs nothing because neither side of the equation knows about axes: $e_1 = \hat z$; $e_2$ at a right angle to it, in
# the plane of $z$ and $t$, so that $\hat t = \cos\phi\, e_1 + \sin\phi\, e_2$; and for $d > 2$ any $e_3$ orthogonal
# to both. A point near $z$ is $x_1 e_1 + x_2 e_2 + x_3 e_3$, and its cosine with $t$ is

# %%
x = sp.symbols("x1:4", real=True)
rho, phi = sp.symbols("rho phi", positive=True)
size = sp.sqrt(x[0] ** 2 + x[1] ** 2 + x[2] ** 2)
cosine = (x[0] * sp.cos(phi) + x[1] * sp.sin(phi)) / size
show("c(x)", cosine)

# %% [markdown]
# Its three derivatives, at $z$ itself, where $x = (\rho, 0, 0)$:

# %%
at_z = {x[0]: rho, x[1]: 0, x[2]: 0}
gradient = [sp.simplify(cosine.diff(axis).subs(at_z)) for axis in x]
show(r"\nabla c(z)", sp.Matrix(gradient))

# %% [markdown]
# Nothing along $e_1$, nothing along $e_3$. As $e_3$ was *any* direction orthogonal to $z$ and $t$, there is nothing in the other
# $d - 2$ directions either, and three coordinates have settled every dimension. What is left is
# $\sin\phi\, e_2 / \rho$, and $\sin\phi\, e_2 = \hat t - \cos\phi\, e_1 = \hat t - \hat z\, (\hat z^\top \hat t)$ is just the part of $\hat t$
# orthogonal to $z$. That is the proposition. On the line, $d = 1$, there is no $e_2$: the cosine is 1 or $-1$ and its gradient is zero.
#
# The same axes give the curvature, which we shall need for the landscape:

# %%
hessian = sp.hessian(cosine, x).subs(at_z)
show(r"\rho^2\, \nabla^2 c(z)", (rho**2 * hessian).applyfunc(sp.simplify))

# %% [markdown]
# One factor $1/\rho$ for every derivative: {eq}`eq-cosine-gradient-invariance` at work again.

# %% [markdown]
# ## The printed statements, decided
#
# A derivation shows what is true; whether a *printed* formula says so is another question, and misprints hide best where everybody
# knows what is meant. So each statement is transcribed as it stands and decided by machine, in a way that can come out against it:
#
# * **in every dimension at once.** The papers' formulas are built from inner products, so $z$ and $t$ may be known by
#   $z^\top z$, $z^\top t$ and $t^\top t$ alone. The gradient follows by the chain rule from $\nabla_z (z^\top t) = t$ and $\nabla_z (z^\top z) = 2z$,
#   and SymPy compares the coefficients of $z$ and $t$; where the claim is an inequality, Z3 looks for norms and an angle that break it.
# * **again in coordinates**, for $d = 1, 2, 3$, with every coordinate a symbol.
# * **by example.** A statement is called false only with a counterexample, the first that is found among vectors with small whole
#   coordinates. If there is neither a proof nor a counterexample, the check stops with an error.
#
# A line of a *proof* is examined too, but only what a paper *claims* enters the verdict.

# %% tags=["remove-input"]
page.card("cosine-gradient", "cosine-gradient-sign-2406", "cosine-gradient-sign-2502")

# %% [markdown]
# Take the counterexample and a pencil. Let $z = (1, 0)$ and $t = (0, 1)$. The loss is $-\cos\phi = 0$; moving $z$ up, towards
# $t$, makes it negative, so the loss *falls* along $(0, 1)$, and its gradient is $(0, -1)$. {cite:t}`draganov2024pitfalls` print $(0, 1)$. Their
# proof, in A.1, is sound for what it differentiates, but its first line reads $\mathcal{L}_i^A = z_i^\top z_j / (\|z_i\| \|z_j\|)$, and there
# the minus sign of the loss is gone. {cite:t}`draganov2025norms` put it back, in the proposition and in its proof.
#
# Does it matter? Seldom. The length and the orthogonality do not see the sign, and where the gradient is used it is *added* to
# the embedding, "maximizing the cosine similarity": adding the printed vector is a step of descent on the loss. To a reader who takes
# both words at face value, the printed gradient and gradient *descent*, it does matter: subtract $(0, 1)$ and $z$ moves away from $t$. And it
# matters in their Corollary 4, which adds to this vector the gradient of the {term}`repulsion`, a term that does carry the sign of its loss.
#
# The newer paper has the opposite slip, in one line before Theorem 3.4: with the gradient now carrying its minus sign,
# the update $z_i' = z_i + \gamma \nabla_i$ keeps the old plus.

# %% tags=["remove-input"]
page.card("descent-step-sign")

# %% [markdown]
# In the counterexample the step is from $(1, 0)$ to $(1, -1)$, away from $t$. What the line is there for, that the gradient's length
# acts like a learning rate, is true with either sign.
#
# Length and direction have no sign to lose. What {eq}`eq-cosine-gradient-norm` says at the ends, far out and at $\pi$, and what a step along a tangent does to the norm,
# follow from them:

# %% tags=["remove-input"]
page.card(
    "cosine-gradient-magnitude", "cosine-gradient-tangent", "gradient-vanishes-large-norm",
    "gradient-vanishes-opposite", "gradient-shrinks-as-loss-grows",
)

# %% tags=["remove-input"]
page.card("norm-growth-cosine", "norm-growth-amount")

# %% tags=["hide-input"]
below = rf"below $10^{{{np.log10(statements.TOLERANCE):.0f}}}$"
compared = (
    (formulas.matrix_form, formulas.gradient),
    (formulas.negative(formulas.matrix_form), formulas.gradient),
    (lambda s: geometry.negative_cosine_gradient(s.z, s.t), formulas.gradient),
    (lambda s: geometry.gradient_norm(s.z, s.t).unsqueeze(-1), lambda s: s.norm(formulas.gradient(s))),
)
rows, errors = [], {}
for d in sorted({1, 2, 3, 20, 2048, dimension}):
    errors[d] = [readings.largest_error(left, right, d, draws, seed) for left, right in compared]
    rows.append([d, *(below if e < statements.TOLERANCE else f"{e:.1f}" for e in errors[d])])
pages.table(
    rows,
    ["dimension", "2406.16468 Prop. 1", "2502.09252 Prop. 3.1", "ours", "length, ours"],
    fold="Against autograd",
    lead=f"The last judge knows no algebra. {draws} pairs of vectors in each dimension, in float64, corners included (obtuse and right angles, parallel and antipodal pairs, pairs within $10^{{-8}}$ of these, norms from "
    "$10^{-100}$ to $10^{100}$); autograd differentiates the loss. The largest error, in units of $1/\\|z\\|$, the natural size of a gradient here. \"Ours\" are `negative_cosine_gradient` and `gradient_norm` of "
    "`ssllib.geometry`. An error of 2 is the largest there can be: where $\\sin\\phi = 1$, the printed vector is the gradient's mirror image. In one dimension both are zero.",
)
for d, (plus, *rest) in errors.items():
    assert max(rest) < statements.TOLERANCE, "the corrected formula, or ours, disagrees with autograd"
    assert (plus < statements.TOLERANCE) == (d == 1), "the printed sign is right only where the gradient is zero"

# %% [markdown]
# ## The picture
#
# {numref}`fig-cosine-gradient-field` is our version of the paper's Figure 1, drawn from the formula. To the left, what the loss sees
# of each embedding (white) and what it does not (how long the line is). To the right, the field of gradients that results.

# %% tags=["hide-input"] mystnb={"image": {"alt": "Left: a grey sphere; white points on it are joined by thin radial lines to blue points outside, darker the farther out they are. Right: a field of arrows that all circle around the origin towards the upward direction t, long near the origin and short far from it; three black arrows at norms 0.5, 1 and 2 on one ray are parallel, and each is half as long as the one before; a chain of blue points bends from below around the origin up to t, slightly spiralling outwards."}, "figure": {"caption": "Left: embeddings in $\\mathbb{R}^3$ (blue, darker with growing norm) and their projections on the unit sphere (white), which are all that enters the loss. Right: gradients of the cosine with respect to the direction $t$ (orange). Black: three embeddings at one angle with norms 0.5, 1 and 2. Blue: gradient descent on the negative cosine, 14 steps with learning rate 0.35. After {cite:t}`draganov2025norms`, Figure 1.", "name": "fig-cosine-gradient-field"}}
def vector(*entries):
    return torch.tensor(entries, dtype=torch.float64)


fig = plt.figure(figsize=(8.6, 4))
left, right = fig.subfigures(1, 2, width_ratios=[1, 1])

# the sphere, seen from `eye` and lit from above
ball = left.add_subplot(projection="3d", computed_zorder=False)
turn, tilt = np.meshgrid(np.linspace(0, 2 * np.pi, 121), np.linspace(0, np.pi, 61))
sphere = np.array([np.cos(turn) * np.sin(tilt), np.sin(turn) * np.sin(tilt), np.cos(tilt)])
eye = np.array([np.cos(0.3) * np.cos(-1), np.cos(0.3) * np.sin(-1), np.sin(0.3)])
light = 0.86 + 0.1 * np.tensordot(eye + [0, 0, 0.6], sphere, 1)[..., None].clip(-1, 1) * np.ones(3)
_ = ball.plot_surface(*sphere, facecolors=light.clip(0, 1), rstride=1, cstride=1, linewidth=0, antialiased=False, shade=False, zorder=0)
ways = []
for way in np.random.default_rng(seed).standard_normal((500, 3)):
    way /= np.linalg.norm(way)
    if len(ways) < 16 and way @ eye > 0.1 and all(way @ other < 0.84 for other in ways):
        ways.append(way)
ways = np.array(ways)
norms = np.random.default_rng(seed).permutation(np.geomspace(1.15, 2, len(ways)))
for way, size in zip(ways, norms, strict=True):
    _ = ball.plot(*np.outer(way, [1, size]), color="#777777", lw=0.9, zorder=1)
_ = ball.scatter(*ways.T, c="white", s=26, edgecolor="black", linewidth=0.8, depthshade=False, zorder=2)
dots = ball.scatter(*(ways.T * norms), c=norms, cmap="Blues", vmin=0.8, vmax=2, s=48, edgecolor="black", linewidth=0.6, depthshade=False, zorder=3)
_ = ball.view_init(np.degrees(0.3), np.degrees(-1))
_ = ball.set_axis_off()
_ = ball.set_box_aspect((1, 1, 1), zoom=1.05)
_ = ball.set(xlim=(-1.3, 1.3), ylim=(-1.3, 1.3), zlim=(-1.3, 1.3))
_ = left.colorbar(dots, ax=ball, shrink=0.6, pad=0.02, label=r"norm $\|z\|$", ticks=[1, 1.5, 2])

# the field
field, target, scale = right.add_subplot(), vector(0, 1), 2.0
line = np.linspace(-2.4, 2.4, 17)
points = torch.tensor(np.stack(np.meshgrid(line, line), -1).reshape(-1, 2))
points = points[(points.norm(dim=1) > 0.7) & (points[:, 0] != 0)]
_ = field.quiver(*points.T, *geometry.cosine_similarity_gradient(points, target).T, color="#8c8c8c", angles="xy", scale_units="xy", scale=scale, width=0.0035, headwidth=4)
ray = vector(np.cos(3.5), np.sin(3.5))
_ = field.plot(*np.outer(ray, [0, 2.5]), color="black", lw=0.9, ls=":")
for radius in (0.5, 1.0, 2.0):
    z = radius * ray
    arrow = geometry.cosine_similarity_gradient(z, target)
    _ = field.quiver(*z, *arrow, color="black", angles="xy", scale_units="xy", scale=scale, width=0.009, headwidth=3.5, headlength=3.5, headaxislength=3.2, minlength=0, zorder=4)
    _ = field.plot(*z, "o", color="black", ms=4.5)
    _ = field.annotate(f"{radius:g}", z, (3, -13), textcoords="offset points", fontsize=9, fontweight="bold")
path = [vector(0.35, -0.5)]
for _step in range(14):
    path.append(geometry.step(path[-1], target, 0.35)[0])
_ = field.plot(*torch.stack(path).T, "-o", color=plots.BLUE, ms=4.5, lw=1.4, zorder=5)
_ = field.annotate("", (0, 2.55), (0, 0), arrowprops={"arrowstyle": "-|>", "color": plots.ORANGE, "lw": 3, "mutation_scale": 18})
_ = field.annotate(r"$t$", (0.1, 2.15), color="#8a5a00", fontsize=13)
_ = field.set(aspect="equal", xlim=(-2.6, 2.6), ylim=(-2.6, 2.6), xticks=range(-2, 3), yticks=range(-2, 3))
plt.show()

# %% tags=["hide-input"]
sizes = geometry.gradient_norm(torch.stack([r * ray for r in (0.5, 1.0, 2.0)]), target)
first, last = path[0].norm(), path[-1].norm()
np.testing.assert_allclose(sizes[:-1] / sizes[1:], 2)
pages.say(
    f"The black arrows have the lengths {sizes[0]:.3f}, {sizes[1]:.3f} and {sizes[2]:.3f}: twice the norm, half the gradient. All arrows circle the origin and "
    f"none points towards it or away from it. A step along a tangent leaves the circle, though, and so the blue trajectory, which begins at norm {first:.2f}, ends at norm {last:.2f}."
)

# %% [markdown]
# ## The landscape
#
# The appendix of {cite:t}`draganov2025norms` draws the cosine as a landscape over the plane and remarks that "for higher norms, the cosine similarity
# is less steep". Along a ray from the origin the ground is level, {eq}`eq-cosine-gradient-invariance`. So the heights met on a walk around the
# circle of radius $\rho$ are the same for every $\rho$, from $1$ in the direction of $t$ down to $-1$ behind it, but the walk is longer on the larger circle: after a way $s$,
#
# $$c = \cos\frac{s}{\rho}, \qquad \Bigl|\frac{dc}{ds}\Bigr| = \frac{\sin\phi}{\rho}, \qquad \frac{d^2c}{ds^2} = -\frac{\cos\phi}{\rho^2}.$$ (eq-cosine-gradient-walk)
#
# Both have been met above: the slope is the length of the gradient, and the curvature is the middle entry of the second derivatives, $-\cos\phi/\rho^2$.

# %% tags=["hide-input"] mystnb={"image": {"alt": "Three panels. Left: the cosine as a surface over the plane, a ramp twisted around the origin, yellow and high along the direction t, dark blue and low behind it, with circles of radius 0.5, 1 and 2 on it. Middle: the same from above. Right: the cosine against the distance walked along each circle from t; the curve for radius 0.5 falls steeply, that for radius 2 gently."}, "figure": {"caption": "The cosine with respect to the direction $t$ (blue line), with circles of radii 0.5, 1 and 2. Left: as a surface. Middle: from above. Right: the height along each circle against the distance walked from $t$, {eq}`eq-cosine-gradient-walk`. Left and middle after {cite:t}`draganov2025norms`, Figure S1.", "name": "fig-cosine-gradient-landscape"}}
fig = plt.figure(figsize=(9, 3.4))
hill, top, walk = fig.add_subplot(1, 3, 1, projection="3d", computed_zorder=False), fig.add_subplot(1, 3, 2), fig.add_subplot(1, 3, 3)
out, turn = np.meshgrid(np.geomspace(0.02, 2.4, 60), np.linspace(-np.pi, np.pi, 121))
ground = out * np.sin(turn), out * np.cos(turn), np.cos(turn)
_ = hill.plot_surface(*ground, cmap="cividis", vmin=-1, vmax=1, linewidth=0, antialiased=False, rstride=1, cstride=1, zorder=0)
mesh = top.pcolormesh(*ground, cmap="cividis", vmin=-1, vmax=1, shading="gouraud")
for radius, color, dash in ((0.5, plots.RED, "-"), (1, plots.PURPLE, "--"), (2, "black", "-.")):
    around = np.linspace(-np.pi, np.pi, 200)
    circle = radius * np.sin(around), radius * np.cos(around)
    _ = hill.plot(*circle, np.cos(around) + 0.02, color=color, ls=dash, lw=2.2, zorder=2)
    _ = top.plot(*circle, color=color, ls=dash, lw=2.2)
    way = np.linspace(0, np.pi * radius, 200)
    _ = walk.plot(way, np.cos(way / radius), color=color, ls=dash, lw=2.2, label=rf"$\rho = {radius:g}$")
_ = hill.plot([0, 0], [0, 2.4], [1.02, 1.02], color=plots.BLUE, lw=3, zorder=3)
_ = top.plot([0, 0], [0, 2.4], color=plots.BLUE, lw=3)
_ = hill.view_init(38, -35)
_ = hill.set_box_aspect((1, 1, 0.62), zoom=1.1)
_ = hill.set(xticks=[-2, 0, 2], yticks=[-2, 0, 2], zticks=[-1, 0, 1])
_ = top.set(aspect="equal", xticks=[-2, 0, 2], yticks=[-2, 0, 2])
_ = top.grid(False)
bar = fig.colorbar(mesh, ax=top, shrink=0.7, ticks=[-1, 0, 1])
_ = bar.ax.set_title(r"$\cos\phi$", fontsize=9)
_ = walk.set(xlabel="distance walked, $s$", ylabel=r"$\cos\phi$", yticks=[-1, -0.5, 0, 0.5, 1], box_aspect=1)
_ = walk.legend()
plt.show()

# %% tags=["hide-input"]
rows = []
for radius in (0.5, 1.0, 2.0):
    leaf = vector(radius * np.sin(1.0), radius * np.cos(1.0)).requires_grad_()
    (slope,) = torch.autograd.grad(leaf @ vector(0, 1) / leaf.norm(), leaf, create_graph=True)
    along = vector(-np.cos(1.0), np.sin(1.0))  # towards t, along the circle
    (bend,) = torch.autograd.grad(slope @ along, leaf)
    measured = float(slope.detach().norm()), float(bend @ along)
    law = np.sin(1.0) / radius, -np.cos(1.0) / radius**2
    np.testing.assert_allclose(measured, law, rtol=1e-12)
    rows.append([f"{radius:g}", *(f"{v:.4f}" for pair in zip(measured, law, strict=True) for v in pair)])
pages.table(
    rows,
    [r"norm $\rho$", "slope, autograd", r"$\sin\phi/\rho$", "curvature, autograd", r"$-\cos\phi/\rho^2$"],
    fold="Slope and curvature on the three circles, by autograd",
    lead=r"At an angle of one radian:",
)

# %% [markdown]
# So "less steep" is exact: by the ratio of the norms, at every angle but $0$ and $\pi$, where the ground is level on all circles. And the curvature falls with the
# *square* of the norm. It is this second power that one meets when steps are counted ({doc}`../simulations/norm-and-angle`): a gradient shortened by
# $\rho$ moves a point that must walk $\rho$ times as far.

# %% tags=["remove-input"]
page.card("landscape-flatter")

# %% [markdown]
# ## This execution
#
# What the cards say is recorded. Here every check is carried out again, now, and must come to the same words.

# %% tags=["hide-cell", "nbval-ignore-output"]
checks = (
    "cosine-gradient", "cosine-gradient-sign-2406", "cosine-gradient-sign-2502", "cosine-gradient-magnitude", "cosine-gradient-tangent",
    "descent-step-sign", "landscape-flatter",
)  # fmt: skip
proof_report.Decided(page.recorded("proofs"), *checks).again()

# %% [markdown]
# ## What differs, and why
#
# * **The sign**, as told above: in the older paper the proof drops the minus of the loss, in the newer one an update keeps the plus of the older. Neither
#   touches what the papers do with the gradient.
# * **The origin.** Both propositions say "points in $\mathbb{R}^d$". At $z = 0$ the cosine has no value and no gradient, and near it the gradient has no bound; the
#   functions of `ssllib.geometry` raise an error there. PyTorch does something else: `cosine_similarity` divides by $10^{-8}$ where a norm is smaller
#   (`normalize`: $10^{-12}$). Below that threshold it is linear in $z$, not scale-free, and both lines of {eq}`eq-cosine-gradient-euler` fail:

# %% tags=["hide-input"]
rows = []
for power in (0, -6, -9, -10):
    size = 10.0**power
    leaf = (size * vector(0.6, 0.8)).requires_grad_()
    (g,) = torch.autograd.grad(torch.nn.functional.cosine_similarity(leaf, vector(0, 1), dim=0), leaf)
    z = leaf.detach()
    rows.append([f"$10^{{{power}}}$" if power else "1", f"{float(g.norm() * z.norm()):.3f}", f"{float(geometry.gradient_norm(z, vector(0, 1)) * z.norm()):.3f}", f"{np.degrees(float(geometry.angle(g, z))):.1f}°"])
pages.table(rows, ["norm", "PyTorch: gradient times norm", r"$\sin\phi$", "PyTorch: angle between gradient and embedding"], caption="The gradient of `torch.nn.functional.cosine_similarity` for very short embeddings", name="tab-cosine-gradient-eps")

# %% [markdown]
# * **Who was first.** The papers say so themselves: the formula is Proposition 3 of {cite:t}`zhang2020spherical`, and {cite:t}`wang2017normface` had seen the orthogonality.
# * **The pictures.** The papers' figures come without data; ours are drawn from the formula, with our choice of points, steps and view. The right part of their
#   Figure 1, embeddings that grow, is a corollary, and another page's business; it can be seen coming in the blue trajectory of {numref}`fig-cosine-gradient-field`.
#
# ## What it costs, and how to vary it

# %% tags=["remove-input", "nbval-ignore-output"]
page.cost()

# %% tags=["remove-input"]
page.papermill(seed=1, draws=2100, dimension=512)
