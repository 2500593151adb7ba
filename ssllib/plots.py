"""The book's figures: one style, one colour for each arm, papers' numbers drawn the same way everywhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ssllib import words
from ssllib.records import Record

# Okabe and Ito's palette, which the colour-blind can tell apart.
BLUE, ORANGE, GREEN, RED, PURPLE, SKY, YELLOW, GREY = (
    "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#F0E442", "#6b6b6b",
)  # fmt: skip
ARM = {
    "default": GREY, "weight-decay": BLUE, "cut": RED, "gradscale": GREEN,
    "released": BLUE, "text": ORANGE, "p0": GREY, "p1": GREEN, "p2": PURPLE,
}  # fmt: skip
LABEL = {
    "default": "default", "weight-decay": "weight decay 5e-4", "cut": "cut, c = 3", "gradscale": "GradScale, p = 1",
}  # fmt: skip
VERDICT = {
    words.CONFIRMED: GREEN, words.REPAIRED: ORANGE, words.CONTRADICTED: RED, words.UNCLEAR: GREY,
    words.UNTESTED: "#bbbbbb",
}  # fmt: skip


def use() -> None:
    """Set the style for the figures that follow."""
    import matplotlib.pyplot as plt

    try:
        from matplotlib_inline.backend_inline import set_matplotlib_formats

        set_matplotlib_formats("png")
    except ImportError:
        pass
    plt.rcParams.update(
        {
            "figure.dpi": 110,
            "savefig.dpi": 130,
            "figure.figsize": (7.2, 3.4),
            "figure.constrained_layout.use": True,
            "figure.facecolor": "white",
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "axes.axisbelow": True,
            "grid.color": "#e6e6e6",
            "grid.linewidth": 0.8,
            "axes.titlesize": 10.5,
            "axes.labelsize": 10,
            "xtick.labelsize": 9,
            "ytick.labelsize": 9,
            "legend.fontsize": 9,
            "legend.frameon": False,
            "lines.linewidth": 1.8,
            "font.size": 10,
        }
    )


def curves(
    ax: Any, records: Mapping[str, Sequence[Record]], metric: str, *, x: str = "epoch", log: bool = False,
    log_y: bool = False, colors: Mapping[str, str] | None = None, labels: Mapping[str, str] | None = None,
) -> None:  # fmt: skip
    """One line for each arm: the mean over seeds of `metric` along the history, with the seeds' range.

    Args:
        log: epochs by powers of two, so that the first few are seen; epoch 0 stands at the left.
        log_y: the metric on a logarithmic axis.
        colors, labels: of the arms, before the book's own.
    """
    from matplotlib.ticker import MaxNLocator

    colors, labels = ARM | dict(colors or {}), LABEL | dict(labels or {})
    drawn: list[float] = []
    for arm, runs in records.items():
        per_seed = [[(row[x], row[metric]) for row in r.history if metric in row] for r in runs]
        shortest = min((len(p) for p in per_seed), default=0)
        if shortest == 0:
            continue
        xs = [p[0] for p in per_seed[0][:shortest]]
        ys = np.array([[p[1] for p in seed[:shortest]] for seed in per_seed])
        color = colors.get(arm, GREY)
        _ = ax.plot(xs, ys.mean(axis=0), color=color, label=labels.get(arm, arm))
        if len(ys) > 1:
            _ = ax.fill_between(xs, ys.min(axis=0), ys.max(axis=0), color=color, alpha=0.18, linewidth=0)
        drawn += xs
    if not drawn:
        blank(ax, "not recorded yet")
        return
    if log_y:
        ax.set_yscale("log")
    if log:
        ax.set_xscale("symlog", base=2, linthresh=1)
        ticks = [0, *(2**k for k in range(20) if 2**k <= max(drawn))]
        ax.set_xticks(ticks, [str(t) for t in ticks])
    else:
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))


def legend(fig: Any, ncols: int = 4) -> None:
    """One legend below the figure for what its panels show; none where nothing is drawn."""
    found: dict[str, Any] = {}
    for ax in fig.axes:
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    if found:
        fig.legend(found.values(), found.keys(), loc="outside lower center", ncols=ncols)


def blank(ax: Any, text: str) -> None:
    """An empty panel that says why."""
    _ = ax.text(0.5, 0.5, text, transform=ax.transAxes, ha="center", va="center", color=GREY)
    ax.tick_params(bottom=False, left=False, labelbottom=False, labelleft=False)  # ticks may be shared
    ax.grid(visible=False)


def forest(ax: Any, rows: Sequence[dict[str, Any]]) -> None:
    """Effects with intervals, a row each, in units of the smallest difference that matters.

    Each row has `label`, `mean`, `low`, `high`, `paper` (or None) and `color`.
    """
    for i, row in enumerate(rows):
        y = len(rows) - 1 - i
        low, high = (max(-1e4, row["low"]), min(1e4, row["high"]))
        _ = ax.plot([low, high], [y, y], color=row["color"], linewidth=2.4, solid_capstyle="butt")
        _ = ax.plot([row["mean"]], [y], "o", color=row["color"], markersize=6)
        if row["paper"] is not None:
            _ = ax.plot([row["paper"]], [y], "D", markerfacecolor="white", markeredgecolor="black", markersize=6)
    _ = ax.axvspan(-1, 1, color="#f0f0f0", zorder=0)
    _ = ax.axvline(0, color="#888888", linewidth=1)
    ax.set_xscale("symlog", linthresh=1, linscale=0.8)
    ax.set_yticks(range(len(rows)), [row["label"] for row in reversed(rows)])
    ax.set_ylim(-0.7, len(rows) - 0.3)
    ax.grid(axis="y", visible=False)
    ax.set_xlabel("effect, in units of the smallest difference that matters")
