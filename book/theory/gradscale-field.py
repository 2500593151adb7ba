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
# # GradScale's field
#
# {term}`GradScale` leaves the loss as it is and multiplies each embedding's gradient by a power of its norm. Is what comes out still the gradient of
# *something*? The paper says no, except for the power zero, and gives a proof. Here the proof is walked through step by step, in
# every dimension and with every sign, and we ask what the powers 0, 1 and 2 do to the gradient, to the norm and to the angle.

# %% tags=["parameters"]
seed: int = 0  # of the random vectors
power: float = 1.0  # one more power for the tables, beside 0, 1 and 2
radius: float = 2.0  # of the outer arc of the closed path
rate: float = 0.1  # of the steps in the tables

# %% tags=["hide-input"]
import math

import numpy as np
import torch
from matplotlib import pyplot as plt

from ssllib import geometry
from ssllib.evidence import papers
from ssllib.gradscale import scale_grad
from ssllib.pages import boxes, plots, proof_report
from ssllib.pages import page as pages
from ssllib.theory.proofs import gradscale_field, gradscale_potential, potentials

page = pages.begin(
    "theory/gradscale-field",
    globals(),
    seed=pages.integer(0, 10**6),
    power=pages.number(0, 3),
    radius=pages.number(1.1, 10),
    rate=pages.number(1e-4, 1),
)


def vector(*entries):
    return torch.tensor(entries, dtype=torch.float64)

# %% [markdown]
# ## The answer

# %% tags=["remove-input"]
page.answer(
    {
        "Does GradScale with p = 1 cancel the norm in the gradient?": "gradscale-cancels-norm",
        "Is a divided rate the same as GradScale?": "gradscale-implicit-division",
        "Is its field a gradient of something for no power but 0?": "gradscale-no-potential",
        "So is it not another loss?": "gradscale-not-another-loss",
    }
)

# %% [markdown]
# For what a cosine sees, the direction, $p = 1$ removes one of two powers of the norm; $p = 2$ removes both ({eq}`eq-gradscale-field-step`).

# %% [markdown]
# ## What the layer passes back
#
# Going forward GradScale is the identity, so loss and embeddings are what they were. Going back it multiplies by $\|z\|^p$. For a loss $\mathcal{L} = -\hat z^\top \hat t$, with
# the gradient of {doc}`cosine-gradient`,
#
# $$\nabla^{(p)} = \|z\|^p\, \nabla \mathcal{L} = -\|z\|^{p-1}\, (\hat t)_{\perp z}, \qquad \|\nabla^{(p)}\| = \|z\|^{p-1} \sin\phi.$$ (eq-gradscale-field-length)
#
# The direction is the old one; only the length is new. For $p = 1$ it is $\sin\phi$, at every norm. The check compares this library's layer, which is the
# paper's Listing 2, with the formula, by autograd on random vectors with norms from $10^{-100}$ to $10^{100}$, in up to 2048 dimensions.

# %% tags=["remove-input"]
page.card("gradscale-cancels-norm", "gradscale-field-drawn")

