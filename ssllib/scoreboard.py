"""The scoreboard: every claim with its verdict, for the command line, the README and the book."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from ssllib import boxes, claims, marked, plots, stats, verdicts, words
from ssllib.paths import project_dir
from ssllib.records import Record, Store
from ssllib.verdicts import Verdict

TITLES = {
    "theory": "Theory", "simulation": "Simulations", "training": "Training", "confidence": "Confidence",
    "anchors": "Anchors (CLOA)", "arithmetic": "The papers against their own tables", "question": "Open questions",
}  # fmt: skip


def all_verdicts(store: Store) -> list[Verdict]:
    """The verdict on every claim, in the order of `data/claims/`."""
    return [verdicts.verdict(c, store) for c in claims.load().values()]


COLUMNS = ("claims", *words.VERDICTS[:-1], "small networks only", words.UNTESTED)
"""Verdicts about small networks have a column of their own, and count in no other."""


def column(v: Verdict) -> str:
    """The column that counts a verdict."""
    return "small networks only" if v.small else v.word


def stated(found: Iterable[Verdict]) -> list[Verdict]:
    """What enters the totals: sentences of the papers, and one of those that are false for one reason."""
    kept = [v for v in found if v.claim.stands == "stated" and v.claim.kind != "question"]
    word = {v.claim.id: v.word for v in kept}
    return [v for v in kept if v.claim.root is None or word.get(v.claim.root) != v.word]


def others(found: Iterable[Verdict]) -> list[Verdict]:
    """What no paper states: implications, controls and additions."""
    return [v for v in found if v.claim.stands != "stated" and v.claim.kind != "question"]


def questions(found: Iterable[Verdict]) -> list[Verdict]:
    return [v for v in found if v.claim.kind == "question"]


def tally(found: Iterable[Verdict]) -> Counter[str]:
    """How many verdicts stand in which column."""
    return Counter(column(v) for v in found)


def small_tally(found: Iterable[Verdict]) -> Counter[str]:
    """What was found of small networks, by word."""
    return Counter(v.word for v in found if v.small)


def tally_by_part(store: Store) -> list[list[Any]]:
    """A row for each part and one for all stated claims, one for the others: title, then what `COLUMNS` names."""
    found = all_verdicts(store)
    mine = stated(found)
    rows = _rows([*((t, [v for v in mine if v.claim.part == p]) for p, t in TITLES.items()), ("all", mine)])
    return [r for r in rows if r[1]] + _rows([("beside: controls, implications", others(found))])


def tally_by_paper(store: Store) -> list[list[Any]]:
    """The same with a row for each paper; a claim that two papers make counts for both."""
    mine = stated(all_verdicts(store))
    return _rows([(name, [v for v in mine if p in v.claim.paper]) for p, name in boxes.PAPER_NAMES.items()])


def _rows(groups: list[tuple[str, list[Verdict]]]) -> list[list[Any]]:
    return [[title, len(mine), *(tally(mine)[c] or "" for c in COLUMNS[1:])] for title, mine in groups]


def summary(store: Store) -> str:
    """Three lines: the stated claims by word, what was seen of small networks, and what stands beside."""
    found = all_verdicts(store)
    mine, beside, asked = stated(found), others(found), questions(found)
    same = sum(v.claim.stands == "stated" and v.claim.kind != "question" for v in found) - len(mine)
    answered = sum(v.word == words.ANSWERED for v in asked)
    lines = [
        f"{len(mine)} sentences of the papers: {_listed(tally(mine), COLUMNS[1:])}; {sum(1 for _ in store)} records.",
        f"Small networks: {_listed(small_tally(mine), words.VERDICTS)}.",
        f"Beside them {len(beside)} controls and implications ({_listed(tally(beside), COLUMNS[1:])}), "
        f"{len(asked)} questions, {answered} answered; {same} more sentences fail for the reason of another.",
    ]
    return "\n".join(lines)


def _listed(count: Counter[str], order: Iterable[str]) -> str:
    return ", ".join(f"{count[name]} {name}" for name in order if count[name]) or "none"


def readme_block(store: Store) -> str:
    """The README's summary of verdicts, between its two marks."""
    table = boxes.markdown_table([list(row) for row in tally_by_part(store)], ["", *COLUMNS])
    return f"{MARKS[0]}\n{table}\n\n{notes(store)}\n{MARKS[1]}"


def notes(store: Store) -> str:
    """What the table of counts needs said beside it."""
    found = all_verdicts(store)
    mine, asked = stated(found), questions(found)
    same = sum(v.claim.stands == "stated" and v.claim.kind != "question" for v in found) - len(mine)
    literal = sum(v.reading.detail == "literally, not" for v in mine)
    weights = Counter(v.claim.weight for v in mine if v.word in (words.REPAIRED, words.CONTRADICTED) and not v.small)
    answered = sum(v.word == words.ANSWERED for v in asked)
    return (
        f"Small networks: {_listed(small_tally(mine), words.VERDICTS)}. "
        f"Of the sentences that proofs and tables find false, {weights['slip']} are slips, {weights['repairable']} are "
        f"repairable and {weights['breaks']} break the use that is made of them; {same} more fail for the same reason "
        f"as another and are not counted again. {literal} sentences of tables are true as one reads them, but not to "
        f"the letter. Of {len(asked)} questions {answered} are answered."
    )


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
    """One part of the scoreboard as Markdown: what the papers state, then, apart, what stands beside it.

    Each row links to its page and its records.
    """
    found = [v for v in all_verdicts(store) if v.claim.part == part]
    apart = [v for v in found if v.claim.stands != "stated"]
    lines = _table([v for v in found if v.claim.stands == "stated"])
    if apart and len(apart) < len(found):
        return f"{lines}\n\nImplications, controls and additions:\n\n{_table(apart)}"
    return _table(found)


def _table(chosen: Sequence[Verdict]) -> str:
    rows = []
    for v in chosen:
        c = v.claim
        page = f"{{doc}}`page </book/{c.page}>`" if has_page(c) else "no page yet"
        evidence = ""
        if v.records:
            names = sorted({r.experiment for r in v.records})
            count = Counter(r.experiment for r in v.records)
            evidence = ", ".join(f"[{count[n]} of {n}](records-{n})" for n in names)
        places = ", ".join(f"{boxes.PAPER_NAMES[p]}" for p in c.paper)
        behind = "; ".join(filter(None, [v.reading.detail, v.where]))
        mark = f"{BADGE[v.word]}`{words.SYMBOL[v.word]} {v.word}` {behind}"
        rows.append([c.ours.replace("|", "\\|"), f"{places}: {c.place}".replace("|", "\\|"), mark, page, evidence])
    return boxes.markdown_table(rows, ["claim", "where", "verdict", "page", "records"])


BADGE = {
    words.CONFIRMED: "{bdg-success}", words.REPAIRED: "{bdg-warning}", words.CONTRADICTED: "{bdg-danger}",
    words.UNCLEAR: "{bdg-secondary}", words.UNTESTED: "{bdg-light}",
    words.ANSWERED: "{bdg-success}", words.OPEN: "{bdg-light}",
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
            if c.estimate.n < stats.SEEDS:
                continue
            label = v.claim.id if len(v.cells) == 1 else f"{v.claim.id}: {c.name}"
            rows.append(
                {
                    "seeds": c.estimate.n,
                    "label": f"{label}  ({v.where})",
                    "mean": c.estimate.mean / unit,
                    "low": c.estimate.low / unit,
                    "high": c.estimate.high / unit,
                    "paper": None if c.paper is None else c.paper / unit,
                    "color": plots.VERDICT[c.reading.word],
                }
            )
    return rows
