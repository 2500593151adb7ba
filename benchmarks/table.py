"""The README's table of what the committed results say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ssllib.pages import boxes, readme
from ssllib.paths import project_dir

NAMES = ("loop", "machine", "augment", "step", "knn", "simulation", "gpu")
RESULTS = Path(__file__).resolve().parent / "results"
MARKS = ("<!-- benchmarks: written by `make bench` -->", "<!-- end of benchmarks -->")


def results(folder: Path = RESULTS) -> list[dict[str, Any]]:
    """All results, in the order in which the comparisons are listed."""
    files = [folder / f"{name}.json" for name in NAMES]
    return [json.loads(f.read_text(encoding="utf-8")) for f in files if f.exists()]


def number(x: float) -> str:
    """Three digits, or all digits of a large number's whole part to three digits, with commas."""
    return f"{float(f'{x:.3g}'):,.0f}" if abs(x) >= 100 else f"{x:.3g}"


def judged(r: dict[str, Any]) -> str:
    """What became of a result's goal, by its median; said to be unsure where the turns lie on both sides of it."""
    least, ratio = r["goal"]["at least"], r["ratios"][r["goal"]["ratio"]]
    unsure = ", unsure" if ratio["min"] < least <= ratio["max"] else ""
    return ("met" if r["goal"]["met"] else "**missed**") + unsure


def rows(found: list[dict[str, Any]]) -> list[list[str]]:
    """A row for each ratio: comparison, our rate, the other side, its rate, ratio with its range, goal."""
    out = []
    for r in found:
        title, mine = r["title"], f"{number(r['rates'][r['ours']]['median'])} {r['unit']}"
        for name, ratio in r["ratios"].items():
            other = name.partition(" / ")[2]
            goal = ""
            if r["goal"] and r["goal"]["ratio"] == name:
                goal = f"{r['goal']['at least']:g}: {judged(r)}"
            between = f"{number(ratio['min'])} to {number(ratio['max'])}"
            theirs = number(r["rates"][other]["median"])
            out.append([title, mine, other, theirs, f"{number(ratio['median'])} ({between})", goal])
            title = mine = ""
    return out


def machine(r: dict[str, Any]) -> str:
    """One line on what a result was measured on."""
    h, v = r["hardware"], r["versions"]
    busy = h["cores used by other programs"]
    others = "" if busy is None else f"; other programs used {busy:g} of its cores meanwhile"
    if busy is not None and busy > 0.5:
        others += ", so the ratios say more than the rates, and a quiet machine may show others"
    where = f"{h['processor']}, {h['cores']} cores ({h['instructions']})" + (f", {h['gpu']}" if h["gpu"] else "")
    return f"{where}, {r['settings']['threads']} of them used, torch {v['torch']}, {r['date'][:10]}{others}"


def readme_block(found: list[dict[str, Any]]) -> str:
    """The table between its marks, with where the time goes when a goal is missed, and the machine."""
    lines = [MARKS[0]]
    missed = [r for r in found if r["goal"] and r["goal"]["met"] is False]
    titles = {r["name"]: r["title"] for r in found}
    if found:
        head = ["", "`ssllib`", "against", "its rate", "ratio", "goal"]
        lines += [boxes.markdown_table(rows(found), head), ""]
    for r in missed:
        top = ", ".join(f"{part} {share:.0f} %" for part, share in r["profile"][:6])
        lines.append(f"- Missed, {titles[r['name']]}: the time of `ssllib` goes to {top}.")
    for r in found:
        lines += [f"- {titles[r['name']]}: {note}" for note in r["notes"]]
        lines += [f"- {titles[r['name']]}: {side} not measured ({why})." for side, why in r["skipped"].items()]
    for line in dict.fromkeys(machine(r) for r in found):
        same = [titles[r["name"]] for r in found if machine(r) == line]
        what = "All" if len(same) == len(found) else "; ".join(same)
        lines.append(f"- Measured on ({what}): {line}.")
    return "\n".join([*lines, MARKS[1]])


def update_readme(found: list[dict[str, Any]]) -> bool:
    """Write the table into README.md; True when it changed."""
    return readme.update(project_dir() / "README.md", MARKS, readme_block(found))