# %% tags=["hide-input"] mystnb={"image": {"alt": "Three fields of arrows around the origin that all turn towards the upward direction. p = 0: long near the origin, short far out. p = 1: the same length along each ray. p = 2: short near the origin, long far out. Colour shows the length."}, "figure": {"caption": "The field that descent follows, $-\\nabla^{(p)}$, for the direction $t$ (blue). Left and middle after {cite:t}`draganov2025norms`, Figure 6; right, the power 2. Colour is the length; all three have the same directions, and the same length on the circle of radius 1 (dashed). Arrow lengths are cut off at 1.6.", "name": "fig-gradscale-field-powers"}}
fig, axes = plt.subplots(1, 3, figsize=(9, 3.4), layout="constrained")
turn = np.radians(np.arange(10, 360, 20))
places = np.array([(r * np.sin(a), r * np.cos(a)) for r in (0.4, 0.8, 1.2, 1.6, 2.0, 2.4) for a in turn])
for ax, p in zip(axes, (0, 1, 2)):
    arrows = geometry.gradscale_field(torch.from_numpy(places), vector(0, 1), float(p)).numpy()
    length = np.linalg.norm(arrows, axis=1)
    shown = arrows * np.minimum(1, 1.6 / np.maximum(length, 1e-12))[:, None]
    marks = ax.quiver(*places.T, *shown.T, length, cmap="viridis_r", clim=(0, 2.4), angles="xy", scale_units="xy", scale=2.6, width=0.009, headwidth=3.6)
    _ = ax.plot([0, 0], [0, 2.7], color=plots.BLUE, lw=2.5)
    _ = ax.plot(np.sin(np.linspace(0, 2 * np.pi, 200)), np.cos(np.linspace(0, 2 * np.pi, 200)), "--", color="black", lw=0.8)
    _ = ax.set(aspect="equal", title=f"$p = {p}$", xticks=range(-2, 3), yticks=range(-2, 3), xlim=(-2.8, 2.8), ylim=(-2.8, 2.8))
_ = fig.colorbar(marks, ax=axes, shrink=0.8, label=r"length, $\rho^{p-1} \sin\phi$")
plt.show()

# %% [markdown]
# ### Gradient, norm and angle for three powers
#
# One step of descent, $z' = z - \gamma \nabla^{(p)}$, is at a right angle to $z$. So Pythagoras gives everything, exactly, with $\rho = \|z\|$:
#
# $$\tan \Delta\phi = \gamma\, \rho^{p-2} \sin\phi, \qquad \rho'^2 = \rho^2 + \gamma^2 \rho^{2p-2} \sin^2\phi.$$ (eq-gradscale-field-step)
#
# * **$p = 0$.** The gradient falls as $1/\rho$, and the step turns the embedding by $\gamma \sin\phi/\rho^2$: one power for the shorter step and one for the longer lever.
# * **$p = 1$.** The gradient is free of the norm. The turn is not: $1/\rho$ is left.
# * **$p = 2$.** The turn is free of the norm. The gradient grows with it, and so does the gain in norm: each step multiplies $\rho^2$ by $1 + \gamma^2 \sin^2\phi$, whatever it is.
#
# "Cancels the gradients' dependence on the embedding norm" is true of the gradient with $p = 1$, and only of the gradient. A cosine sees directions, and for these it is $p = 2$ that cancels.

# %% tags=["hide-input"]
rows = []
z_unit, target = vector(1, 0), vector(0, 1)
for p in sorted({0.0, 1.0, 2.0, power}):
    for size in (0.5, 1.0, 10.0):
        leaf = (size * z_unit).requires_grad_()
        loss = -torch.nn.functional.cosine_similarity(scale_grad(leaf, p), target, dim=0)
        (gradient,) = torch.autograd.grad(loss, leaf)
        after = leaf.detach() - rate * gradient
        turned = float(geometry.angle(leaf.detach(), after))
        np.testing.assert_allclose(math.tan(turned), rate * size ** (p - 2), rtol=1e-12)
        np.testing.assert_allclose(float(after.norm() ** 2), size**2 + rate**2 * size ** (2 * p - 2), rtol=1e-12)
        gained = 100 * math.expm1(math.log1p((rate * size ** (p - 2)) ** 2) / 2)
        rows.append([f"{p:g}", f"{size:g}", f"{float(gradient.norm()):.4g}", f"{math.degrees(turned):.4g}°", f"{boxes.decimal(gained, 3)} %"])
pages.table(rows, ["$p$", r"norm $\rho$", "gradient", "turned by one step", "norm gained"], caption=f"One step at a right angle to the target with rate {rate:g}, through the layer, by autograd", name="tab-gradscale-field-step")

# %% [markdown]
# What this means for the *number* of steps, and for the norm at the end of them, is counted in {doc}`../simulations/norm-and-angle`.
#
# ## The implicit division
#
# The paper shortens the rate for GradScale because the default schedule "has an implicit division by the embedding norms". For one embedding that is an identity:

