"""Small pictures for the front page: one drawing for each finding, from closed forms and from the finding's own number.

`data/findings.yml` names them; `PICTURES` holds them with the words that stand for them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from ssllib.errors import one_of
from ssllib.evidence.findings import Finding
from ssllib.pages import plots

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SIZE = (2.7, 1.6)  # inches


def draw(f: Finding) -> Figure:
    """A finding's picture, as a figure that belongs to no window."""
    from matplotlib.figure import Figure

    one_of("picture", f.picture, sorted(PICTURES))
    figure = Figure(SIZE, layout="constrained")
    ax = figure.subplots()
    ax.grid(False)
    ax.tick_params(labelsize=8, length=2)
    ax.spines[["top", "right"]].set_visible(False)
    PICTURES[f.picture][0](ax, f)
    return figure


def alt(f: Finding) -> str:
    """What the picture shows, in words."""
    one_of("picture", f.picture, sorted(PICTURES))
    return PICTURES[f.picture][1]


def _shown(f: Finding) -> tuple[float, float, float]:
    """Mean and interval of the finding's number."""
    assert f.cell is not None
    e, target = f.verdict.cells[f.cell].estimate, f.verdict.claim.estimands[f.cell].target
    return e.mean + target, e.low + target, e.high + target


def _label(ax: Axes, x: str, y: str) -> None:
    ax.set_xlabel(x, fontsize=8, labelpad=1)
    ax.set_ylabel(y, fontsize=8, labelpad=1)


def steps(ax: Axes, f: Finding) -> None:
    factor = _shown(f)[0]
    ax.loglog([1, 10], [1, factor], "-o", color=plots.BLUE, markersize=4)
    ax.set_xticks([1, 10], ["1", "10"])
    ax.set_yticks([1, factor], ["1x", f"{factor:.0f}x"])
    ax.minorticks_off()
    _label(ax, "norm", "steps")


def growth(ax: Axes, f: Finding) -> None:
    z, t = np.array([2.0, 0.4]), np.array([0.5, 1.0])
    pull = t - z * (z @ t) / (z @ z)
    arrow = {"arrowstyle": "-|>", "shrinkA": 0, "shrinkB": 0, "linewidth": 1.4}
    for start, end, colour in ((0 * z, z, plots.GREY), (z, z + pull, plots.GREEN), (0 * z, z + pull, plots.RED)):
        ax.annotate("", tuple(end), tuple(start), arrowprops=arrow | {"color": colour})
    angle = np.linspace(-0.1, 1.1, 60)
    ax.plot(np.hypot(*z) * np.cos(angle), np.hypot(*z) * np.sin(angle), ":", color=plots.GREY, linewidth=1)
    ax.text(1.1, -0.08, "before", fontsize=8, color=plots.GREY)
    ax.text(0.25, 0.75, "after", fontsize=8, color=plots.RED)
    ax.set(xlim=(0, 2.7), ylim=(-0.1, 1.45), aspect="equal")
    ax.axis("off")


def bound(ax: Axes, f: Finding) -> None:
    share, phi = 0.5, np.linspace(0, math.pi, 200)  # rate over squared norm
    exact = (1 - share * np.cos(phi)) / (1 + (share * np.sin(phi)) ** 2)
    ax.plot(np.degrees(phi), exact, color=plots.BLUE)
    ax.axhline(1, color=plots.RED, linestyle="--", linewidth=1)
    ax.axhline(1 + share, color=plots.GREEN, linestyle=":", linewidth=1.4)
    ax.fill_between(np.degrees(phi), 1, exact, where=list(exact > 1), color=plots.RED, alpha=0.2)
    ax.text(2, 1.04, "printed bound", fontsize=8, color=plots.RED)
    ax.text(2, 1.04 + share, "repaired", fontsize=8, color=plots.GREEN)
    ax.set(xticks=[0, 90, 180], yticks=[0.5, 1, 1.5], ylim=(0.4, 1.75))
    _label(ax, "angle, degrees", "change / printed")


