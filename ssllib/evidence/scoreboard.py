"""The scoreboard: every claim with its verdict, counted, and as text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from ssllib.evidence import claims, papers, verdicts, words
from ssllib.evidence.verdicts import Verdict
from ssllib.runs.records import Store

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
    return _rows([(name, [v for v in mine if p in v.claim.paper]) for p, name in papers.shorts().items()])


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


def notes(store: Store) -> str:
    """What the table of counts needs said beside it."""
    found = all_verdicts(store)
    mine, asked = stated(found), questions(found)
    same = sum(v.claim.stands == "stated" and v.claim.kind != "question" for v in found) - len(mine)
    literal = sum(v.reading.detail == "literally, not" for v in mine)
    weights = Counter(v.claim.weight for v in mine if v.word in (words.REPAIRED, words.CONTRADICTED) and not v.small)
    answered = sum(v.word == words.ANSWERED for v in asked)
    small = small_tally(mine)
    networks = [v for v in mine if v.claim.kind == "experiment"]
    tried = sum(v.word != words.UNTESTED for v in networks)
    on_small = f", on small networks {sum(small.values())}: {_listed(small, words.VERDICTS)}" if small else ""
    false = sum(weights[w] for w in ("slip", "repairable", "breaks"))
    return (
        f"The table counts {len(mine)} sentences of the papers; beside them stand {len(others(found))} controls and "
        f"implications (what follows from a sentence, and what it is compared with), and {len(asked)} questions, of "
        f"which {answered} are answered. {len(networks)} sentences only trained networks can decide; {tried} of them "
        f"have been measured{on_small}. Proofs and tables find {false} sentences false as printed: "
        f"{weights['slip']} are slips (a sign, a hat, a rounding), {weights['repairable']} lose nothing of their use, "
        f"{weights['breaks']} break the use that is made of them; {same} more fail for the same reason as one of these "
        f"and stand in no column. {literal} sentences about tables are true as one reads them, but not to the letter."
    )


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
