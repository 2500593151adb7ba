r"""Simulation of latent classes: which embeddings get large norms when a small network learns to tell classes?

Source: 2502.09252 section 4.2, Fig. 2b, 2c, S2, appendix B.2; and the notebook released with it. Centres c_i
are uniform on a sphere; latent points are c_i plus Gaussian noise, put back on the sphere; a random matrix
makes observations of them; a network with one hidden layer learns from these with the supervised InfoNCE loss.
Plain float32 PyTorch on one CPU core, one network a run, a few seconds. What is measured of it: `density`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from ssllib.engine import config as configs
from ssllib.errors import InputError, in_range, one_of
from ssllib.losses.supervised import supervised_info_nce

NOISE = math.sqrt(0.1)  # N(c, 0.1 I): 0.1 is the variance of each coordinate


@configs.register("simulation:latent-classes")
@dataclass(frozen=True)
class LatentClassesConfig(configs.RunConfig):
    r"""Settings of the simulation; the defaults are the text's.

    Chosen before any result was seen. *What the text leaves open is as in the released notebook*: hidden width
    64, the network's start (PyTorch's default for linear layers), plain gradient descent with rate 0.01 (0.005
    in three dimensions), temperature 1, and a random matrix of normal entries with standard deviation 10. The
    number of epochs is 50, from the axis of Fig. 2c and the caption of Fig. S2. N(c, 0.1 I) is read as it is
    written: 0.1 is a variance. The positive of a point is one other point of its class, drawn anew in each
    batch; the rest of the batch stands in the denominator. `norm_class_1` is of the most frequent class.

    Three sets of observations are measured. `seen`: those trained on. `new`: as many new draws from the same
    classes through the same matrix. `other`: a data set of other classes and another matrix, with equal
    probabilities, which is what the released notebook's Fig. 2b shows its encoder. Neighbours are looked for
    within the set.
    """

    runner: ClassVar[str] = "ssllib.engine.simulations.density:run_latent_classes"

    classes: int = 4
    dim: int = 11  # of latent points and of embeddings; the sphere is S^(dim - 1)
    observed: int = 64  # dimensions of an observation
    per_class: int = 1000  # exactly, or on average where `weights` are given
    weights: tuple[float, ...] = ()  # class probabilities up to a factor; () = `per_class` of each
    noise: float = NOISE  # standard deviation of a latent coordinate around its centre
    matrix_scale: float = 10.0  # standard deviation of the random matrix's entries
    hidden: int = 64
    temperature: float = 1.0
    symmetric: bool = False  # whoever draws i as its positive becomes a positive of i (the notebook)
    rate: float = 0.01
    batch: int = 128
    epochs: int = 50
    neighbour: int = 10
    plotted: str = "seen"  # the set whose figures go without a suffix: "seen" or "other"
    other_noise: float = NOISE  # `noise` of the other data set
    correlation: str = "all"  # "within": Spearman's coefficient for each class, averaged

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, low, high in _WHOLE:
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool):
                raise InputError(f"{name} is {value!r}; allowed: a whole number")
            in_range(name, value, low, high)
        for name in ("noise", "matrix_scale", "temperature", "rate", "other_noise"):
            in_range(name, getattr(self, name), 0, 1e6, open_low=True)
        one_of("plotted", self.plotted, ("seen", "other"))
        one_of("correlation", self.correlation, ("all", "within"))
        object.__setattr__(self, "weights", tuple(float(w) for w in self.weights))
        if self.weights and (len(self.weights) != self.classes or min(self.weights) <= 0):
            raise InputError(f"weights are {self.weights}; allowed: () or {self.classes} positive numbers")
        if self.classes * self.per_class <= self.neighbour:
            raise InputError(f"{self.classes * self.per_class} points have no neighbour number {self.neighbour}")


_WHOLE = (
    ("classes", 2, 1000), ("dim", 2, 10**4), ("observed", 1, 10**5), ("per_class", 2, 10**6), ("hidden", 1, 10**5),
    ("batch", 2, 10**6), ("epochs", 0, 10**5), ("neighbour", 1, 10**4),
)  # fmt: skip


# --- data -------------------------------------------------------------------------------------------------


@dataclass
class World:
    """Where classes lie and how they are observed: centres (classes, dim), matrix (observed, dim)."""

    centres: Tensor
    matrix: Tensor


@dataclass
class Sample:
    """Latent points on the sphere (n, dim), their observations (n, observed), class labels (n,)."""

    latents: Tensor
    observations: Tensor
    labels: Tensor


def world(config: LatentClassesConfig, generator: torch.Generator) -> World:
    """Centres uniform on the sphere, and a matrix of independent normal entries."""
    centres = F.normalize(torch.randn(config.classes, config.dim, generator=generator), dim=1)
    matrix = config.matrix_scale * torch.randn(config.observed, config.dim, generator=generator)
    return World(centres, matrix)


def sample(
    where: World, config: LatentClassesConfig, noise: float, weights: tuple[float, ...], generator: torch.Generator
) -> Sample:
    """`classes * per_class` points; of each class exactly `per_class`, or drawn with probabilities `weights`."""
    n = config.classes * config.per_class
    if weights:
        labels = torch.multinomial(torch.tensor(weights), n, replacement=True, generator=generator)
    else:
        labels = torch.arange(config.classes).repeat_interleave(config.per_class)
    points = where.centres[labels] + noise * torch.randn(n, config.dim, generator=generator)
    latents = F.normalize(points, dim=1)
    return Sample(latents, latents @ where.matrix.T, labels)


# --- network ----------------------------------------------------------------------------------------------

Parameters = list[Tensor]  # W1 (hidden, observed), b1 (hidden,), W2 (dim, hidden), b2 (dim,)


def parameters(config: LatentClassesConfig, generator: torch.Generator) -> Parameters:
    """Weights and biases uniform within 1 / sqrt(inputs), PyTorch's default for linear layers."""
    found = []
    for inputs, outputs in ((config.observed, config.hidden), (config.hidden, config.dim)):
        for shape in ((outputs, inputs), (outputs,)):
            uniform = torch.rand(shape, generator=generator)
            found.append(((2 * uniform - 1) / math.sqrt(inputs)).requires_grad_())
    return found


def embed(p: Parameters, x: Tensor) -> Tensor:
    """Embeddings (n, dim) of observations (n, observed)."""
    return F.linear(torch.relu(F.linear(x, p[0], p[1])), p[2], p[3])


def train_epoch(p: Parameters, data: Sample, config: LatentClassesConfig, generator: torch.Generator) -> float:
    """One pass over the data in random batches, moving `p` in place; returns the mean loss of the batches.

    The last, smaller batch counts as one, as in the released notebook; a last batch of one point is left out.
    """
    losses = []
    for index in torch.randperm(len(data.labels), generator=generator).split(config.batch):
        if len(index) < 2:
            continue
        z = embed(p, data.observations[index])
        loss = supervised_info_nce(z, data.labels[index], config.temperature, generator, config.symmetric)
        gradients = torch.autograd.grad(loss, p)
        with torch.no_grad():
            for parameter, gradient in zip(p, gradients, strict=True):
                parameter -= config.rate * gradient
        losses.append(float(loss.detach()))
    return sum(losses) / len(losses)