# %% tags=["remove-input"]
page.card("gradscale-implicit-division")

# %% [markdown]
# A schedule, though, has *one* rate at a time, and a batch has many norms. With the rate $\gamma/m$, an embedding of norm $m$ takes its default step, a longer one takes a longer step than by default and a
# shorter one a shorter, by the factor $\|z\|/m$. What one rate **can** copy is the trend over training: all norms growing together, by a schedule $\gamma/m(t)$. What it **cannot** copy are the differences within
# a batch; and to even them out is what the layer is for. Weights are shared, so these differences also change the *direction* in weight space. Two samples of norms 1 and 3 with equally long, perpendicular default
# contributions show it:

# %% tags=["hide-input"]
sizes, parts = vector(1, 3), torch.eye(2, dtype=torch.float64)  # two samples' default contributions to one weight vector
default, scaled = parts.sum(0), (sizes[:, None] / sizes.mean() * parts).sum(0)
pages.say(
    f"the default step points along ({default[0]:g}, {default[1]:g}), GradScale's with the rate divided by the mean norm {sizes.mean():g} along ({scaled[0]:g}, {scaled[1]:g}): "
    f"{math.degrees(float(geometry.angle(default, scaled))):.1f}° apart. The paper's own choice, $\\gamma' = \\gamma/6$, reproduces the default steps of embeddings of norm 6."
)

# %% [markdown]
# ## Is it the gradient of anything?

# %% tags=["hide-input"]
printed = papers.load("2502.09252").statement("prop-D.1")
pages.show(f"::::{{grid}} 1\n\n:::{{grid-item-card}} {printed.name}, {{cite:t}}`draganov2025norms`\n\n{printed.text}\n:::\n::::")

# %% [markdown]
# (Mind the letters: in Proposition D.1, $p$ is the cosine and $\alpha$ the power; elsewhere in the paper, and on this page, $p$ is the power. We write $c$ for the cosine.)
#
# ### A counterexample to walk
#
# A field that is the gradient of a function $q$ gives back, on a closed path, what it took: the work along a path is $q$ at its end minus $q$ at its start. So here is a closed path in the plane. Take $t = (0, 1)$ and
# $u = (1, 0)$ and walk $t \to 2t \to 2u \to u \to t$: out along a ray, a quarter circle at radius 2, back along a ray, a quarter circle at radius 1. The field is $\|z\|^\alpha \nabla c$.
#
# * On the two rays the field is perpendicular to the path. Work: 0.
# * On the outer arc $\|z\|^\alpha = 2^\alpha$ is a constant and the rest is the gradient of $c$, which goes from 1 to 0. Work: $-2^\alpha$.
# * On the inner arc it goes from 0 to 1. Work: $+1$.
#
# In all, $1 - 2^\alpha$. That is zero for $\alpha = 0$ and for no other power; for GradScale with $p = 1$ it is $-1$. No function $q$ exists, and one does not need great
# circles from pole to pole to see it.

# %% tags=["hide-input"] mystnb={"image": {"alt": "Left: the closed path, two quarter arcs of radius 1 and 2 joined by rays, with arrows and the work along each side. Middle: the curl of the field for p = 1 in colour, positive on one side of the vertical axis and negative on the other, zero on the axis, strongest near the origin. Right: the work once around the path against the power, crossing zero at the power 0 only."}, "figure": {"caption": "Left: the closed path, with GradScale's field for $p = 1$. Middle: its curl, $\\partial_1 F_2 - \\partial_2 F_1$; it is zero on the axis of $t$ (white) only. Right: work once around the path against the power, by formula (line) and by adding up small steps (points).", "name": "fig-gradscale-field-loop"}}
def along(path, p):
    """The work of the field along a path of points, shape (steps + 1, 2), by the midpoint rule."""
    middle, step = (path[1:] + path[:-1]) / 2, path[1:] - path[:-1]
    return float((geometry.gradscale_field(middle, target, p) * step).sum())


