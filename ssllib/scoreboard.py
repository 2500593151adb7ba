"""The scoreboard: every claim with its verdict, for the command line, the README and the book."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from pathlib import Path
from typing import Any

from ssllib import boxes, claims, marked, plots, verdicts
from ssllib.paths import project_dir
from ssllib.records import Record, Store
from ssllib.verdicts import Verdict

TITLES = {
    "theory": "Theory", "simulation": "Simulations", "training": "Training", "confidence": "Confidence",
    "anchors": "Anchors (CLOA)", "arithmetic": "The papers against their own tables", "question": "Open questions",
}  # fmt: skip


def all_verdicts(store: Store) -> list[Verdict]:
    """The verdict on every claim, in the order of `data/claims.yml`."""
    return [verdicts.verdict(c, store) for c in claims.load().values()]


def tally(found: list[Verdict]) -> Counter[str]:
    """How many claims have which verdict; evidence that cannot settle a claim is counted as `seen only`."""
    return Counter("seen only" if v.scale and not v.settles else v.word for v in found)


def summary(store: Store) -> str:
    """Three lines: how many claims there are, what became of them, and that in the README's words."""
    found = all_verdicts(store)
    count = tally(found)
    settled = sum(n for word, n in count.items() if word not in ("not yet run", "open", "undecided", "seen only"))
    parts = ", ".join(f"{n} {word}" for word, n in count.most_common())
    *_, last = tally_by_part(store)
    groups = ", ".join(f"{n} {name}" for name, n in zip(COLUMNS[1:], last[2:], strict=True) if n)
    return f"{len(found)} claims, {settled} settled, {sum(1 for _ in store)} records.\n{parts}\nIn groups: {groups}."


COLUMNS = ("claims", "borne out", "in between", "contradicted", "undecided", "seen only", "open", "not yet run")
"""Borne out: holds, proved, true, reproduced. In between: corrected, mixed, no effect. Contradicted: opposite,
refuted, false, not reproduced."""
_COLUMN = {
    **dict.fromkeys(("holds", "proved", "true", "reproduced", "answered"), "borne out"),
    **dict.fromkeys(("corrected", "mixed", "no effect"), "in between"),
    **dict.fromkeys(("opposite", "refuted", "false", "not reproduced"), "contradicted"),
}


def tally_by_part(store: Store) -> list[list[Any]]:
    """A row for each part and one for all: title, then the numbers that `COLUMNS` names."""
    found = all_verdicts(store)
    return _rows([*((t, [v for v in found if v.claim.part == p]) for p, t in TITLES.items()), ("all", found)])


def tally_by_paper(store: Store) -> list[list[Any]]:
    """The same with a row for each paper; a claim that two papers make counts for both."""
    found = all_verdicts(store)
    return _rows([(name, [v for v in found if p in v.claim.paper]) for p, name in boxes.PAPER_NAMES.items()])


def seen(store: Store) -> Counter[str]:
    """What was seen of the claims that no evidence settles yet: "+", "0", "−", "±" or "undecided"."""
    return Counter(v.mark for v in all_verdicts(store) if v.scale and not v.settles)


def _rows(groups: list[tuple[str, list[Verdict]]]) -> list[list[Any]]:
    rows = []
    for title, mine in groups:
        count: Counter[str] = Counter()
        for word, n in tally(mine).items():
            count[_COLUMN.get(word, word)] += n
        rows.append([title, len(mine), *(count[c] or "" for c in COLUMNS[1:])])
    return rows


def readme_block(store: Store) -> str:
    """The README's summary of verdicts, between its two marks."""
    rows = [[title, *row] for title, *row in tally_by_part(store)]
    return f"{MARKS[0]}\n{boxes.markdown_table(rows, ['', *COLUMNS])}\n{MARKS[1]}"


MARKS = ("<!-- verdicts: written by `make pages` -->", "<!-- end of verdicts -->")


def update_readme(store: Store) -> bool:
    """Write the summary into README.md; True when it changed."""
    return marked.update(project_dir() / "README.md", MARKS, readme_block(store))


