"""The figures with sliders: what stands in the HTML, what the script makes of it, and what is refused."""

from __future__ import annotations

import json
import math
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ssllib.errors import InputError
from ssllib.pages import sliders
from ssllib.pages.sliders import Curve, Grid, Panel, Reading, Slider, Sliders

SCRIPT = Path(__file__).parents[1] / "book" / "_static" / "sliders.js"
node = pytest.mark.skipif(not shutil.which("node"), reason="no node")


def figure(**changes: Any) -> Sliders:
    """A figure with each thing that one can have: formulas and grids, lines and dots, ticks given and found."""
    rng = np.random.default_rng(0)
    k = Slider("k", "size <k>", (0.05, 0.5, 3.0), 0.5, "°")
    way = Slider("way", "way", (0, 1), 0, words=("to & fro", "back"))
    table = rng.standard_normal((3, 2, 5))
    table[0, 0, 2] = math.nan
    given = {"half": "k / 2", "r": Grid(("way",), np.array([-0.1234, 0.5])), "both": "half + r"}
    free = Panel(
        "a sine", "x", "y", (-2, "pi"), ("-1 - k", "max(2 * k, abs(both)) + 1"),
        [
            Curve("sine", "k * sin(x)**2 / (1 + exp(-x)) - min(k, 1)", dash="6 3"),
            Curve("gone", "sqrt(x) + log(x) + atan(tan(x)) + cos(x) / x", color="#0072B2"),
            Curve("here", "both", "half", dots=4, count=1, color="#D55E00"),
            Curve("", "x * k", "x / 3", over=(0, "half"), count=2),
        ],
    )  # fmt: skip
    grids = Panel(
        "dots", "a", "b", (-3, 3), (-3, 3),
        [
            Curve("dots", Grid(("k", "way"), table), Grid((), rng.standard_normal(5)), dots=2.5),
            Curve("mean", "r + 0 * x"),
        ],
        ((-1, "<few>"), (1, "many")), ((0, "0"),), (300, 200),
    )  # fmt: skip
    readings = (Reading("both", "both", " s"), Reading("half", "half", test="half - 1", words=("much", "little")))
    whole: dict[str, Any] = {"sliders": (k, way), "panels": (free, grids), "readings": readings, "given": given}
    return Sliders("A <figure>.", **(whole | changes))


def test_the_html_is_small_deterministic_and_needs_nothing_from_elsewhere() -> None:
    found = figure()._repr_html_()
    assert found == figure()._repr_html_()
    assert len(found) < 20_000
    assert not re.search(r"https?:|src=|href=|@import|\bfetch\b", found)
    assert "NaN" not in found and "Infinity" not in found
    assert "size &lt;k&gt;" in found and "A &lt;figure&gt;." in found and "&lt;few&gt;" in found
    assert '<div class="sliders-controls" hidden>' in found  # without the script there is nothing to move
    assert found.count('type="range"') == found.count("<label for=") == 2
    for own in re.findall(r'<label for="([^"]+)"', found):
        assert f'<input type="range" id="{own}"' in found
    assert 'aria-live="polite">size &lt;k&gt;: 0.5°; way: to &amp; fro; both: 0.127 s; half: 0.25, little.</p>' in found
    assert found.count('role="img"') == 2


def test_a_formula_means_what_python_means_by_it() -> None:
    env = {"a": 1.7, "b": -0.3, "pi": math.pi}
    powers = ("-a**2 * b", "a - b - 1", "a / b / 2", "2**-a", "sin(a)**2 + cos(a)**2")
    for formula in (*powers, "max(a, b) + min(a, b)", "exp(b) - 3"):
        expected = eval(formula, vars(math) | {"max": max, "min": min}, dict(env))
        assert sliders.evaluate(sliders.tree(formula, env), env) == pytest.approx(expected, rel=1e-14)
    for undefined in ("log(b)", "sqrt(b)", "a / (b + 0.3)", "exp(a * 1000)", "b**0.5"):
        assert math.isnan(sliders.evaluate(sliders.tree(undefined, env), env))


