"""Figures that a reader moves with sliders: the start is drawn here, `book/_static/sliders.js` draws the rest.

What is drawn are formulas in the sliders' names and x, or grids of numbers with an axis for each slider. A formula is
written once, in Python's notation, and read into a tree that both sides evaluate; the script draws what `draw` draws.
Without the script the figure of the start stands there, without sliders.
"""

from __future__ import annotations

import ast
import hashlib
import html
import json
import math
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ssllib.errors import InputError, one_of

OPERATIONS: dict[str, Callable[..., float]] = {
    "+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b, "/": lambda a, b: a / b,
    "**": math.pow, "neg": lambda a: -a, "sin": math.sin, "cos": math.cos, "tan": math.tan, "atan": math.atan,
    "exp": math.exp, "log": math.log, "sqrt": math.sqrt, "abs": abs, "min": min, "max": max,
}  # fmt: skip
_SIGNS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Pow: "**"}
_FUNCTIONS = [name for name in OPERATIONS if name.isalpha() and name != "neg"]


@dataclass(frozen=True)
class Slider:
    """A slider over `values`; `start` is one of them. `words`: what is shown instead of values with their unit."""

    name: str
    label: str
    values: Sequence[float]
    start: float
    unit: str = ""
    words: Sequence[str] = ()


@dataclass(frozen=True)
class Grid:
    """Numbers with an axis for each slider in `axes`, in this order; for a curve also one more, along its points."""

    axes: Sequence[str]
    values: np.ndarray
    digits: int = 3  # after the point


Quantity = str | float | Grid


@dataclass(frozen=True)
class Curve:
    """A line, or dots, through the points (x, y), in a panel's coordinates; the name x runs `over` a range."""

    label: str  # in the legend, unless empty
    y: Quantity
    x: Quantity = "x"
    color: str = "currentColor"
    dash: str = ""  # as in SVG
    dots: float = 0  # their radius; 0 draws a line
    over: tuple[Quantity, Quantity] | None = None  # left out, the panel's range
    count: int = 121  # of points


@dataclass(frozen=True)
class Panel:
    """Curves over the ranges `x` and `y`. Ticks: pairs (where, label); left out, round numbers."""

    alt: str
    x_label: str
    y_label: str
    x: tuple[Quantity, Quantity]
    y: tuple[Quantity, Quantity]
    curves: Sequence[Curve]
    x_ticks: Sequence[tuple[float, str]] | None = None
    y_ticks: Sequence[tuple[float, str]] | None = None
    size: tuple[int, int] = (420, 280)


@dataclass(frozen=True)
class Reading:
    """A number that is said below the figure; of `words`, the first if `test` is above zero, else the second."""

    label: str
    value: Quantity
    unit: str = ""
    test: Quantity = 0
    words: tuple[str, ...] = ()


def tree(formula: Quantity, names: Collection[str]) -> Any:
    """A formula as JSON: a number, a name, or a list of an operation and its arguments; a grid as a mapping.

    Raises:
        InputError: for anything but numbers, `names`, + - * / ** and calls of the functions in `OPERATIONS`.
    """
    if isinstance(formula, Grid):
        rounded = np.asarray(formula.values, float).round(formula.digits)
        return {"axes": list(formula.axes), "values": _plain(rounded.tolist())}

    def read(node: ast.AST) -> Any:
        if isinstance(node, ast.Constant) and type(node.value) in (int, float):
            return node.value
        if isinstance(node, ast.Name):
            one_of(f"name in the formula {formula!r}:", node.id, sorted(names))
            return node.id
        if isinstance(node, ast.BinOp) and type(node.op) in _SIGNS:
            return [_SIGNS[type(node.op)], read(node.left), read(node.right)]
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return ["neg", read(node.operand)]
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords:
            one_of(f"function in the formula {formula!r}:", node.func.id, _FUNCTIONS)
            if len(node.args) == 1 + (node.func.id in ("min", "max")):
                return [node.func.id, *map(read, node.args)]
        raise InputError(f"{ast.unparse(node)!r} in the formula {formula!r}; allowed: numbers, names, + - * / **")

    try:
        return read(ast.parse(str(formula), mode="eval").body)
    except SyntaxError as e:
        raise InputError(f"formula {formula!r}: {e.msg}; allowed: an expression such as 2 * k * sin(x)**2") from e


