"""Deviations from the papers' settings as a page shows them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ssllib.evidence import papers
from ssllib.evidence.deviations import Deviation, Key, Unstated, compare
from ssllib.pages.boxes import markdown_table


def _short(sources_: Iterable[str]) -> str:
    """Tables and figures by paper: "Embedding Norms Figure 3, Figure 4"."""
    by_paper: dict[str, list[str]] = {}
    for source in sources_:
        name, _, part = source.partition(" ")
        by_paper.setdefault(papers.short(name), []).append(part)
    return ", ".join(f"{name} {', '.join(parts)}" for name, parts in by_paper.items())


def _for(rows: Sequence[Deviation | Unstated], keys: dict[str, set[Key]]) -> str:
    """The groups that rows are about, in as few words as tell them from others (of their sources)."""
    about = {row.group for row in rows}
    every, mates = set().union(*keys.values()), set().union(*(keys[row.source] for row in rows))
    if about == every:
        return "all"
    arms = sorted({arm for _, _, arm in every} - {"other"})

    def names(parts: tuple[int, ...]) -> list[tuple[str, ...]]:
        return list(dict.fromkeys(tuple(row.group[i] for i in parts) for row in rows))

    def tells(parts: tuple[int, ...], among: set[Key]) -> bool:
        chosen = names(parts)
        return {key for key in among if tuple(key[i] for i in parts) in chosen} == about

    pairs: tuple[tuple[int, ...], ...] = ((0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2))
    tries = [(parts, every) for parts in pairs[:2]] + [((), mates)] + [(parts, mates) for parts in pairs]
    best = next(parts for parts, among in tries if tells(parts, among))
    if not best:
        return "all"
    words = [
        " ".join("without " + " or ".join(arms) if n == "other" else n for n in found)
        for found in names(best)
    ]
    return "; ".join(words)


def _said(rows: Sequence[Deviation]) -> str:
    """What the papers say in rows about one setting: each value with its sources and places."""
    found: dict[tuple[str, str], dict[str, None]] = {}
    for row in rows:
        told = f"released code: {row.paper}" if row.kind == "released" else row.paper
        place = "" if row.source.endswith(row.place) else f": {row.place}"
        found.setdefault((told, place), {})[row.source] = None
    return "; ".join(f"{told} ({_short(sources_)}{place})" for (told, place), sources_ in found.items())


def markdown(experiment: str | Sequence[str], scale: str) -> str:
    """The deviations of one or more experiments as a MyST table; folded below, what no paper states."""
    names = [experiment] if isinstance(experiment, str) else list(experiment)
    found = compare(names, scale)
    title = ", ".join(f"`{name}`" for name in names) + f" at {scale} scale"
    if not found.keys:
        return f"No table or figure of the papers has the arms of {title}."
    by_row: dict[tuple[str, str, str], list[Deviation]] = {}
    for d in found.deviations:
        by_row.setdefault((d.setting, d.ours, d.reason), []).append(d)
    body = markdown_table(
        [
            [setting, _for(rows, found.keys), _said(rows), text, why]
            for (setting, text, why), rows in by_row.items()
        ],
        ["setting", "of", "the papers", "ours", "why"],
    )
    text = f":::{{table}} {title}: where the declared runs depart from the papers' settings.\n\n{body}\n:::"
    quiet: dict[tuple[str, str, str], list[Unstated]] = {}
    for u in found.unstated:
        quiet.setdefault((u.setting, u.ours, u.reason), []).append(u)
    if not quiet:
        return text
    folded = markdown_table(
        [[setting, _for(rows, found.keys), mine, why] for (setting, mine, why), rows in quiet.items()],
        ["setting", "of", "ours", "from"],
    )
    return f"{text}\n\n:::{{dropdown}} Not stated; ours\n{folded}\n:::"
