"""The scoreboard: a row for each claim, filters that find it, drawings in the right place, records as archives."""

from __future__ import annotations

import math
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from ssllib import paths
from ssllib.evidence import claims, stats, verdicts, words
from ssllib.evidence.scoreboard import all_verdicts
from ssllib.pages import boxes, build, plots, score_board
from ssllib.runs import records

ROOT = paths.project_dir()
STATIC = ROOT / "book" / "_static"
Attributes = dict[str, str]


class Tags(HTMLParser):
    """All tags of a text with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, Attributes]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {k: v or "" for k, v in attrs}))

    def all(self, tag: str) -> list[Attributes]:
        return [given for name, given in self.found if name == tag]


@pytest.fixture(scope="module")
def board() -> str:
    return score_board.board(records.committed())


@pytest.fixture(scope="module")
def tags(board: str) -> Tags:
    return Tags(board)


def rows_of(tags: Tags) -> list[Attributes]:
    return [row for row in tags.all("tr") if "id" in row]


def test_every_claim_has_one_row_with_its_address(tags: Tags) -> None:
    assert [row["id"] for row in rows_of(tags)] == [f"claim-{name}" for name in claims.load()]


def test_the_filters_offer_what_the_rows_have_and_nothing_else(tags: Tags) -> None:
    offered = {(box["name"], box["value"]) for box in tags.all("input") if box["type"] == "checkbox"}
    given = {(n, x) for row in rows_of(tags) for n in score_board.FACETS for x in row[f"data-{n}"].split("|") if x}
    assert offered == given


def contradicted_of_cloa(tags: Tags) -> list[str]:
    rows = [r for r in rows_of(tags) if r["data-verdict"] == "contradicted"]
    return [r["data-words"] for r in rows if "CLOA" in r["data-paper"].split("|")]


def test_contradicted_claims_of_cloa(tags: Tags) -> None:
    found = set(contradicted_of_cloa(tags))
    verdicts = all_verdicts(records.committed())
    assert found == {v.claim.id for v in verdicts if v.word == words.CONTRADICTED and "2403.18699" in v.claim.paper}
    assert found


def test_rows_lead_to_pages_and_records_that_there_are(tags: Tags) -> None:
    pages = {f"{page.name}.html" for page in build.pages()}
    experiments = Tags(score_board.record_table(list(records.committed()))).all("tr")
    there = {f"#{row['id']}" for row in (*rows_of(tags), *experiments) if "id" in row}
    for link in tags.all("a"):
        page = link["href"].partition("#")[0]
        assert page in pages if page else link["href"] in there, link


def test_a_name_stands_for_one_claim_only() -> None:
    names = [score_board.short_words(c) for c in claims.load().values()]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("norm-growth-infonce", "Norm growth InfoNCE"),
        ("knn-rises-with-norm", "k-NN rises with norm"),
        ("cut-by-weight-decay-simsiam-cifar100", "Cut by weight decay SimSiam CIFAR-100"),
        ("values-2406-table-4-moco-v2", "Values Hidden Pitfalls table 4 MoCo v2"),
        ("non-contrastive-more-at-500", "non-contrastive more at 500"),
    ],
)
def test_names_in_words(name: str, text: str) -> None:
    assert score_board.short_words(claims.get(name)) == text


def test_math_and_text_are_escaped() -> None:
    text = score_board.math_html(r"a < b & $x < \rho$")
    assert text == r'a &lt; b &amp; <span class="math notranslate nohighlight">\(x &lt; \rho\)</span>'


@pytest.mark.parametrize(
    ("values", "target", "text"),
    [
        ((100.603, 100.45, 100.76), 0.0, "+100.6 [+100.5, +100.8]"),
        ((0.603, 0.45, 0.76), 100.0, "100.6 [100.5, 100.8]"),
        ((-0.0018, -0.0031, -0.0006), 0.0, "−0.0018 [−0.0031, −0.0006]"),
        ((12.3, -40.0, 64.6), 0.0, "+12 [−40, +65]"),
        ((1.0, 1.0, 1.0), 0.0, "+1.00 [+1.00, +1.00]"),
    ],
)
def test_measured_numbers_are_read_as_they_were_claimed(values: tuple[float, ...], target: float, text: str) -> None:
    mean, low, high = values
    assert boxes.measured_text(stats.Estimate(5, mean, low, high), target) == text


ROW = plots.ForestRow(
    name="A claim", cell="", link="#claim-x", verdict="", word=words.CONFIRMED, mean=3, low=2, high=4, paper=None,
    ours="+3 [+2, +4] points", told="", matters="1", seeds=3,
)  # fmt: skip


def test_five_ticks_and_places_in_order() -> None:
    svg = plots.forest([ROW, replace(ROW, mean=-35.0, low=-40.0, high=-30.0)], "Training")
    ticks = re.findall(r">([−\d,]+)</text>", svg)
    assert ticks == ["−100", "−1", "0", "1", "100"]
    places = [plots.place(x, 100) for x in (-1e6, -100, -10, -1, -0.5, 0, 0.5, 1, 10, 100, 1e6)]
    assert places == sorted(places) and places[0] == 4 and places[5] == 50 and places[-1] == 96
    assert all(a + b == pytest.approx(100) for a, b in zip(places, reversed(places), strict=True))


@pytest.mark.parametrize(("low", "limit"), [(2.0, 10), (-10.0, 10), (-10.1, 100), (-math.inf, 10), (-1e9, 1e4)])
def test_the_axis_ends_at_a_power_of_ten_that_holds_the_numbers(low: float, limit: float) -> None:
    assert plots.axis_limit([replace(ROW, low=low)]) == limit
    assert "nan" not in plots.forest([replace(ROW, low=low)], "")


def test_a_row_says_its_numbers_and_its_word_by_shape() -> None:
    drawn = {word: plots.forest([replace(ROW, word=word)], "") for word in (words.CONFIRMED, words.CONTRADICTED)}
    shapes = {word: plots.MARKS[word] in text for word, text in drawn.items()}
    assert all(shapes.values()) and plots.MARKS[words.CONTRADICTED] not in drawn[words.CONFIRMED]
    assert "ours: +3 [+2, +4] points; smallest difference that matters: 1; 3 seeds" in drawn[words.CONFIRMED]
    assert plots.DIAMOND not in drawn[words.CONFIRMED]
    assert plots.DIAMOND in plots.forest([replace(ROW, paper=0.0, told="0")], "")


def test_what_is_drawn_is_what_the_verdicts_measured() -> None:
    store = records.committed()
    rows = [r for part in claims.PARTS for r in score_board.forest_rows(store, part)]
    cells = [c for v in all_verdicts(store) for c in v.cells if c.estimate.n >= stats.SEEDS]
    assert len(rows) == len(cells) > 0
    for row, cell in zip(rows, cells, strict=True):
        assert row.mean * float(row.matters.split(",")[0]) == pytest.approx(cell.estimate.mean, rel=1e-4)
        assert row.word == cell.reading.word


def test_a_card_has_the_claims_address_and_leads_to_the_board() -> None:
    text = boxes.card(verdicts.verdict(claims.get("cosine-bound"), records.committed()))
    assert 'id="claim-cosine-bound"' in text and "{claim}`On the scoreboard <cosine-bound>`" in text


@pytest.fixture
def evidence(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "book" / "_ext"))
    return import_module("evidence")


def test_one_archive_for_each_experiment(evidence: ModuleType, tmp_path: Path) -> None:
    files = {"paper/arms/a-s0.json": b"{}", "cpu/arms/b-s1.npz": b"12", "paper/density/c.json": b"[]"}
    for name, content in (files | {".tmp/arms/d.json": b"", "paper/arms/e.part": b""}).items():
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(content)
    made = evidence.write_archives(tmp_path / "in", tmp_path / "out")
    assert sorted(p.name for p in made) == ["arms.zip", "density.zip"]
    first = [p.read_bytes() for p in made]
    packed = {n: z.read(n) for p in made for z in [zipfile.ZipFile(p)] for n in z.namelist()}
    assert packed == files
    (tmp_path / "in/paper/arms/a-s0.json").touch()
    assert [p.read_bytes() for p in evidence.write_archives(tmp_path / "in", tmp_path / "out")] == first


def test_every_archive_that_the_page_names_is_made(evidence: ModuleType, tmp_path: Path) -> None:
    named = {a["href"] for a in Tags(score_board.record_table(list(records.committed()))).all("a")}
    made = evidence.write_archives(ROOT / "data" / "records", tmp_path)
    assert named == {f"../records/{path.name}" for path in made}


def test_links_to_claims_and_the_scripts_of_the_one_page(tmp_path: Path) -> None:
    (tmp_path / "conf.py").write_text(
        f"import sys; sys.path.insert(0, {str(ROOT / 'book/_ext')!r})\n"
        f"extensions = ['evidence', 'sphinx.ext.mathjax']\nhtml_static_path = [{str(STATIC)!r}]\n"
    )
    (tmp_path / "book").mkdir()
    (tmp_path / "index.rst").write_text("Index\n=====\n\n.. toctree::\n\n   book/scoreboard\n   book/page\n")
    (tmp_path / "book/scoreboard.rst").write_text("Board\n=====\n")
    (tmp_path / "book/page.rst").write_text("Page\n====\n\n:claim:`the bound <cosine-bound>`\n")
    line = [sys.executable, "-m", "sphinx", "-q", "-W", "-n", str(tmp_path), str(tmp_path / "out")]
    done = subprocess.run(line, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    page, board = ((tmp_path / "out/book" / f"{name}.html").read_text() for name in ("page", "scoreboard"))
    assert '<a class="reference internal" href="scoreboard.html#claim-cosine-bound">the bound</a>' in page
    for script in ("vendor/datatables/dataTables.min.js", "scoreboard.js", "mathjax"):
        assert script in board and script not in page


def test_the_table_library_is_small_and_has_its_licence() -> None:
    folder = STATIC / "vendor" / "datatables"
    assert sum(file.stat().st_size for file in folder.iterdir()) < 250_000
    assert (folder / "LICENSE.txt").read_text().startswith("The MIT License")


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --virtual-time-budget=5000 --dump-dom"
).split()


@pytest.fixture
def opened(board: str, tmp_path: Path) -> Callable[[str], str]:
    """The scoreboard in a browser at an address, without a server: the document that its scripts leave."""
    scripts = "".join(
        f'<script defer src="{(STATIC / name).as_uri()}"></script>'
        for name in ("vendor/datatables/dataTables.min.js", "scoreboard.js")
    )
    (tmp_path / "board.html").write_text(f"<!doctype html><meta charset=utf-8>{scripts}<body>{board}")

    def open_at(address: str) -> str:
        url = (tmp_path / "board.html").as_uri() + address
        line = [str(CHROMIUM), *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", url]
        return subprocess.run(line, capture_output=True, text=True, timeout=120, check=True).stdout

    return open_at


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")
def test_the_address_chooses_and_orders_the_rows(opened: Callable[[str], str], tags: Tags) -> None:
    text = opened("#paper=CLOA&verdict=contradicted&sort=-claim")
    shown = [row["data-words"] for row in rows_of(Tags(text))]
    wanted = contradicted_of_cloa(tags)
    assert sorted(shown) == sorted(wanted) and f"{len(wanted)} of {len(rows_of(tags))} claims" in text
    names = [score_board.short_words(claims.get(name)).lower() for name in shown]
    assert names == sorted(names, reverse=True)
    assert not any("hidden" in form for form in Tags(text).all("form"))


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")
def test_a_claims_address_shows_its_row_among_all(opened: Callable[[str], str], tags: Tags) -> None:
    rows = rows_of(Tags(opened("#claim-cosine-bound")))
    assert len(rows) == len(rows_of(tags))
    assert [row["id"] for row in rows if "aimed" in row.get("class", "")] == ["claim-cosine-bound"]
