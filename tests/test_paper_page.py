"""The page of one paper: its sentences by verdict, its tables with marks, and a letter that cannot go stale."""

from __future__ import annotations

import pytest

from ssllib.errors import InputError
from ssllib.evidence import claims, papers, scoreboard
from ssllib.pages import paper_page
from ssllib.runs import records

STORE = records.committed()


@pytest.mark.parametrize("paper", papers.REPRODUCED)
def test_every_sentence_of_a_paper_is_listed_once(paper: str) -> None:
    found = paper_page.sentences(paper, STORE)
    listed = [v for w in ("confirmed", "repaired", "contradicted", "unclear") for v in found if v.word == w]
    text = "\n".join(paper_page.listing(paper, found, w) for w in ("confirmed", "repaired", "contradicted", "unclear"))
    assert all(text.count(f"- {v.claim.ours} *(") == 1 for v in listed)
    row = next(r for r in scoreboard.tally_by_paper(STORE) if r[0] == papers.short(paper))
    assert paper_page.counts(found).startswith(f"Of {row[1]} sentences ")
    waiting = paper_page.waiting(found)
    assert sum(int(line.split()[1]) for line in waiting.splitlines()) == len(found) - len(listed)


def test_a_cell_that_is_printed_elsewhere_with_another_number_is_marked() -> None:
    found = paper_page.sentences("2406.16468", STORE)
    text = paper_page.table("2406.16468", "3", found)
    assert "| 33.9 ≠ |" in text and "- ≠ 33.9: 40.5 in 2406.16468 Table 5" in text
    assert "| 42.3 |" in text  # printed elsewhere with the same number, or nowhere
    assert "✗ contradicted" in text and "Sentences about Table 3" in text


def test_a_table_of_the_other_paper_is_not_meant() -> None:
    both = claims.get("cut-with-weight-decay-accelerates")
    assert len(both.paper) == 2 and "/" in both.place
    one, other = (paper_page.place(both, p) for p in both.paper)
    assert one != other and f"{one} / {other}" == both.place


def test_a_letter_stops_when_a_verdict_changes() -> None:
    at = paper_page.rests_on(STORE, cosine_bound_hats="repaired", same_cells_same_numbers="contradicted")
    assert at["cosine_bound_hats"]["gamma"] == 50 and "56 settings" in at["same_cells_same_numbers"]["said"]
    with pytest.raises(InputError, match="the letter says that cosine-bound-hats is confirmed"):
        paper_page.rests_on(STORE, cosine_bound_hats="confirmed")
