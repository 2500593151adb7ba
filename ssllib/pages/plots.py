"""The book's figures: one style, one colour for each arm, papers' numbers drawn the same way everywhere."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ssllib.evidence import words
from ssllib.runs.records import Record

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


@dataclass(frozen=True)
class ForestRow:
    """A measured effect: `mean`, `low`, `high` and the paper's in units of the smallest difference that matters.

    `ours`, `told` and `matters` say effect, paper's effect and that difference in the claim's own unit; `verdict`
    is HTML, and `word` what it says.
    """

    name: str
    cell: str
    link: str
    verdict: str
    word: str
    mean: float
    low: float
    high: float
    paper: float | None
    ours: str
    told: str
    matters: str
    seeds: int


FARTHEST = 1e4
"""Where a forest plot's axis ends at the latest; what lies beyond is drawn at its end."""


def forest(rows: Sequence[ForestRow], title: str) -> str:
    """Effects with intervals, a row each, as an HTML table with a drawing in every row.

    One axis for all rows, linear from -1 to 1 and logarithmic beyond, with five ticks. Values are text, too, and
    appear over the drawing.
    """
    limit = axis_limit(rows)
    heads = ("claim", _axis(limit), "ours [95 %]", "paper", "says")
    lines = [
        f'<table class="forest table"><caption>{html.escape(title)}</caption>',
        "<thead><tr>" + "".join(f'<th scope="col">{h}</th>' for h in heads) + "</tr></thead>",
        "<tbody>",
    ]
    for r in rows:
        cell = f'<span class="behind">{html.escape(r.cell)}</span>' if r.cell else ""
        lines.append(
            f'<tr><th scope="row"><a href="{r.link}">{html.escape(r.name)}</a>{cell}</th>'
            f'<td class="strip">{_strip(r, limit)}</td><td class="ours">{html.escape(r.ours)}</td>'
            f'<td class="told">{html.escape(r.told)}</td><td class="says">{r.verdict}</td></tr>'
        )
    return "\n".join([*lines, "</tbody></table>"])


def axis_limit(rows: Sequence[ForestRow]) -> float:
    """The power of ten, 10 or more, that holds all finite numbers of the rows, at most `FARTHEST`."""
    numbers = [x for r in rows for x in (r.mean, r.low, r.high, r.paper) if x is not None and math.isfinite(x)]
    largest = max((abs(x) for x in numbers), default=1.0)
    return float(min(10 ** max(1, math.ceil(math.log10(max(largest, 1.0)) - 1e-12)), FARTHEST))


def place(x: float, limit: float) -> float:
    """Where a number stands on the axis, in percent of its width: 4 at -limit, 50 at 0, 96 at limit."""
    size = min(abs(x), limit)
    part = 0.4 * size if size <= 1 else 0.4 + 0.6 * math.log10(size) / math.log10(limit)
    return round(50 + math.copysign(46 * part, x), 2)


def _axis(limit: float) -> str:
    ticks = (-limit, -1.0, 0.0, 1.0, limit)
    texts = "".join(
        f'<text x="{place(t, limit)}%" y="12" text-anchor="middle" fill="currentColor" font-size="11">'
        f"{f'{t:,.0f}'.replace('-', '−')}</text>"
        for t in ticks
    )
    label = "effect, in smallest differences that matter"
    return f'{label}<svg class="axis" width="100%" height="16" aria-hidden="true">{texts}</svg>'


def _strip(r: ForestRow, limit: float) -> str:
    """The drawing of one row; a filled dot is confirmed, a cross contradicted, anything else a ring."""
    left, mid, right = (place(x, limit) for x in (r.low, r.mean, r.high))
    told = f"; the paper: {r.told}" if r.told else ""
    title = f"ours: {r.ours}{told}; smallest difference that matters: {r.matters}; {r.seeds} seeds; {r.word}"
    lines = [
        '<svg width="100%" height="22" role="img">',
        f"<title>{html.escape(title)}</title>",
        f'<rect class="band" x="{place(-1, limit)}%" width="{place(1, limit) - place(-1, limit):.2f}%" height="22" '
        'fill="currentColor" fill-opacity="0.08"/>',
        *(
            f'<line x1="{place(t, limit)}%" x2="{place(t, limit)}%" y1="0" y2="22" stroke="currentColor" '
            f'stroke-opacity="{0.5 if t == 0 else 0.15}"/>'
            for t in (-limit, 0.0, limit)
        ),
        f'<g class="mark word-{r.word}"><line x1="{left}%" x2="{right}%" y1="11" y2="11" stroke="currentColor" '
        'stroke-width="2.5"/>',
        f'<svg x="{mid}%" y="11" overflow="visible">{MARKS.get(r.word, MARKS[words.UNCLEAR])}</svg></g>',
    ]
    if r.paper is not None:
        lines.append(f'<svg x="{place(r.paper, limit)}%" y="11" overflow="visible">{DIAMOND}</svg>')
    return "".join([*lines, "</svg>"])


MARKS = {
    words.CONFIRMED: '<circle r="5" fill="currentColor"/>',
    words.CONTRADICTED: '<path d="M-5-5L5 5M-5 5L5-5" stroke="currentColor" stroke-width="3"/>',
    words.UNCLEAR: '<circle r="4.5" fill="none" stroke="currentColor" stroke-width="2.5"/>',
}
"""The shape of what a cell says, around the origin, so that colour never stands alone."""
DIAMOND = '<path d="M0-6L6 0L0 6L-6 0Z" fill="none" stroke="currentColor" stroke-width="1.5"/>'