def arc(size, start, end, points=2001):
    """A path at a constant distance from the origin, or (an iterable of two) along a ray; angles from t to the right."""
    r = torch.linspace(*((size, size) if isinstance(size, float) else size), points, dtype=torch.float64)
    a = torch.linspace(start, end, points, dtype=torch.float64)
    return torch.stack([r * a.sin(), r * a.cos()], 1)


sides = {
    "t → Rt": arc((1.0, radius), 0, 0),
    "Rt → Ru": arc(radius, 0, math.pi / 2),
    "Ru → u": arc((radius, 1.0), math.pi / 2, math.pi / 2),
    "u → t": arc(1.0, math.pi / 2, 0),
}
fig, (walk, curl, around) = plt.subplots(1, 3, figsize=(9.4, 3.2), layout="constrained")
near = torch.cartesian_prod(*[torch.arange(0.15, radius + 0.5, radius / 6.5, dtype=torch.float64)] * 2)
_ = walk.quiver(*near.T, *geometry.gradscale_field(near, target, 1.0).T, color="#bbbbbb", angles="xy", scale_units="xy", scale=9 / radius, width=0.007)
for (name, path), color in zip(sides.items(), (plots.GREY, plots.RED, plots.GREY, plots.GREEN)):
    _ = walk.plot(*path.T, color=color, lw=2.4)
    a, b = path[1000], path[1010]
    _ = walk.annotate("", b, a, arrowprops={"arrowstyle": "-|>", "color": color, "mutation_scale": 18})
    offset = {"t → Rt": (-6, 0), "Rt → Ru": (8, 4), "Ru → u": (0, -14), "u → t": (-44, -14)}[name]
    _ = walk.annotate(f"{along(path, 1.0):+.2f}".replace("-", "−").replace("−0.00", "0").replace("+0.00", "0"), a, offset, textcoords="offset points", color=color, fontsize=10, ha="right" if name == "t → Rt" else "left")
_ = walk.set(aspect="equal", xlim=(-0.45 * radius / 2, radius * 1.25), ylim=(-0.3 * radius / 2, radius * 1.25), title="work, $p = 1$")
xs = torch.linspace(-2, 2, 160, dtype=torch.float64)
x, y = torch.meshgrid(xs, xs, indexing="xy")
here = torch.stack([x, y], -1)
turning = geometry.gradscale_curl(here, target, 1.0) * torch.sign(x)  # t lies to the left of a point on the right
mesh = curl.pcolormesh(x, y, turning, cmap="RdBu_r", vmin=-2, vmax=2, shading="auto")
_ = curl.plot([0, 0], [0, 2], color=plots.BLUE, lw=2.5)
_ = curl.set(aspect="equal", xticks=range(-2, 3), yticks=range(-2, 3), title="curl, $p = 1$")
_ = curl.grid(False)
_ = fig.colorbar(mesh, ax=curl, shrink=0.75, ticks=[-2, 0, 2])
tried = np.linspace(-2, 3, 101)
total = {p: sum(along(path, p) for path in sides.values()) for p in (-2, -1, 0, 0.5, 1, 1.5, 2, 2.5)}
_ = around.plot(tried, 1 - radius**tried, color="black", lw=1.2)
_ = around.plot(list(total), list(total.values()), "o", color=plots.RED, ms=5)
_ = around.axhline(0, color="#888888", lw=0.8)
_ = around.set(xlabel=r"power $\alpha$", ylabel="work once around")
plt.show()
for p, found in total.items():
    np.testing.assert_allclose(found, 1 - radius**p, atol=1e-5)