def saddle(ax: Axes, f: Finding) -> None:
    import torch

    from ssllib.losses import info_nce

    turns = np.linspace(0, math.pi, 61)
    values = []
    for turn in turns:
        z = torch.tensor([[1.0, 0.0], [math.cos(turn), math.sin(turn)]], dtype=torch.float64)
        values.append(float(info_nce(z, z, 1.0)))
    ax.plot(np.degrees(turns), values, color=plots.BLUE)
    ax.plot(0, values[0], "o", color=plots.RED, markersize=5)
    ax.text(8, values[0] - 0.02, "full collapse", fontsize=8, color=plots.RED)
    ax.set_xticks([0, 90, 180])
    _label(ax, "one pair turned, degrees", "InfoNCE")


def powers(ax: Axes, f: Finding) -> None:
    slopes = (("no GradScale", 2.0, plots.GREY), ("p = 1", _shown(f)[0], plots.GREEN), ("hoped for", 0.0, plots.RED))
    for name, slope, colour in slopes:
        line = ":" if name == "hoped for" else "-"
        ax.loglog([1, 10], [1, 10**slope], line, color=colour)
        ax.text(10.5, 10**slope, name, fontsize=8, color=colour, va="center")
    ax.set_xlim(1, 32)
    ax.set_xticks([1, 10], ["1", "10"])
    ax.minorticks_off()
    _label(ax, "norm", "steps")


def interval(ax: Axes, f: Finding) -> None:
    mean, low, high = _shown(f)
    assert f.cell is not None
    asked = f.verdict.claim.estimands[f.cell].target
    smallest = float(f.verdict.claim.criterion["smallest"])
    edge = asked - smallest if f.verdict.claim.criterion["direction"] == "<" else asked + smallest
    ax.axvline(asked, color=plots.GREY, linewidth=1)
    ax.axvline(edge, color=plots.GREEN, linestyle=":", linewidth=1.4)
    ax.plot([low, high], [0, 0], color=plots.BLUE, linewidth=4, solid_capstyle="butt", alpha=0.5)
    ax.plot(mean, 0, "o", color=plots.BLUE)
    ax.text(edge, 0.75, "claimed", fontsize=8, color=plots.GREEN, ha="center", va="bottom")
    ax.set(ylim=(-1, 1.2), yticks=[])
    ax.margins(x=0.2)
    ax.autoscale(axis="x")
    ax.spines["left"].set_visible(False)
    _label(ax, str(f.verdict.claim.criterion["unit"]), "")


def angles(ax: Axes, f: Finding) -> None:
    apart = math.radians(_shown(f)[0])
    for k, colour in enumerate((plots.BLUE, plots.ORANGE, plots.GREEN)):
        turn = 0.25 + k * apart
        ax.plot([-math.cos(turn), math.cos(turn)], [-math.sin(turn), math.sin(turn)], color=colour)
    ax.text(0.9, -0.8, f"{math.degrees(apart):.1f}°", fontsize=9)
    ax.set(xlim=(-2, 2), ylim=(-1.05, 1.05), aspect="equal")
    ax.axis("off")


def tables(ax: Axes, f: Finding) -> None:
    from ssllib.evidence import papers
    from ssllib.evidence.tables import same_setting

    found = [s for s in same_setting.settings(papers.load, inferred=False) if s.accuracy]
    far = [s for s in found if s.spread > 1]
    ax.axline((50, 50), slope=1, color=plots.GREY, linewidth=0.8)
    for some, colour, mark in ((found, plots.BLUE, "."), (far, plots.RED, "x")):
        pairs = [(float(min(c.value for c in s.cells)), float(max(c.value for c in s.cells))) for s in some]
        ax.plot(*zip(*pairs, strict=True), mark, color=colour, markersize=5)
    _label(ax, "printed here, %", "and there, %")


Draw = Callable[["Axes", Finding], None]
PICTURES: dict[str, tuple[Draw, str]] = {
    "steps": (steps, "Steps to convergence against the norm on log scales: a line from 1 to about a hundredfold"),
    "growth": (growth, "A vector, a gradient step at a right angle to it, and the longer vector it ends in"),
    "bound": (bound, "The exact change over the printed bound against the angle: above one beyond a right angle"),
    "saddle": (saddle, "InfoNCE falls as one of two collapsed pairs is turned away"),
    "powers": (powers, "Steps against the norm: without GradScale steep, with p = 1 half as steep, hoped for flat"),
    "interval": (interval, "The measured mean with its interval, beside zero and what was claimed"),
    "angles": (angles, "Three lines far apart in direction"),
    "tables": (tables, "Accuracies printed twice: most on the diagonal, three off it"),
}
