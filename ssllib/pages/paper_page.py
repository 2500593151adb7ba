"""The page of one paper: its sentences by verdict, and its tables as printed with our marks in the cells."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from ssllib.errors import InputError
from ssllib.evidence import claims, papers, scoreboard, verdicts, words
from ssllib.evidence.claims import Claim
from ssllib.evidence.papers import Cell
from ssllib.evidence.tables import same_setting
from ssllib.evidence.tables.compare import plain
from ssllib.evidence.verdicts import Verdict
from ssllib.pages import boxes
from ssllib.pages.page import show
from ssllib.pages.score_board import has_page
from ssllib.runs.declared import Instead
from ssllib.runs.records import Store
from ssllib.theory.proofs.statements import first_failure

ELSEWHERE, NOTED = "≠", "†"
"""Marks in a table: the setting is printed elsewhere with another number; there is a note on the cell."""


def sentences(paper: str, store: Store) -> list[Verdict]:
    """The verdicts on what a paper states; of sentences that are false for one reason, one."""
    return [v for v in scoreboard.stated(scoreboard.all_verdicts(store)) if paper in v.claim.paper]


def counts(found: Iterable[Verdict]) -> str:
    """ "Of 88 sentences 30 are confirmed, 6 repaired ... and 40 untested." """
    count = Counter(v.word for v in found)
    named = [f"{count[w]} {w}" for w in words.VERDICTS if count[w]]
    small = sum(v.small for v in found)
    text = f"Of {sum(count.values())} sentences {', '.join(named[:-1])} and {named[-1]}"
    return text + (f"; {small} of these verdicts are about small networks only." if small else ".")


def listing(paper: str, found: Iterable[Verdict], wanted: str) -> str:
    """The sentences with a verdict's word: ours, its place, what stands behind the word, and the evidence's page."""
    lines = []
    for v in found:
        if v.word == wanted:
            page = f"; {{doc}}`evidence </book/{v.claim.page}>`" if has_page(v.claim) else ""
            behind = f", {v.reading.detail}" if v.reading.detail else ""
            lines.append(f"- {v.claim.ours} *({place(v.claim, paper)}{behind}; {v.where}{page})*")
    return "\n".join(lines) or "None."


def failing(paper: str, found: Sequence[Verdict]) -> str:
    """What fails, was repaired, or is unclear, each with its sentences."""
    return "\n\n".join(
        f"**{word.capitalize()}**\n\n{listing(paper, found, word)}"
        for word in (words.CONTRADICTED, words.REPAIRED, words.UNCLEAR)
        if any(v.word == word for v in found)
    )


def holding(paper: str, found: Sequence[Verdict]) -> str:
    """What is confirmed, folded."""
    held = sum(v.word == words.CONFIRMED for v in found)
    return f":::{{dropdown}} {held} sentences are confirmed\n{listing(paper, found, words.CONFIRMED)}\n:::"


def waiting(found: Iterable[Verdict]) -> str:
    """The sentences that nothing has tested, counted by the page that will."""
    count = Counter(v.claim.page for v in found if v.word == words.UNTESTED)
    known = {v.claim.page for v in found if has_page(v.claim)}
    lines = [
        f"- {n} on {{doc}}`/book/{page}`" if page in known else f"- {n} on {page}, not written yet"
        for page, n in count.most_common()
    ]
    return "\n".join(lines) or "None."


def tables(paper: str, found: Sequence[Verdict], chosen: str = "all") -> str:
    """The tables that hold numbers, all or the one that is `chosen`."""
    return "\n\n".join(table(paper, n, found) for n in numeric_tables(paper) if chosen in ("all", n))


def table(paper: str, name: str, found: Iterable[Verdict]) -> str:
    """A table as printed, its cells marked, with the sentences about it by verdict, as MyST Markdown."""
    t = papers.load(paper).table(name)
    elsewhere = _elsewhere(t.source)
    notes: list[str] = []
    rows = []
    heads = [" ".join(f"{part} {v}" if part == "epoch" else _part(v) for part, v in c.items()) for c in t.columns]
    row_parts = list(dict.fromkeys(part for key, _ in t.rows() for part in key))
    for key, cells in t.rows():
        rows.append([*(_part(key.get(p, "")) for p in row_parts), *(_marked(c, elsewhere, notes) for c in cells)])
    body = boxes.markdown_table(rows, [*(p.replace("_", " ") for p in row_parts), *heads])
    caption = re.sub(r"\s+", " ", t.caption).split(". ")[0].rstrip(".")
    lines = [f":::{{table}} Table {name}, as printed: {caption}.", "", body, ":::", ""]
    lines += [f"- {note}" for note in dict.fromkeys(notes)]
    about = [v for v in found if re.search(rf"\bTable {re.escape(name)}\b", place(v.claim, paper))]
    if about:
        count = Counter(v.word for v in about)
        told = ", ".join(f"{count[w]} {w}" for w in words.VERDICTS if count[w])
        lines += ["", f"::::{{dropdown}} Sentences about Table {name}: {told}"]
        lines += [f"- {boxes.badge(v.word)} {_short(v)}" for w in words.VERDICTS for v in about if v.word == w]
        lines.append("::::")
    return "\n".join(lines)


def _part(value: Any) -> str:
    """A part of a cell's key: 5e-6 as papers write it."""
    small = isinstance(value, float) and 0 < value < 0.001
    return f"{value:.0e}".replace("e-0", "e-") if small else str(value)


