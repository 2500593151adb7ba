"""Clouds of points in three dimensions that a reader of a page can turn: one canvas each, no network, no library."""

from __future__ import annotations

import hashlib
import html
import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ssllib.errors import InputError

_SCRIPT = """
(() => {
  const box = document.getElementById("ID"), data = JSON.parse(box.querySelector("script").textContent);
  const views = box.querySelectorAll("canvas"), start = [-0.5, 0.35];
  let [yaw, pitch] = start, from = null;
  const turn = ([x, y, z]) => {
    const [c, s, d, t] = [Math.cos(yaw), Math.sin(yaw), Math.cos(pitch), Math.sin(pitch)];
    const [a, b] = [c * x - s * y, s * x + c * y];
    return [a, d * z - t * b, d * b + t * z];  // right, up, away from the reader
  };
  const draw = () => views.forEach((canvas, i) => {
    const n = canvas.width, g = canvas.getContext("2d"), p = data[i], unit = n * 0.46;
    const at = (q) => [n / 2 + unit * q[0], n / 2 - unit * q[1]];
    g.fillStyle = "white"; g.fillRect(0, 0, n, n);
    p.rays.forEach((ray, k) => {
      const [x, y] = at(turn(ray));
      g.strokeStyle = p.colors[k]; g.lineWidth = n / 250; g.setLineDash([n / 70, n / 90]);
      g.beginPath(); g.moveTo(n / 2, n / 2); g.lineTo(x, y); g.stroke();
    });
    const seen = p.points.map((q, k) => [turn(q), p.groups[k]]).sort((a, b) => b[0][2] - a[0][2]);
    for (const [q, k] of seen) {
      const [x, y] = at(q);
      g.globalAlpha = 0.45 + 0.4 * Math.max(0, Math.min(1, 0.5 - q[2] / 2));
      g.fillStyle = p.colors[k]; g.beginPath(); g.arc(x, y, n / 130, 0, 7); g.fill();
    }
    g.globalAlpha = 1;
  });
  const move = (dx, dy) => { yaw += dx; pitch = Math.max(-1.57, Math.min(1.57, pitch + dy)); draw(); };
  views.forEach((canvas) => {
    canvas.addEventListener("pointerdown", (e) => {
      from = [e.clientX, e.clientY]; canvas.setPointerCapture(e.pointerId);
    });
    canvas.addEventListener("pointermove", (e) => {
      if (from) { move((e.clientX - from[0]) / 120, (e.clientY - from[1]) / 120); from = [e.clientX, e.clientY]; }
    });
    ["pointerup", "pointercancel"].forEach((name) => canvas.addEventListener(name, () => { from = null; }));
    canvas.addEventListener("dblclick", () => { [yaw, pitch] = start; draw(); });
    canvas.addEventListener("keydown", (e) => {
      const step = {ArrowLeft: [-0.12, 0], ArrowRight: [0.12, 0], ArrowUp: [0, -0.12], ArrowDown: [0, 0.12]}[e.key];
      if (step) { e.preventDefault(); move(...step); }
    });
  });
  draw();
})();
"""


@dataclass(frozen=True)
class Cloud:
    """Points (n, 3) of several groups (n,), with a ray from the origin to the mean of each group."""

    title: str
    points: np.ndarray
    groups: np.ndarray

    def __post_init__(self) -> None:
        if self.points.ndim != 2 or self.points.shape[1] != 3 or self.groups.shape != self.points.shape[:1]:
            raise InputError(
                f"points {self.points.shape} and groups {self.groups.shape} do not fit; allowed: (n, 3) and (n,)"
            )

    def means(self) -> np.ndarray:
        """The mean of each group, (groups, 3)."""
        return np.stack([self.points[self.groups == k].mean(0) for k in np.unique(self.groups)])


class Turnable:
    """Clouds side by side that turn together: by dragging, or with the arrow keys; a double click sets them back."""

    def __init__(self, clouds: Sequence[Cloud], colors: Sequence[str]) -> None:
        self.clouds = list(clouds)
        self.colors = list(colors)
        for cloud in self.clouds:
            if len(np.unique(cloud.groups)) > len(self.colors):
                raise InputError(f"{len(self.colors)} colors for {len(np.unique(cloud.groups))} groups")

    def _data(self) -> str:
        panels = []
        for cloud in self.clouds:
            reach = float(np.linalg.norm(cloud.points, axis=1).max())
            groups = np.unique(cloud.groups, return_inverse=True)[1]
            panels.append(
                {
                    "points": (cloud.points / reach).round(3).tolist(),
                    "groups": groups.tolist(),
                    "rays": (cloud.means() / reach).round(3).tolist(),
                    "colors": self.colors,
                }
            )
        return json.dumps(panels, separators=(",", ":"))

    def _repr_html_(self) -> str:
        data = self._data()
        name = "turnable-" + hashlib.sha256(data.encode()).hexdigest()[:10]
        canvas = (
            '<figure style="margin:0;flex:1 1 16em;max-width:26em">'
            '<canvas width="640" height="640" tabindex="0" role="img" aria-label="{0}; turn it with the arrow keys" '
            'style="width:100%;aspect-ratio:1;touch-action:none;cursor:grab;border:1px solid #ddd;background:white">'
            '</canvas><figcaption style="text-align:center">{0}</figcaption></figure>'
        )
        panels = "".join(canvas.format(html.escape(c.title)) for c in self.clouds)
        return (
            f'<div id="{name}" style="display:flex;flex-wrap:wrap;gap:1em;justify-content:center">{panels}'
            f'<script type="application/json">{data}</script></div>'
            f"<script>{_SCRIPT.replace('ID', name, 1)}</script>"
        )

    def __repr__(self) -> str:
        titles = "; ".join(c.title for c in self.clouds)
        return f"<clouds of points to turn in a browser: {titles}>"
