r"""Where growth stops being true: optimizers with a memory, weight decay, weights that embeddings share.

Source: 2502.09252 section 3, footnote 1, section 6. Momentum: Heo et al. 2021 (AdamP).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ssllib import geometry
from ssllib.theory.proofs.algebra import never_negative
from ssllib.theory.proofs.formulas import gradient
from ssllib.theory.proofs.phrases import pair
from ssllib.theory.proofs.readings import Coordinates
from ssllib.theory.proofs.statements import Statement, examine

STEP = r"\lVert z^{(t+1)} \rVert \geq \lVert z^{(t)} \rVert"


def momentum_update(z: Any, v: Any, g: Any, rate: Any, mu: Any, nesterov: bool = False) -> tuple[Any, Any]:
    """One step of gradient descent with (Nesterov) momentum: the next z and the next velocity."""
    v = mu * v + g
    return z - rate * (g + mu * v if nesterov else v), v


def averaged_update(z: Any, m: Any, g: Any, beta: Any, scale: Any) -> tuple[Any, Any]:
    """One step along a running mean of gradients, Adam's first moment: the next z and the next mean.

    `scale` is what the mean is multiplied by: one positive number for the whole of z, or one for each entry.
    """
    m = beta * m + (1 - beta) * g
    return z - scale * m, m


class Memory:
    """z, a memory v (velocity or running mean) and a gradient g orthogonal to z, by their inner products only."""

    def __init__(self) -> None:
        import sympy as sp

        self.sp = sp
        self.z, self.v, self.g = sp.symbols("z v g")  # they stand for vectors, and only ever occur linearly
        self.rate, self.mu = sp.symbols("gamma mu", real=True)
        self.zz, self.zv, self.vv, self.vg, self.gg = sp.symbols("zz zv vv vg gg", real=True)

    def dot(self, a: Any, b: Any) -> Any:
        vectors = (self.z, self.v, self.g)
        products = ((self.zz, self.zv, 0), (self.zv, self.vv, self.vg), (0, self.vg, self.gg))  # z . g = 0
        left, right = ([self.sp.expand(x).coeff(v) for v in vectors] for x in (a, b))
        return sum(x * y * products[i][j] for i, x in enumerate(left) for j, y in enumerate(right))

    def given(self) -> list[Any]:
        """Positive rates, a memory that fades, and inner products of vectors."""
        ge, gt, lt = (lambda x, y, r=r: r(x, y, evaluate=False) for r in (self.sp.Ge, self.sp.Gt, self.sp.Lt))
        return [gt(self.rate, 0), ge(self.mu, 0), lt(self.mu, 1), *self.vectors(ge)]

    def vectors(self, ge: Callable[[Any, Any], Any]) -> list[Any]:
        return [ge(self.vv, 0), ge(self.gg, 0), ge(self.vv * self.gg - self.vg**2, 0)]


def never_shrinks(update: Callable[[Memory], tuple[Any, Any]], kept: Callable[[Memory, Any, Any], Any]) -> bool:
    r"""Z3, by induction over the steps, for any vectors $g_t \perp z_t$: no update shrinks z.

    Args:
        update: z and v after a step.
        kept: an expression in z and v that is >= 0 at the start, where v = 0, and, as is shown, after each step
            before which it was.
    """
    m = Memory()
    z, v = update(m)
    given = [*m.given(), m.sp.Ge(kept(m, m.z, m.v), 0, evaluate=False)]
    grown = m.sp.expand(m.dot(z, z) - m.zz)
    at_start = m.sp.expand(kept(m, m.z, m.sp.S(0))) == 0
    return at_start and all(never_negative(x, False, given) for x in (grown, m.sp.expand(kept(m, z, v))))


def inward(m: Memory, z: Any, v: Any) -> Any:
    r"""$-z^\top v$: what is kept by momentum and by a running mean, whose rate may change from step to step."""
    return -m.dot(z, v)


def inward_by_far(m: Memory, z: Any, v: Any) -> Any:
    r"""$-z^\top v - \gamma (\tfrac12 + \mu) \|v\|^2$: what is kept by Nesterov's momentum at a constant rate."""
    return -m.dot(z, v) - m.rate * (m.sp.Rational(1, 2) + m.mu) * m.dot(v, v)


def momentum_never_shrinks() -> bool:
    r"""$v' = \mu v + g$, $z' = z - \gamma v'$ keep $z^\top v \leq 0$."""
    return never_shrinks(lambda m: momentum_update(m.z, m.v, m.g, m.rate, m.mu), inward)


