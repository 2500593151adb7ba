"""The claims' quotes against the papers' texts, where `SSLLIB_PAPERS` names a folder that holds them.

A quote is compared piece by piece (pieces are parted by `...`) after what reading a page by machine changes at random
is taken away on both sides: white space, hyphens, delimiters of mathematics and emphasis, kinds of quotation marks,
links of citations and marks of footnotes. Letters, digits, signs and commands of LaTeX must be the same.
"""

import os
import re
from pathlib import Path

import pytest

from ssllib.evidence import claims
from ssllib.evidence.claims import Claim

FIRST_LINES = {
    "2406.16468": "The Hidden Pitfalls of the Cosine Similarity Loss",
    "2502.09252": "On the Importance of Embedding Norms in Self-Supervised Learning",
    "2403.18699": "CONTRASTIVE LEARNING WITH ORTHONORMAL ANCHORS (CLOA)",
    "notes": "title: The Hidden Pitfalls of the Cosine Similarity Loss",
}
"""What one of a text's first three lines says, by the paper (or the reader's notes) that it is of."""

GARBLED: dict[tuple[str, str], str] = {}
"""(claim, paper): why the text at hand cannot show the quote."""

_REMOVED = re.compile(
    r"<sup>.*?</sup>"  # marks of footnotes
    r"|\]\(#?\)|\\(?=[\[\]])"  # links of citations
    r"|\$|\\[()]|\*"  # delimiters
    r"|[-\u2010\u2013]|\s"  # hyphens and white space
)
_SAME = {
    "\u2018": "'",
    "\u2019": "'",
    "\u201c": '"',
    "\u201d": '"',
    r"\lVert": r"\|",
    r"\rVert": r"\|",
    r"\lvert": "|",
    r"\rvert": "|",
    r"\sim": "~",
    "\u223c": "~",
    "\u03c0": r"\pi",
    "\u2113": r"\ell",
}


def plain(text: str) -> str:
    """What is compared: `text` without what machine reading changes at random."""
    for written, same in _SAME.items():
        text = text.replace(written, same)
    return _REMOVED.sub("", text)


def pieces(quote: str) -> list[str]:
    """The parts of a quote between `...`, as compared."""
    return [p for part in quote.split("...") if (p := plain(part))]


def missing(quote: str, text: str) -> list[str]:
    """The pieces of a quote that are not in a text (which is plain already), in the order of the quote."""
    return [p for p in pieces(quote) if p not in text]


def read_texts(folder: Path) -> dict[str, str]:
    """The plain text of each paper and of the notes, known by their first lines; a page about a paper is shorter."""
    found: dict[str, str] = {}
    for path in sorted(folder.glob("*.txt")):
        text = path.read_text(encoding="utf-8")
        head = [line for line in text.splitlines() if line.strip()][:3]
        for name, first in FIRST_LINES.items():
            if any(line.lstrip("# ") == first for line in head):
                found[name] = max(found.get(name, ""), plain(text), key=len)
    return found


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    folder = os.environ.get("SSLLIB_PAPERS")
    if not folder:
        pytest.skip("SSLLIB_PAPERS names no folder with the papers' texts, so quotes are not compared")
    found = read_texts(Path(folder))
    assert set(found) == set(FIRST_LINES), f"no text of {sorted(set(FIRST_LINES) - set(found))} in {folder}"
    return found


REAL = list(claims.load().values())


@pytest.mark.parametrize("c", REAL, ids=lambda c: c.id)
def test_quotes_are_the_papers_own_words(c: Claim, texts: dict[str, str]) -> None:
    for paper, quote in c.quote.items():
        absent = missing(quote, texts[paper])
        if (c.id, paper) in GARBLED:
            assert absent, f"the quote of {c.id} is in {paper} after all: take it from GARBLED"
        else:
            assert not absent, f"{c.id} quotes {paper} with words that are not in it: {absent}"


@pytest.mark.parametrize("c", REAL, ids=lambda c: c.id)
def test_a_stated_claim_quotes_each_paper_that_it_names(c: Claim) -> None:
    assert set(c.quote) <= {*c.paper, "notes"}
    if c.stands == "stated":
        assert set(c.paper) <= set(c.quote)
    assert all(pieces(quote) for quote in c.quote.values())


def test_garbled_quotes_are_of_claims_that_there_are() -> None:
    assert {(i, paper) for i, paper in GARBLED if paper in claims.get(i).quote} == set(GARBLED)


def test_the_comparison_sees_words_and_not_typography() -> None:
    text = plain(
        "we ob-\nserved that **GradScale** with $p = 1$ “failed” [Chen et al. \\[2020a\\]](#) here.<sup>2</sup>"
    )
    assert not missing('we observed ... GradScale with p=1 "failed" [Chen et al. [2020a] here.', text)
    assert (
        missing("we never observed", text)
        and missing("with $p = 2$", text)
        and missing("... ghost ...", text)
    )