# %% [markdown]
# ### Every dimension
#
# :::{prf:proposition} Which powers have a potential
# :label: prop-gradscale-field
#
# Let $F = \|z\|^\alpha \nabla c$ on $\mathbb{R}^n \setminus \{0\}$, with $c(z) = \hat z^\top t$ for a unit vector $t$. For $n \geq 2$ it is the gradient of a function only for $\alpha = 0$, and for
# $\alpha \neq 0$ not even in a small neighbourhood of any point off the axis of $t$. For $n = 1$ it is zero, and so the gradient of every constant, for every $\alpha$.
# :::
#
# Three ways to see it for $n \geq 2$, of which one is enough:
#
# * **Paths**, as above: any plane that contains $t$ will do.
# * **Curl.** A gradient's derivative is symmetric. That of $F$ is not: as $\nabla c$ has no curl of its own, what is left comes from $\nabla \|z\|^\alpha = \alpha \|z\|^{\alpha - 2} z$,
#
#   $$\begin{aligned}
#   \partial_j F_i - \partial_i F_j &= \alpha\, \|z\|^{\alpha - 2} \bigl( z_j\, \partial_i c - z_i\, \partial_j c \bigr), \\
#   \|\operatorname{curl} F\| &= |\alpha|\, \|z\|^{\alpha - 2} \sin\phi,
#   \end{aligned}$$ (eq-gradscale-field-curl)
#
#   because $z$ and $\nabla c$ are perpendicular. Nothing was used of $c$ but that it is free of scale.
# * **Scale.** Suppose $F = \nabla q$. As $z^\top F = 0$, $q$ is constant along rays. Then its gradient must fall as $1/\|z\|$ along them ({doc}`cosine-gradient`, Euler). But $F$ goes as $\|z\|^{\alpha - 1}$. So $\alpha = 0$, or $F = 0$.
#
# The last argument holds for **any loss that is free of scale**, InfoNCE with all its negatives included, wherever its gradient is not zero.

# %% tags=["remove-input"]
page.card("gradscale-no-potential")

# %% [markdown]
# The counterexample is the line, $n = 1$: the cosine of two numbers is 1 or $-1$, its gradient zero, and zero times any power of the norm is still the gradient of a constant. Nobody trains in one dimension,
# and from two on the statement is true. But the proposition says $\mathbb{R}^n$, and its proof needs great circles on $S^{n-1}$, which on the line (two points) do not exist.
#
# ### The proof's two integrals
#
# The printed proof walks from $t$ to $-2t$ in two ways, $t \to 2t \to -2t$ and $t \to -t \to -2t$, and compares. An integral of a gradient is its function at the *end* minus that at the *start*; on the way from $2t$ to $-2t$ the
# cosine falls from 1 to $-1$. The proof prints start minus end, both times.

# %% tags=["hide-input"]
half = {name: arc(size, 0, math.pi, 20_001) for name, size in (("outer, $2t$ to $-2t$", 2.0), ("inner, $t$ to $-t$", 1.0))}
rows = []
for p in sorted({0.0, 1.0, 2.0, power}):
    for name, path in half.items():
        exact, found = -2 * float(path[0].norm()) ** p, along(path, p)
        np.testing.assert_allclose(found, exact, rtol=1e-6)
        rows.append([f"{p:g}", name, f"{-exact:.4g}", f"{found:.4f}".replace("-", "−")])
pages.table(
    rows,
    [r"$\alpha$", "great circle", "printed", "added up in small steps"],
    fold="The two integrals, added up",
    lead="Walked in the direction the proof states:",
)

# %% [markdown]
# Both signs are wrong in the same way, so the comparison, $2^{\alpha + 1} = 2$, and its conclusion stand.

# %% tags=["remove-input"]
page.card("gradscale-path-integrals")

