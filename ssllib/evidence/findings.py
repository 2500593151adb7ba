"""What the front page says: a sentence for each finding, chosen by the verdict of the claim that it rests on.

Declared in `data/findings.yml`, so that a new record changes the front page and no sentence goes stale.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import yaml

from ssllib.errors import InputError, one_of
from ssllib.evidence import claims, verdicts, words
from ssllib.evidence.verdicts import Verdict
from ssllib.paths import data_dir
from ssllib.runs.records import Store

SENTENCES = (words.CONFIRMED, words.REPAIRED, words.CONTRADICTED, words.UNCLEAR)
KEYS = {"claim", "cell", "question", "number", "picture", *SENTENCES}


@dataclass(frozen=True)
class Finding:
    """A line of `data/findings.yml` with the verdict that decides it.

    Args:
        cell: the place of the cell that is shown among the verdict's; None where it has none.
        sentence: what was found; empty while nothing has tested it.
        question: what is asked.
    """

    verdict: Verdict
    cell: int | None
    sentence: str
    question: str
    number: str
    picture: str

    @property
    def open(self) -> bool:
        return not self.sentence


@lru_cache(maxsize=1)
def declared() -> tuple[Mapping[str, Any], ...]:
    """The lines of `data/findings.yml`.

    Raises:
        InputError: on a key, a claim or a cell that there is not, and where a sentence is missing.
    """
    path = data_dir() / "findings.yml"
    found = tuple(yaml.safe_load(path.read_text()))
    for line in found:
        name = f"{path.name}, {line.get('claim')}"
        for key in line:
            one_of(f"{name}: key", key, sorted(KEYS))
        claim = claims.get(line["claim"])
        if missing := {"question", "number", "picture", words.CONFIRMED, words.CONTRADICTED} - set(line):
            raise InputError(f"{name} has no {', '.join(sorted(missing))}")
        if claim.kind in ("simulation", "experiment"):
            if words.UNCLEAR not in line:
                raise InputError(f"{name} has no sentence for {words.UNCLEAR}, which measurements may leave")
            cells = [e.name for e in claim.estimands]
            one_of(f"{name}: cell", line.get("cell", cells[0]), cells)
    return found


def of(store: Store) -> list[Finding]:
    """All findings as the records have them, in the order declared.

    Raises:
        InputError: where a verdict has come out for which no sentence is declared.
    """
    return [_finding(line, verdicts.verdict(claims.get(line["claim"]), store)) for line in declared()]


def _finding(line: Mapping[str, Any], v: Verdict) -> Finding:
    sentence = ""
    if v.word in SENTENCES:
        if v.word not in line:
            raise InputError(f"findings.yml, {v.claim.id}: the verdict is {v.word}, and no sentence says so")
        sentence = line[v.word]
    names = [c.name for c in v.cells]
    cell = names.index(line["cell"]) if line.get("cell") in names else 0 if names else None
    return Finding(v, cell, sentence, line["question"], line["number"], line["picture"])