def nesterov_never_shrinks() -> bool:
    r"""$z' = z - \gamma (g + \mu v')$ with $v' = \mu v + g$, at a constant rate."""
    return never_shrinks(lambda m: momentum_update(m.z, m.v, m.g, m.rate, m.mu, nesterov=True), inward_by_far)


def averaged_never_shrinks() -> bool:
    """Adam with one second moment for all of z: whatever scales its first moment is one positive number."""
    return never_shrinks(lambda m: averaged_update(m.z, m.v, m.g, m.mu, m.rate), inward)


# --- sequences of cosine gradients --------------------------------------------------------------------------

Rule = Callable[[Tensor, Tensor], Tensor]
"""An optimizer with its state: takes z and the gradient, shape (n, d) both, and returns the next z."""


def momentum(rate: float, mu: float = 0.0, nesterov: bool = False, decay: float = 0.0) -> Rule:
    """Gradient descent with (Nesterov) momentum `mu` and weight decay, as `torch.optim.SGD` does it."""
    v: Tensor | float = 0.0

    def step(z: Tensor, g: Tensor) -> Tensor:
        nonlocal v
        z, v = momentum_update(z, v, g + decay * z, rate, mu, nesterov)
        return z

    return step


def adam(
    rate: float, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8, whole: bool = False
) -> Rule:
    """Adam, as `torch.optim.Adam` does it; with `whole`, one second moment for all entries of a z."""
    m: Tensor | float = 0.0
    s: Tensor | float = 0.0
    steps = 0

    def step(z: Tensor, g: Tensor) -> Tensor:
        nonlocal m, s, steps
        steps += 1
        square = (g * g).sum(dim=-1, keepdim=True) if whole else g * g
        s = betas[1] * s + (1 - betas[1]) * square
        root = (s / (1 - betas[1] ** steps)) ** 0.5
        z, m = averaged_update(z, m, g, betas[0], rate / (1 - betas[0] ** steps) / (root + eps))
        return z

    return step


RULES: dict[str, Callable[[], Rule]] = {
    "gradient descent": lambda: momentum(0.02),
    "momentum 0.9": lambda: momentum(0.02, 0.9),
    "Nesterov momentum 0.9": lambda: momentum(0.02, 0.9, nesterov=True),
    "Adam, one second moment": lambda: adam(0.02, whole=True),
    "Adam": lambda: adam(0.02),
    "weight decay 0.5": lambda: momentum(0.02, decay=0.5),
}


def walk(rule: Rule, start: Tensor, targets: Tensor) -> Tensor:
    """Embeddings on their way, (steps + 1, n, d), pulled towards one target after another.

    Args:
        rule: a fresh one, as `RULES` make them.
        start: shape (n, d); n embeddings that move freely, each with its own entries of the state.
        targets: shape (steps, n, d): at each step the loss is the sum of -cos(z, target).
    """
    path = [start]
    for target in targets:
        path.append(rule(path[-1], geometry.negative_cosine_gradient(path[-1], target)))
    return torch.stack(path)


def shrinking_steps(path: Tensor) -> float:
    """The share of steps after which the norm is smaller, by more than rounding."""
    norm = path.norm(dim=-1)
    return float((norm[1:] < norm[:-1] * (1 - 1e-12)).double().mean())


def random_targets(steps: int, n: int, d: int, seed: int) -> tuple[Tensor, Tensor]:
    """A start (n, d) of norm 1 and targets (steps, n, d), all of them in random directions, in float64."""
    generator = torch.Generator().manual_seed(seed)
    z = torch.randn(steps + 1, n, d, generator=generator, dtype=torch.float64)
    z = z / z.norm(dim=-1, keepdim=True)
    return z[0], z[1:]


# --- the check ----------------------------------------------------------------------------------------------


def adam_step() -> dict[str, Any] | None:
    r"""A first step of Adam that shrinks the embedding, in whole numbers; None if there were none.

    With corrected bias and no epsilon the first moment is scaled by $\gamma / ((1 - \beta_1) |g|)$ in each coordinate.
    """
    space = Coordinates(2)
    sp, beta = space.sp, space.sp.Rational(9, 10)
    for z in ((1, 0), (1, 1), (2, 1), (3, 1)):
        for t in ((0, 1), (1, 0), (0, -1)):
            g = space.put(gradient(space), z, t, "1")
            scales = [sp.Rational(1, 2) / ((1 - beta) * abs(slope)) if slope else 0 for slope in g]
            after = [averaged_update(x, 0, d, beta, c)[0] for x, d, c in zip(z, g, scales, strict=True)]
            before, now = sum(x * x for x in z), sum(x * x for x in after)
            if now < before:
                found = {"z": list(z), "t": list(t), "gamma": "1/2", "after": [str(x) for x in after]}
                return found | {"squared norm before": before, "squared norm after": str(now)}
    return None