# %% [markdown]
# ## So what is it, if not another loss?
#
# In two dimensions and more, then, the paper is right: no function of the embedding has this field as its gradient, and hence GradScale cannot be had by changing the loss. "Just a trick" it
# is not either:
#
# * **The same loss goes down.** $\nabla^\top \nabla^{(p)} = \|z\|^p \|\nabla\|^2 \geq 0$: each small step descends on the loss one has, and it stands still exactly where the default gradient is zero. What was a minimum is one.
# * **Same flow, another clock.** For a single embedding and infinitely small steps, the paths are the same arcs; only the speed along them changes. With several embeddings each has its own clock, so the *paths* of the batch change.
# * **Steepest descent with another ruler.** $\|z\|^p \nabla \mathcal{L}$ is the gradient of the same $\mathcal{L}$ if a small step $dz$ at $z$ is given the length $\|dz\|/\|z\|^{p/2}$. For $p = 2$ that is the relative length, in which all circles around the origin
#   are equally long: this is why its turning is free of the norm.
# * **A loss with a stop-gradient** gives the same field: $\operatorname{sg}(\|z\|^p)\, \mathcal{L}$. That is an instruction for autograd. As a function of $z$ its true gradient has one more term, which points along $z$.

# %% tags=["hide-input"]
generator = torch.Generator().manual_seed(seed)
z, t = torch.randn(2, 3, generator=generator, dtype=torch.float64)
rows = []
for name, weight in (("GradScale, $p = 1$", None), (r"$\operatorname{sg}(\lVert z \rVert) \, \mathcal L$", lambda x: x.norm().detach()), (r"$\lVert z \rVert \, \mathcal L$", torch.linalg.vector_norm)):
    leaf = z.clone().requires_grad_()
    seen = scale_grad(leaf, 1.0) if weight is None else leaf
    loss = -torch.nn.functional.cosine_similarity(seen, t, dim=0) * (1 if weight is None else weight(leaf))
    (g,) = torch.autograd.grad(loss, leaf)
    radial = float(g @ z / z.norm())
    rows.append([name, f"{float(geometry.tangent_component(g, z).norm()):.4f}", f"{radial:.4f}".replace("-", "−").replace("−0.0000", "0.0000")])
pages.table(
    rows,
    ["loss", "part across $z$", "part along $z$"],
    fold="Three gradients at one random embedding",
    lead="In $\\mathbb{R}^3$, by autograd:",
)

# %% tags=["remove-input"]
page.card("gradscale-not-another-loss")

# %% [markdown]
# ## This execution
#
# What the cards say of proofs is recorded. Here every check is carried out again, now.

# %% tags=["hide-cell", "nbval-ignore-output"]
proof_report.Decided(page.recorded("proofs"), *gradscale_field.CHECKS, *gradscale_potential.CHECKS).again()

# %% tags=["hide-input"]
below = "below $10^{-9}$"
rows = []
for n in (2, 3, 20, 128):
    errors = [potentials.infonce_curl_error(n, p, seed) for p in (1.0, 2.0)]
    assert max(errors) < 1e-9
    rows.append([n, *(below for _ in errors)])
pages.table(
    rows,
    ["$n$", "$p = 1$", "$p = 2$"],
    fold="The curl once more, without symbols",
    lead="The antisymmetric part of the Jacobian of the field that GradScale makes of *InfoNCE* (four pairs, temperature 0.5), against {eq}`eq-gradscale-field-curl`: the error, relative to the largest entry.",
)

# %% [markdown]
# ## What differs, and why
#
# * **The line.** "For every $n$" is too much by one case. Nothing in the paper depends on it.
# * **Two signs.** End minus start, not start minus end. They cancel in the comparison.
# * **What is cancelled.** The paper's sentence is about the gradient, and true. The embedding-norm effect is about convergence, and half of it (one of two powers of the norm) is still there at $p = 1$.
# * **Listing 1 or 2.** Appendix D announces the layer as Listing 1; the code beside it is called Listing 2.
# * **The origin.** The field is not defined at $z = 0$, and for $p < 1$ not bounded near it. For $p = 1$ it is bounded by 1 and has no limit there; for $p > 1$ it goes to zero. Our layer passes back zero for a zero vector and $p > 0$.
#
# ## What it costs, and how to vary it

# %% tags=["remove-input", "nbval-ignore-output"]
page.cost()

# %% tags=["remove-input"]
page.papermill(power=0.5, radius=3.0, rate=0.3)
