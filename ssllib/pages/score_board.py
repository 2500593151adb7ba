"""The scoreboard as the book and the README show it."""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from ssllib.evidence import claims, papers, stats, verdicts, words
from ssllib.evidence.scoreboard import COLUMNS, TITLES, all_verdicts, notes, tally_by_part
from ssllib.evidence.verdicts import Verdict
from ssllib.pages import boxes, plots, readme
from ssllib.paths import project_dir
from ssllib.runs.records import Record, Store

MARKS = ("<!-- verdicts: written by `make pages` -->", "<!-- end of verdicts -->")


def readme_block(store: Store) -> str:
    """The README's summary of verdicts, between its two marks."""
    table = boxes.markdown_table([list(row) for row in tally_by_part(store)], ["", *COLUMNS])
    return f"{MARKS[0]}\n{table}\n\n{notes(store)}\n{MARKS[1]}"


def update_readme(store: Store) -> bool:
    """Write the summary into README.md; True when it changed."""
    return readme.update(project_dir() / "README.md", MARKS, readme_block(store))


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


NAMES = {
    "simclr": "SimCLR", "simsiam": "SimSiam", "byol": "BYOL", "dino": "DINO", "cloa": "CLOA", "mse": "MSE",
    "moco-v2": "MoCo v2", "moco-v3": "MoCo v3", "infonce": "InfoNCE", "gradscale": "GradScale", "knn": "k-NN",
    "barlow-twins": "Barlow Twins", "imagenet100": "ImageNet-100", "cifar100": "CIFAR-100", "cifar10": "CIFAR-10",
    "cifar100n": "CIFAR-100N", "cifar10n": "CIFAR-10N", "flowers": "Flowers", "resnet50": "ResNet-50",
    "2d": "2-D", "3d": "3-D", "rank1": "rank 1", "non-contrastive": "non-contrastive", "c2": "c = 2", "c8": "c = 8",
    "fine-tuning": "fine-tuning", "2406": "Hidden Pitfalls", "2502": "Embedding Norms", "2403": "CLOA",
    "4-1": "4.1", "5-1": "5.1", "6-1": "6.1", "6-2": "6.2",
}  # fmt: skip
"""Parts of claims' names that are not plain words."""


def short_words(claim: claims.Claim) -> str:
    """The claim in a few words: its name, read as words ("Norm growth InfoNCE")."""
    pattern = "|".join(sorted(map(re.escape, NAMES), key=len, reverse=True))
    text = re.sub(rf"(?<![^-])({pattern})(?![^-])", lambda m: NAMES[m[1]].replace("-", "\0"), claim.id)
    text = text.replace("-", " ").replace("\0", "-")
    return text if text.split()[0] in " ".join(NAMES.values()).split() else text[:1].upper() + text[1:]


def math_html(text: str) -> str:
    """Plain text with $math$ as HTML that the book's MathJax draws."""
    pieces = re.split(r"\$([^$]+)\$", text)
    return "".join(
        f'<span class="math notranslate nohighlight">\\({html.escape(p)}\\)</span>' if i % 2 else html.escape(p)
        for i, p in enumerate(pieces)
    )


WEIGHTS = {"slip": "a slip", "repairable": "repairable", "breaks": "breaks its use"}
STANDS = {"stated": "stated in the paper", "implied": "implied by the paper", "ours": "ours"}
FACETS: dict[str, tuple[str, Callable[[Verdict], list[str]], tuple[str, ...]]] = {
    "paper": ("Paper", lambda v: [papers.short(p) for p in v.claim.paper], tuple(papers.shorts().values())),
    "verdict": ("Verdict", lambda v: [v.word], (*words.VERDICTS, *words.ANSWERS)),
    "part": ("Part", lambda v: [TITLES[v.claim.part]], tuple(TITLES.values())),
    "where": ("Where", lambda v: [v.where] if v.where else [], tuple(words.WHERE.values())),
    "stands": ("Who says it", lambda v: [STANDS[v.claim.stands]], tuple(STANDS.values())),
    "weight": ("If false", lambda v: [v.claim.weight] if v.claim.weight else [], claims.WEIGHTS),
}
"""What the scoreboard is filtered by: a title, a claim's values, and all values in order."""


def board(store: Store) -> str:
    """The scoreboard as HTML: filters, which a script shows, and a table with a row for each claim.

    A row's id is `claim-` and the claim's. Its `data-` attributes hold its values of `FACETS`, with `|` between
    several; the table is whole without the script.
    """
    found = all_verdicts(store)
    rows = [_row(v) for v in found]
    used = {name: {x for v in found for x in values(v)} for name, (_, values, _) in FACETS.items()}
    groups = {
        name: "".join(
            f'<label><input type="checkbox" name="{name}" value="{x}"> {x} <span class="count"></span></label>'
            for x in order
            if x in used[name]
        )
        for name, (_, _, order) in FACETS.items()
    }
    fields = {
        name: f'<fieldset class="facet facet-{name}"><legend>{FACETS[name][0]}</legend><div>{choices}</div></fieldset>'
        for name, choices in groups.items()
    }
    first = ("paper", "verdict")
    lines = [
        '<form id="board-filters" class="board-filters" role="search" aria-label="Filter the claims" hidden>',
        *(fields[name] for name in first),
        "<details><summary>More filters</summary>",
        *(field for name, field in fields.items() if name not in first),
        "</details>",
        '<div class="board-line"><label class="board-text">Search <input type="search" name="q" '
        'autocomplete="off" placeholder="words of the claim"></label>',
        '<label class="board-sort">Sort by <select name="sort"><option value="">order of the book</option>'
        + "".join(f'<option value="{n}">{n}</option>' for n in SORTED)
        + "</select></label>",
        '<button type="button" name="clear">Clear all</button>',
        f'<output aria-live="polite">{len(found)} claims</output></div>',
        "</form>",
        '<table id="board" class="board table">',
        "<thead><tr>" + "".join(f'<th scope="col">{n}</th>' for n in (*SORTED, "evidence")) + "</tr></thead>",
        "<tbody>",
        *rows,
        "</tbody></table>",
    ]
    return "\n".join(lines)