def text(store: Store) -> str:
    """The whole scoreboard as plain text."""
    found = all_verdicts(store)
    lines = [summary(store)]
    for part, title in TITLES.items():
        mine = [v for v in found if v.claim.part == part]
        if mine:
            lines += ["", title]
            width = max(len(v.claim.id) for v in mine)
            lines += [f"  {v.claim.id:<{width}}  {v.short}" for v in mine]
    return "\n".join(lines)


@lru_cache(maxsize=1)
def _book_pages() -> set[str]:
    import yaml

    toc = (project_dir() / "_toc.yml").read_text(encoding="utf-8")
    names: set[str] = set()

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            for key, value in node.items():
                if key in ("file", "root"):
                    names.add(str(value).removeprefix("book/"))
                else:
                    walk(value)
        elif isinstance(node, list):
            for item in node:
                walk(item)

    walk(yaml.safe_load(toc))
    return names


def has_page(claim: claims.Claim) -> bool:
    """Whether the claim's page is in the book already."""
    return claim.page in _book_pages()


def table(store: Store, part: str) -> str:
    """One part of the scoreboard as a Markdown table; each row links to its page and its records."""
    rows = []
    for v in all_verdicts(store):
        c = v.claim
        if c.part != part:
            continue
        page = f"{{doc}}`page </book/{c.page}>`" if has_page(c) else "no page yet"
        evidence = ""
        if v.records:
            names = sorted({r.experiment for r in v.records})
            evidence = ", ".join(f"[{sum(r.experiment == n for r in v.records)} of {n}](records-{n})" for n in names)
        places = ", ".join(f"{boxes.PAPER_NAMES[p]}" for p in c.paper)
        mark = f"{BADGE[boxes.verdict_class(v)]}`{v.short}`"
        rows.append([c.ours.replace("|", "\\|"), f"{places}: {c.place}".replace("|", "\\|"), mark, page, evidence])
    return boxes.markdown_table(rows, ["claim", "where", "verdict", "page", "records"])


BADGE = {
    "holds": "{bdg-success}", "opposite": "{bdg-danger}", "mixed": "{bdg-warning}", "none": "{bdg-secondary}",
    "undecided": "{bdg-secondary}", "seen": "{bdg-info}", "open": "{bdg-light}",
}  # fmt: skip


def record_lists(found: list[Record]) -> str:
    """For each experiment a heading that rows link to, with its records as files to download."""
    lines = []
    for name in sorted({r.experiment for r in found}):
        mine = [r for r in found if r.experiment == name]
        first = mine[0].provenance
        lines += [f"(records-{name})=", f"**{name}** — {verdicts.describe(mine[0])}", ""]
        links = []
        for r in mine:
            assert r.path is not None
            inside = Path("..") / r.path.relative_to(project_dir())  # as seen from book/scoreboard
            links.append(f"{{download}}`{r.cell} s{r.seed} <{inside.as_posix()}>`")
        versions = first.get("versions", {})
        lines += [
            " · ".join(links),
            "",
            f"Made on {first.get('device')} with torch {versions.get('torch')}, from {str(first.get('date'))[:10]}.",
            "",
        ]
    return "\n".join(lines)


def forest_rows(store: Store) -> list[dict[str, Any]]:
    """A row of the forest plot for each measured cell, in units of its smallest difference that matters."""
    rows = []
    for v in all_verdicts(store):
        if not v.cells:
            continue
        unit = float(v.claim.criterion["smallest"])
        for c in v.cells:
            if c.estimate.n < 2:
                continue
            label = v.claim.id if len(v.cells) == 1 else f"{v.claim.id}: {c.name}"
            rows.append(
                {
                    "seeds": c.estimate.n,
                    "label": f"{label}  ({v.scale})",
                    "mean": c.estimate.mean / unit,
                    "low": c.estimate.low / unit,
                    "high": c.estimate.high / unit,
                    "paper": None if c.paper is None else c.paper / unit,
                    "color": plots.VERDICT[boxes.verdict_class(v)],
                }
            )
    return rows