def _plain(v: Any) -> Any:
    if isinstance(v, list):
        return [_plain(x) for x in v]
    return None if not math.isfinite(v) else int(v) if v == int(v) else v


def evaluate(t: Any, env: dict[str, Any]) -> Any:
    """The value of a tree; nan where it has none. Of a grid, what stands at the sliders' places: a number or a list."""
    if isinstance(t, dict):
        found = t["values"]
        for axis in t["axes"]:
            found = found[env["at"][axis]]
        return math.nan if found is None else found
    if not isinstance(t, list):
        return env[t] if isinstance(t, str) else t
    try:
        return OPERATIONS[t[0]](*(evaluate(a, env) for a in t[1:]))
    except (ValueError, ZeroDivisionError, OverflowError):
        return math.nan


def text(x: float) -> str:
    """A number to three significant digits, without an exponent."""
    if not math.isfinite(x):
        return "–"
    places = min(10, max(0, 2 - math.floor(math.log10(abs(x))))) if x else 0
    fixed = f"{x:.{places}f}"
    short = fixed.rstrip("0").rstrip(".") if "." in fixed else fixed
    return "0" if short == "-0" else short.replace("-", "−")


def ticks(low: float, high: float) -> list[tuple[float, str]]:
    """Three to eight round numbers from low to high, with their texts."""
    if not (math.isfinite(low) and math.isfinite(high) and high > low):
        return []
    step = 10.0 ** math.floor(math.log10((high - low) / 3))
    step *= 5 if high - low >= 15 * step else 2 if high - low >= 6 * step else 1
    found = range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)
    return [(i * step, text(i * step)) for i in found]


def draw(panel: dict[str, Any], env: dict[str, Any]) -> str:
    """What stands inside a panel's SVG."""
    (width, height), left, top = panel["size"], 50, 24
    w, h = width - left - 18, height - top - 42
    (x0, x1), (y0, y1) = ([evaluate(t, env) for t in panel[axis]] for axis in "xy")

    def px(x: float) -> float:
        return (x - x0) / ((x1 - x0) or 1) * w

    def py(y: float) -> float:
        return (y1 - y) / ((y1 - y0) or 1) * h

    across = ticks(x0, x1) if panel["x_ticks"] is None else panel["x_ticks"]
    up = ticks(y0, y1) if panel["y_ticks"] is None else panel["y_ticks"]
    out = [f'<g font-size="12" fill="currentColor"><text x="4" y="14">{panel["y_label"]}</text>']
    out.append(f'<text x="{left + w / 2:g}" y="{height - 6}" text-anchor="middle">{panel["x_label"]}</text>')
    out += [f'<text x="{_at(px(x) + left)}" y="{top + h + 16}" text-anchor="middle">{t}</text>' for x, t in across]
    out += [f'<text x="{left - 6}" y="{_at(py(y) + top + 4)}" text-anchor="end">{t}</text>' for y, t in up]
    out.append(f'</g><svg x="{left}" y="{top}" width="{w}" height="{h}"><g stroke="currentColor" stroke-opacity=".15">')
    out += [f'<path d="M{_at(px(x))} 0V{h}"/>' for x, _ in across]
    out += [f'<path d="M0 {_at(py(y))}H{w}"/>' for y, _ in up] + ["</g>"]
    for c in panel["curves"]:
        path, pen, r = "", "M", c["dots"]
        for x, y in _points(c, panel, env):
            there = x is not None and y is not None and math.isfinite(x) and math.isfinite(y)
            if there and r:
                path += f"M{_at(px(x) - r)} {_at(py(y))}a{r:g} {r:g} 0 1 0 {2 * r:g} 0a{r:g} {r:g} 0 1 0 {-2 * r:g} 0"
            elif there:
                path += f"{pen}{_at(px(x))} {_at(py(y))}"
            pen = "L" if there else "M"
        paint = f'fill="{c["color"]}"' if r else f'fill="none" stroke="{c["color"]}" stroke-width="2"'
        dash = f' stroke-dasharray="{c["dash"]}"' if c["dash"] else ""
        out.append(f'<path {paint}{dash} d="{path}"/>')
    return "".join(out) + f'<path d="M0 0V{h}H{w}" fill="none" stroke="currentColor"/></svg>'