SORTED = ("verdict", "claim", "paper", "part")
"""The columns that the scoreboard is sorted by."""


def verdict_html(word: str, small: bool = False) -> str:
    """A verdict's word with its sign, which says the same as its colour."""
    kind = f"word word-{word} word-small" if small else f"word word-{word}"
    return f'<span class="{kind}"><span aria-hidden="true">{words.SYMBOL[word]}</span> {word}</span>'


def _row(v: Verdict) -> str:
    c = v.claim
    data = {name: "|".join(values(v)) for name, (_, values, _) in FACETS.items()} | {"words": c.id}
    behind = "; ".join(filter(None, [v.reading.detail, v.where]))
    tags = [STANDS[c.stands]] if c.stands != "stated" else []
    tags += [WEIGHTS[c.weight]] if c.weight else []
    from_papers = " and ".join(f"<em>{papers.short(p)}</em>" for p in c.paper)
    page = f'<a href="{c.page}.html#claim-{c.id}">page</a>' if has_page(c) else "no page yet"
    count = Counter(r.experiment for r in v.records)
    runs = [f'<a href="#records-{n}">{count[n]} of {n}</a>' for n in sorted(count)]
    rank = (*words.VERDICTS, *words.ANSWERS).index(v.word)
    cells = [
        ("verdict", f'data-order="{rank}"', verdict_html(v.word, v.small) + f'<span class="behind">{behind}</span>'),
        ("claim", f'data-order="{html.escape(short_words(c).lower())}"',
         f'<a class="row-link" href="#claim-{c.id}"><strong>{html.escape(short_words(c))}</strong></a> '
         f"{math_html(c.ours)}" + "".join(f' <span class="tag">{t}</span>' for t in tags)),
        ("paper", f'data-order="{c.paper[0]}"', f"{from_papers}<br>{math_html(c.place)}"),
        ("part", f'data-order="{claims.PARTS.index(c.part)}"', TITLES[c.part]),
        ("evidence", "", ", ".join([page, *runs])),
    ]  # fmt: skip
    attributes = " ".join(f'data-{k}="{html.escape(x)}"' for k, x in data.items())
    inside = "".join(f'<td class="c-{name}" {order}>{text}</td>' for name, order, text in cells)
    return f'<tr id="claim-{c.id}" {attributes}>{inside}</tr>'


def record_table(found: list[Record]) -> str:
    """A row for each experiment with what was run and its records as one archive, as HTML.

    The archives are made when the book is built (`book/_ext/evidence.py`).
    """
    rows = []
    for name in sorted({r.experiment for r in found}):
        mine = [r for r in found if r.experiment == name]
        made = mine[0].provenance
        torch = made.get("versions", {}).get("torch")
        arms = len({r.cell for r in mine})
        rows.append(
            f'<tr id="records-{name}"><th scope="row">{name}</th>'
            f"<td>{_many(len(mine), 'run')}</td><td>{_many(arms, 'arm')}</td>"
            f"<td>{math_html(verdicts.describe(mine[0]))}</td>"
            f"<td>{html.escape(str(made.get('device')))}, torch {torch}, from {str(made.get('date'))[:10]}</td>"
            f'<td><a href="../records/{name}.zip" download>{name}.zip</a></td></tr>'
        )
    heads = ("experiment", "runs", "arms", "setting", "made on", "archive")
    head = "".join(f'<th scope="col">{h}</th>' for h in heads)
    body = "\n".join(rows)
    return f'<table class="records table">\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table>'


def _many(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def forest_rows(store: Store, part: str, seeds: int = stats.SEEDS) -> list[plots.ForestRow]:
    """A row of the forest plot for each cell of a part that at least so many seeds measured.

    Positions are in units of the smallest difference that matters, the text in the claim's own unit.
    """
    rows = []
    for v in all_verdicts(store):
        if v.claim.part != part or not v.cells:
            continue
        for c, e in zip(v.cells, v.claim.estimands, strict=True):
            if c.estimate.n < max(seeds, stats.SEEDS):
                continue
            unit = float(v.claim.criterion["smallest"])
            rows.append(
                plots.ForestRow(
                    name=short_words(v.claim),
                    cell=c.name if len(v.cells) > 1 else "",
                    link=f"#claim-{v.claim.id}",
                    verdict=verdict_html(c.reading.word, v.small) + f'<span class="behind">{v.where}</span>',
                    word=c.reading.word,
                    mean=c.estimate.mean / unit,
                    low=c.estimate.low / unit,
                    high=c.estimate.high / unit,
                    paper=None if c.paper is None else c.paper / unit,
                    ours=f"{boxes.measured_text(c.estimate, e.target)} {v.claim.criterion['unit']}",
                    told="" if c.paper is None else boxes.told(c.paper, e.target),
                    matters=f"{unit:g}" + (f", measured against {e.target:g}" if e.target else ""),
                    seeds=c.estimate.n,
                )
            )
    return rows