def test_numbers_and_ticks() -> None:
    numbers = (0.0, 1e-12, -0.00123456, 0.5, 2.0, 12.345, -180.0, 123456.0, math.nan)
    assert [sliders.text(x) for x in numbers] == ["0", "0", "−0.00123", "0.5", "2", "12.3", "−180", "123456", "–"]
    for low, high in ((0, 1), (-0.3, 0.11), (0, 0.002), (-180, 180), (5, 5.9), (1e-3, 2500)):
        found = sliders.ticks(low, high)
        assert 3 <= len(found) <= 8 and all(low - 1e-9 <= x <= high * (1 + 1e-9) for x, _ in found)
    assert sliders.ticks(0, math.nan) == sliders.ticks(1, 1) == []


def test_the_picture_of_the_start_has_the_curves_in_their_places() -> None:
    k = Slider("k", "k", (1.0, 2.0), 2.0)
    line, dot = Curve("line", "k * x", count=3), Curve("dot", "1", "0.5", dots=3, count=1)
    found = Sliders("", (k,), (Panel("", "", "", (0, 1), (0, 4), [line, dot], size=(168, 166)),))._repr_html_()
    assert 'd="M0.0 100.0L50.0 75.0L100.0 50.0"' in found  # a field of 100 x 100
    assert 'd="M47.0 75.0a3 3 0 1 0 6 0a3 3 0 1 0 -6 0"' in found


NO_FORMULAS = ("k +", "y", "k.real", "__import__('os')", "sin(k, k)", "max(k)", "[k]", "k if k else 1", "k < 1", "'k'")


@pytest.mark.parametrize("formula", [*NO_FORMULAS, "True"])
def test_formulas_that_are_none_are_refused(formula: str) -> None:
    with pytest.raises(InputError, match="formula"):
        sliders.tree(formula, ["k"])


def test_descriptions_that_do_not_hold_together_are_refused() -> None:
    panel = Panel("", "", "", (0, 1), (0, 1), [Curve("", "k")])
    for values, start in (((1.0,), 1.0), ((1.0, 1.0), 1.0), ((1.0, 2.0), 3.0)):
        with pytest.raises(InputError, match="slider"):
            figure(sliders=(Slider("k", "k", values, start),), panels=(panel,), readings=(), given={})
    for name in ("x", "pi", "sin", "a b"):
        with pytest.raises(InputError, match="name"):
            figure(given={name: "1"})
    with pytest.raises(InputError, match="name"):
        figure(given={"a": "b", "b": "k"})  # used before it is known
    with pytest.raises(InputError, match="curves"):
        figure(panels=(Panel("", "", "", (0, 1), (0, 1), []),))
    for axes, shape in ((("k",), (2,)), (("k", "way"), (2, 3)), (("k",), (3, 5)), (("j",), (3,))):
        with pytest.raises(InputError, match="grid"):
            figure(given={"grid": Grid(axes, np.zeros(shape))})
    uneven = Curve("", Grid((), np.zeros(3)), Grid((), np.zeros(4)))
    with pytest.raises(InputError, match="points"):
        figure(panels=(Panel("", "", "", (0, 1), (0, 1), [uneven]),))


@node
def test_the_script_is_javascript() -> None:
    done = subprocess.run(["node", "--check", str(SCRIPT)], text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert not re.search(r"https?:|\bfetch\b|\bimport\b|XMLHttp", SCRIPT.read_text())


@node
def test_the_script_draws_and_says_what_python_does_at_every_place() -> None:
    ours = figure()
    places = [{"k": i, "way": j} for i in range(3) for j in range(2)]
    program = f"""
        const s = require({json.dumps(str(SCRIPT))});
        const [data, places] = JSON.parse(require("fs").readFileSync(0));
        console.log(JSON.stringify(places.map((p) => {{
          const env = s.environment(data, p);
          return [s.say(data, env), ...data.panels.map((panel) => s.draw(panel, env))];
        }})));"""
    given = json.dumps([ours.data, places])
    done = subprocess.run(["node", "-e", program], input=given, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    for place, (said, *drawn) in zip(places, json.loads(done.stdout), strict=True):
        env = ours.environment(place)
        assert said == ours.say(env)
        for panel, theirs in zip(ours.data["panels"], drawn, strict=True):
            mine, number = sliders.draw(panel, env), r"-?\d+\.\d"
            assert re.sub(number, "n", theirs) == re.sub(number, "n", mine)
            np.testing.assert_allclose(
                [float(v) for v in re.findall(number, theirs)], [float(v) for v in re.findall(number, mine)], atol=0.11
            )