def _points(c: dict[str, Any], panel: dict[str, Any], env: dict[str, Any]) -> Iterator[tuple[Any, Any]]:
    low, high = (evaluate(t, env) for t in (c["over"] or panel["x"]))
    lists = [evaluate(c[axis], env | {"x": low}) for axis in "xy"]
    count = next((len(v) for v in lists if isinstance(v, list)), c["count"])
    for i in range(count):
        here = env | {"x": low + (high - low) * i / max(1, count - 1)}
        x, y = (v[i] if isinstance(v, list) else evaluate(c[a], here) for a, v in zip("xy", lists, strict=True))
        yield x, y


def _at(v: float) -> str:
    return f"{min(9999, max(-9999, v)):.1f}" if math.isfinite(v) else "0"


class Sliders:
    """A figure with sliders as a cell's output.

    `given`: names for formulas or grids of one number, for the formulas after them; `caption`: plain text.
    Raises InputError for a description that does not hold together.
    """

    def __init__(
        self, caption: str, sliders: Sequence[Slider], panels: Sequence[Panel], readings: Sequence[Reading] = (),
        given: dict[str, Quantity] | None = None,
    ) -> None:  # fmt: skip
        if not sliders or not panels or not all(p.curves for p in panels):
            raise InputError("no sliders, no panels or a panel without curves; allowed: at least one of each")
        names, lengths = ["pi"], {s.name: len(s.values) for s in sliders}
        for s in sliders:
            if len(s.values) < 2 or len(set(s.values)) < len(s.values) or len(s.words or s.values) != len(s.values):
                raise InputError(f"slider {s.name!r} has the values {s.values!r}; allowed: two or more, each once")
            one_of(f"start of the slider {s.name!r}:", s.start, s.values)
        for name in (*(s.name for s in sliders), *(given or {})):
            if not name.isidentifier() or name in (*names, "x", "at", *OPERATIONS):
                raise InputError(f"name {name!r}; allowed: a word, each once, other than pi, x, at and functions")
            names.append(name)

        def read(q: Quantity, more: int = 0, known: Collection[str] = names) -> Any:
            if isinstance(q, Grid):
                shape, wanted = np.shape(q.values), tuple(lengths.get(a) for a in q.axes)
                if shape[: len(wanted)] != wanted or len(shape) not in (len(wanted), len(wanted) + more):
                    raise InputError(f"grid of shape {shape} over {q.axes}; allowed: as in {lengths}, {more} more")
            return tree(q, known)

        def curve(c: Curve) -> dict[str, Any]:
            grids = [q for q in (c.x, c.y) if isinstance(q, Grid) and np.ndim(q.values) > len(q.axes)]
            if len(along := {q.values.shape[-1] for q in grids}) > 1:
                raise InputError(f"curve {c.label!r} has {sorted(along)} points along x and y; allowed: as many")
            places = {a: read(getattr(c, a), 1, [*names, "x"]) for a in "xy"}
            return vars(c) | places | {"over": c.over and [*map(read, c.over)]}

        def panel(p: Panel) -> dict[str, Any]:
            ranges = {a: [*map(read, getattr(p, a))] for a in "xy"}
            ticked = {a: (t := getattr(p, a)) and [[x, html.escape(w)] for x, w in t] for a in ("x_ticks", "y_ticks")}
            escaped = {a: html.escape(getattr(p, a)) for a in ("alt", "x_label", "y_label")}
            return vars(p) | ranges | ticked | escaped | {"curves": [curve(c) for c in p.curves]}

        self.caption, self.places = caption, {s.name: list(s.values).index(s.start) for s in sliders}
        self.data: dict[str, Any] = {
            "sliders": [vars(s) | {"words": s.words or [text(v) + s.unit for v in s.values]} for s in sliders],
            "given": [[n, read(q, 0, names[: 1 + len(sliders) + i])] for i, (n, q) in enumerate((given or {}).items())],
            "panels": [panel(p) for p in panels],
            "readings": [vars(r) | {"value": read(r.value), "test": read(r.test)} for r in readings],
        }

    def environment(self, places: dict[str, int]) -> dict[str, Any]:
        """What formulas can name, with the sliders at these places of their values."""
        env: dict[str, Any] = {"pi": math.pi, "at": places}
        env |= {s["name"]: s["values"][places[s["name"]]] for s in self.data["sliders"]}
        for name, q in self.data["given"]:
            env[name] = evaluate(q, env)
        return env

    def say(self, env: dict[str, Any]) -> str:
        """The sliders' values and the readings in a line."""
        said = [f"{s['label']}: {s['words'][env['at'][s['name']]]}" for s in self.data["sliders"]]
        for r in self.data["readings"]:
            word = f", {r['words'][0 if evaluate(r['test'], env) > 0 else 1]}" if r["words"] else ""
            said.append(f"{r['label']}: {text(evaluate(r['value'], env))}{r['unit']}{word}")
        return "; ".join(said) + "."

    def _repr_html_(self) -> str:
        data = json.dumps(self.data, separators=(",", ":"), ensure_ascii=False).replace("<", "\\u003c")
        name, env = "sliders-" + hashlib.sha256(data.encode()).hexdigest()[:10], self.environment(self.places)
        out = [f'<figure class="sliders" id="{name}"><div class="sliders-controls" hidden>']
        for s in self.data["sliders"]:
            own, at = f"{name}-{s['name']}", self.places[s["name"]]
            word = html.escape(s["words"][at])
            out.append(
                f'<div><label for="{own}">{html.escape(s["label"])}</label><input type="range" id="{own}" min="0" '
                f'max="{len(s["values"]) - 1}" step="1" value="{at}" aria-valuetext="{word}" autocomplete="off">'
                f'<span aria-hidden="true">{word}</span></div>'
            )
        out.append('</div><div class="sliders-panels">')
        for p in self.data["panels"]:
            box = f'viewBox="0 0 {p["size"][0]} {p["size"][1]}" width="{p["size"][0]}"'
            out.append(f'<svg {box} role="img" aria-label="{p["alt"]}">{draw(p, env)}</svg>')
        out.append('</div><ul class="sliders-legend">')
        curves = [c for p in self.data["panels"] for c in p["curves"] if c["label"]]
        for c in {c["label"]: c for c in curves}.values():
            mark = f'<path d="M0 6H30" stroke="{c["color"]}" stroke-width="2" stroke-dasharray="{c["dash"]}"/>'
            if c["dots"]:
                mark = f'<circle cx="15" cy="6" r="{c["dots"]:g}" fill="{c["color"]}"/>'
            line = f'<svg width="30" height="12" aria-hidden="true">{mark}</svg>'
            out.append(f"<li>{line} {html.escape(c['label'])}</li>")
        out.append(f'</ul><p class="sliders-now" aria-live="polite">{html.escape(self.say(env))}</p>')
        out.append(f"<figcaption>{html.escape(self.caption)}</figcaption>")
        return "".join(out) + f'<script type="application/json">{data}</script></figure>'

    def __repr__(self) -> str:
        return f"<a figure with sliders: {', '.join(s['label'] for s in self.data['sliders'])}>"