INPUTS = [1, 0], [-1, 1]


def shared_weights() -> dict[str, Any] | None:
    """A linear network z = Wx, two inputs, one step on -cos(Wx_1, Wx_2) at rate 1 from W = 1; None if z_1 grew."""
    import sympy as sp

    w = sp.Matrix(2, 2, sp.symbols("w1:5", real=True))
    inputs = [sp.Matrix(x) for x in INPUTS]
    z1, z2 = (w * x for x in inputs)
    loss = -z1.dot(z2) / sp.sqrt(z1.dot(z1) * z2.dot(z2))
    here = dict(zip(w, (1, 0, 0, 1), strict=True))
    step = sp.Matrix(2, 2, [loss.diff(x).subs(here) for x in w])
    after = (sp.eye(2) - step) * inputs[0]
    now = sp.simplify(after.dot(after))
    if not now < 1 or sp.simplify(sum(a * b for a, b in zip(sp.eye(2), step, strict=True))) != 0:
        return None
    weights = sp.simplify(sum(x * x for x in sp.eye(2) - step))
    shown = {"x_1": INPUTS[0], "x_2": INPUTS[1], "squared norm of z_1 before": 1, "after": str(now)}
    return shown | {"squared norm of W before": 2, "squared norm of W after": str(weights)}


DECAY: dict[str, Any] = {
    r"\lambda": lambda s: s.norm(s.t),  # any positive number will do: the norm of t, which nothing else knows
    "z'": lambda s: momentum_update(s.z, 0 * s.z, gradient(s) + s.norm(s.t) * s.z, s.gamma, 0)[0],
}


SHRINKS = r"\lVert z' \rVert < \lVert z \rVert"


def check(seed: int) -> list[Statement]:
    """Momentum keeps growth, Adam does not; then (added) what else keeps it, and what else makes norms shrink."""
    start, targets = random_targets(300, 16, 3, seed)
    steady = [name for name in list(RULES)[:4] if shrinking_steps(walk(RULES[name](), start, targets)) > 0]
    tall, up = torch.tensor([[[2.0, 1.0]], [[0.0, 1.0]]], dtype=torch.float64)
    numbers = walk(adam(0.5), tall, up.unsqueeze(0))[-1].norm() < tall.norm()
    found, shared = adam_step(), shared_weights()
    law = r"\lVert z' \rVert^2 = (1 - \gamma \lambda)^2 \lVert z \rVert^2"
    law += r" + \gamma^2 \frac{\sin^2 \phi}{\lVert z \rVert^2}"
    return [
        by_induction("gradient descent with momentum", momentum_never_shrinks(), role="claim"),
        Statement(
            "Adam, with a second moment for each coordinate: some step",
            SHRINKS,
            found is not None,
            "SymPy",
            found or {"step": "none that shrinks"},
        ),
        by_induction("Adam, with one second moment for all of z", averaged_never_shrinks()),
        by_induction("Nesterov momentum, at a constant rate", nesterov_never_shrinks()),
        Statement(
            "gradient descent and those three, over 300 steps",
            STEP,
            not steady,
            "autograd",
            {name: "shrank" for name in steady} or None,
            role="added",
        ),
        Statement(
            "Adam's step, in float64, with its epsilon", SHRINKS, bool(numbers), "autograd", role="added"
        ),
        examine("weight decay", law, pair(DECAY), role="added"),
        Statement(
            "shared weights, z = Wx",
            r"\lVert W' x_1 \rVert < \lVert W x_1 \rVert \text{ though } \lVert W' \rVert \geq \lVert W \rVert",
            shared is not None,
            "example",
            shared,
            role="added",
        ),
    ]


def by_induction(source: str, proved: bool, role: str = "added") -> Statement:
    """Whether no step of an optimizer shrinks the embedding; a failed proof is no example of one that does."""
    return Statement(source, STEP, proved, "Z3", None if proved else {"proof": "none found"}, role=role)