def place(claim: Claim, paper: str) -> str:
    """Where a claim stands in one of its papers: a claim of two names both places, "Table 3 / Table 1"."""
    places = claim.place.split(" / ")
    apart = len(places) == len(claim.paper) and "either paper" not in claim.place
    return places[claim.paper.index(paper)] if apart else claim.place


def _short(v: Verdict) -> str:
    return f"{v.claim.ours.rstrip('.')} {{claim}}`↗ <{v.claim.id}>`"


def _elsewhere(source: str) -> dict[tuple[Any, ...], list[same_setting.Printed]]:
    """For each cell of a table whose setting is printed elsewhere with another number: the others."""
    found: dict[tuple[Any, ...], list[same_setting.Printed]] = {}
    for setting in same_setting.settings(papers.load):
        for mine in (c for c in setting.cells if c.source == source):
            others = [c for c in setting.cells if c.source != source and c.value != mine.value]
            if others:
                found[_key(mine.key)] = others
    return found


def _key(key: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(sorted((k, str(v)) for k, v in key.items()))


def _marked(cell: Cell, elsewhere: dict[tuple[Any, ...], list[same_setting.Printed]], notes: list[str]) -> str:
    text = cell.printed
    if others := elsewhere.get(_key(cell.key)):
        text += f" {ELSEWHERE}"
        where = ", ".join(f"{plain(o.value)} in {o.source}" + f" ({o.inferred})" * bool(o.inferred) for o in others)
        notes.append(f"{ELSEWHERE} {cell.printed}: {where}.")
    if cell.note and cell.note != "bold":
        text += f" {NOTED}"
        notes.append(f"{NOTED} {cell.printed}: {cell.note.rstrip('.')}.")
    return text


def numeric_tables(paper: str) -> list[str]:
    """The tables of a paper that hold numbers."""
    tables = papers.load(paper).tables
    return [name for name, t in tables.items() if any(c.value is not None for c in t.cells())]


def rests_on(store: Store, **decided: str) -> dict[str, dict[str, Any]]:
    """What a letter rests on: for each claim (its name with `_` for `-`) its counterexample or what its table says.

    In a book drawn from other records the letter still rests on the book's, and says so.

    Raises:
        InputError: where a verdict is another one than the letter says, so that it cannot go stale.
    """
    found: dict[str, dict[str, Any]] = {}
    if isinstance(store, Instead):
        show("*The letter rests on the records that are kept with the book, not on those of this build.*")
        store = store.book
    for name, word in decided.items():
        v = verdicts.verdict(claims.get(name.replace("_", "-")), store)
        if v.word != word:
            raise InputError(f"the letter says that {v.claim.id} is {word}; the records say {v.short}")
        statements = v.records[-1].final["statements"] if v.records and v.claim.kind == "proof" else []
        wrong = first_failure(statements) or {}
        found[name] = (wrong.get("counterexample") or {}) | {"corrected": wrong.get("corrected", "")}
        if v.finding:
            found[name]["said"] = v.finding.sentence
    return found
