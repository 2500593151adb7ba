"""The front page: which sentence a record calls out, and what its number and picture are made of."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from ssllib.errors import InputError
from ssllib.evidence import findings, words
from ssllib.pages import front, thumbnails
from ssllib.runs import records
from ssllib.runs.records import Store

FOUND = findings.of(records.committed())


def test_the_verdict_chooses_the_sentence() -> None:
    for line, f in zip(findings.declared(), FOUND, strict=True):
        assert f.open == (f.verdict.word == words.UNTESTED)
        assert f.sentence == ("" if f.open else line[f.verdict.word])
    assert sum(not f.open for f in FOUND) >= 8


def test_without_records_only_proofs_and_tables_are_left(tmp_path: Path) -> None:
    for f in findings.of(Store(tmp_path)):
        assert f.open == (f.verdict.claim.kind != "arithmetic")


@pytest.mark.parametrize("f", [f for f in FOUND if not f.open], ids=lambda f: f.verdict.claim.id)
def test_a_card_has_a_number_a_picture_and_leads_to_its_claim(f: findings.Finding) -> None:
    said = front.number(f)
    assert said and not re.search(r"[{}]|nan|None", said)
    assert thumbnails.alt(f) and len(thumbnails.draw(f).axes) == 1
    card = front._card(f)
    assert f'href="{f.verdict.claim.page}.html#claim-{f.verdict.claim.id}"' in card and 'alt=""' not in card


def test_numbers_are_those_of_the_records() -> None:
    said = {f.verdict.claim.id: front.number(f) for f in FOUND if not f.open}
    assert said["cosine-bound-hats"] == "A step changes a cosine by 0.52; the printed bound allows 0.4."
    assert "1.0986 to 0.5514" in said["collapse-equal-minimum"]
    assert re.match(r"100\.6 \[", said["norm-slowdown-hundredfold"])


def test_what_nothing_has_tested_is_asked() -> None:
    text = front.unsettled(records.committed())
    assert all(f.question in text for f in FOUND if f.open)
    assert not any(f.question in text for f in FOUND if not f.open)


@pytest.fixture
def again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[list[dict]]:
    """The declared lines, to be altered; they are read from a copy."""
    lines = [dict(line) for line in findings.declared()]
    monkeypatch.setattr(findings, "data_dir", lambda: tmp_path)
    findings.declared.cache_clear()
    yield lines
    findings.declared.cache_clear()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"claim": "no-such"}, "no-such"),
        ({"cell": "no-such"}, "allowed: both sets move"),
        ({"colour": "red"}, "allowed: cell, claim"),
        ({"unclear": None}, "no sentence for unclear"),
        ({"picture": None}, "has no picture"),
    ],
)
def test_a_line_that_cannot_be_shown_is_refused(again: list[dict], tmp_path: Path, change: dict, said: str) -> None:
    again[0] = {k: v for k, v in (again[0] | change).items() if v is not None}
    (tmp_path / "findings.yml").write_text(yaml.safe_dump(again))
    with pytest.raises(InputError, match=re.escape(said)):
        findings.declared()


def test_a_verdict_without_its_sentence_is_an_error() -> None:
    line = next(dict(x) for x in findings.declared() if x["claim"] == "cosine-bound-hats")
    v = next(f.verdict for f in FOUND if f.verdict.claim.id == "cosine-bound-hats")
    with pytest.raises(InputError, match="no sentence says so"):
        findings._finding({k: x for k, x in line.items() if k != "repaired"}, v)
