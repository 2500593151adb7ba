"""The clouds that a page's reader can turn."""

from __future__ import annotations

import json
import re
import shutil
import subprocess

import numpy as np
import pytest

from ssllib.errors import InputError
from ssllib.pages.scatter3d import _SCRIPT, Cloud, Turnable


def clouds() -> Turnable:
    rng = np.random.default_rng(0)
    points, groups = rng.standard_normal((480, 3)), rng.integers(0, 8, 480)
    return Turnable([Cloud("latent <i>", points, groups), Cloud("learned", 9 * points, groups)], ["#000000"] * 8)


def test_the_html_is_small_deterministic_and_needs_nothing_from_elsewhere() -> None:
    text = clouds()._repr_html_()
    assert text == clouds()._repr_html_()
    assert len(text) < 60_000
    assert not re.search(r"https?:|src=|href=|@import|\bfetch\b", text)
    assert text.count("<canvas") == 2 and "latent &lt;i&gt;" in text and 'tabindex="0"' in text
    (name,) = re.findall(r'<div id="([\w-]+)"', text)
    assert f'getElementById("{name}")' in text


def test_the_points_are_scaled_to_the_ball_and_rays_end_at_the_means() -> None:
    (text,) = re.findall(r'<script type="application/json">(.*?)</script>', clouds()._repr_html_())
    first, second = json.loads(text)
    assert first["points"] == second["points"]  # nine times as far, scaled back
    points, groups = np.array(first["points"]), np.array(first["groups"])
    assert np.linalg.norm(points, axis=1).max() == pytest.approx(1, abs=2e-3)
    for k, ray in enumerate(first["rays"]):
        np.testing.assert_allclose(points[groups == k].mean(0), ray, atol=2e-3)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(InputError, match="do not fit"):
        Cloud("flat", np.zeros((4, 2)), np.zeros(4))
    with pytest.raises(InputError, match="colors"):
        Turnable([Cloud("", np.zeros((2, 3)), np.arange(2))], ["red"])


@pytest.mark.skipif(not shutil.which("node"), reason="no node")
def test_the_script_is_javascript() -> None:
    done = subprocess.run(["node", "--check", "-"], input=_SCRIPT, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
