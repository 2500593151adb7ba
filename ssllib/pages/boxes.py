"""The boxes of the book's pages as MyST Markdown: a card for each claim, with its verdict, numbers and criterion."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ssllib.evidence import claims, metrics, papers, stats, verdicts, words
from ssllib.evidence.estimands import Estimand, Side
from ssllib.evidence.tables.compare import Finding
from ssllib.runs.records import Record


def markdown_table(rows: Iterable[Sequence[Any]], columns: Sequence[str]) -> str:
    """A Markdown table; numbers are aligned to the right."""
    body = [[_cell(v) for v in row] for row in rows]
    numeric = [all(_looks_numeric(r[i]) for r in body) for i in range(len(columns))]
    lines = ["| " + " | ".join(columns) + " |"]
    lines.append("|" + "|".join("---:" if n and body else ":---" for n in numeric) + "|")
    lines += ["| " + " | ".join(r) + " |" for r in body]
    return "\n".join(lines)


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}".replace("-", "−")
    if isinstance(value, int):
        return str(value).replace("-", "−")
    return str(value).replace("\n", " ")


def _looks_numeric(text: str) -> bool:
    return text == "" or text.lstrip("+-−≈<> ")[:1].isdigit()


def duration(seconds: float) -> str:
    """`3 h 05 min`, `7 min 12 s` or `8.1 s`."""
    if seconds >= 3600:
        return f"{int(seconds // 3600)} h {int(seconds % 3600 // 60):02d} min"
    if seconds >= 60:
        return f"{int(seconds // 60)} min {int(seconds % 60):02d} s"
    return f"{seconds:.1f} s"


def mean_range(values: Iterable[float], digits: int = 2, *, sign: str = "", none: str = "") -> str:
    """Mean and range, "0.52 (0.50 to 0.55)", of what is finite; one value stands alone, and no value is `none`.

    `sign`: "+" to show it with positive numbers, too.
    """
    found = [v for v in values if math.isfinite(v)]
    if not found:
        return none
    three = sum(found) / len(found), min(found), max(found)
    mean, low, high = (f"{round(v, digits) + 0.0:{sign}.{digits}f}" for v in three)  # + 0.0: no minus zero
    return (mean if len(found) == 1 else f"{mean} ({low} to {high})").replace("-", "−")


def paper_links(claim: claims.Claim) -> str:
    return ", ".join(f"{{cite:t}}`{papers.cite(p)}`" for p in claim.paper)


STANDS = {
    "stated": "",
    "implied": "Not a sentence of the paper; it follows from what the paper says.",
    "ours": "Ours: no paper says it.",
}


def quotes(claim: claims.Claim) -> list[str]:
    """The words of each paper that a claim quotes, as block quotes."""
    lines: list[str] = []
    for source, said in claim.quote.items():
        by = "a reader's notes" if source == "notes" else f"{{cite:t}}`{papers.cite(source)}`"
        lines += [f"> {said}", ">", f"> — {by}", ""]
    return lines


def anchor(claim: claims.Claim) -> str:
    """The place that links to a claim lead to, `#claim-<id>` as on the scoreboard."""
    return f'<span id="claim-{claim.id}" class="anchor"></span>'


_QUANTIFIED = {
    "each": "in each of the {n} cells", "most": "in more than half of the {n} cells",
    "often": "in at least a third of the {n} cells", "some": "in at least one of the {n} cells",
}  # fmt: skip


def criterion_text(claim: claims.Claim) -> str:
    """The criterion in plain English."""
    rule = claim.criterion
    if claim.kind == "proof":
        return rule.get("decides") or f"the machine check `{rule['check']}`."
    if claim.kind == "arithmetic":
        return rule.get("decides") or "computed from the transcribed tables."
    if claim.kind == "question":
        given = rule.get("answered_by", "")
        return given["text"] if isinstance(given, dict) else str(given)
    found = claim.estimands
    by_text: dict[str, list[str]] = {}
    for e in found:
        by_text.setdefault(estimand_text(e), []).append(e.name)
    texts = [text if len(found) == 1 else f"{text} ({', '.join(names)})" for text, names in by_text.items()]
    what = "; ".join(texts[:4]) + ("; ..." if len(texts) > 4 else "")
    size = f"{rule['smallest']:g} {rule['unit']}"
    targets = {e.target for e in found}
    aim = next(iter(targets)) if len(targets) == 1 else 0.0
    near = (f"{aim:g}" if aim else "zero") if len(targets) == 1 else "the number named"
    beyond = f"{asked(claim, aim)} {rule['unit']} in the mean, the interval beyond {aim:g}"
    side = {
        ">": beyond if aim else f"above zero, by at least {size} in the mean",
        "<": beyond if aim else f"below zero, by at least {size} in the mean",
        "0": f"within {size} of {near}",
    }[str(rule["direction"])]
    many = f", {_QUANTIFIED[claim.quantifier].format(n=len(found))}" if len(found) > 1 else ""
    return (
        f"{what[:1].upper()}{what[1:]}; claimed to be {side}{many}. Three or more seeds, 95 % t-interval. "
        "The paper's own setting: "
        f"{rule.get('setting', 'not stated')}."
    )


def _side_text(side: Side) -> str:
    named = [metrics.get(m).words for m in side.metrics]
    if side.ranked:
        return f"the rank correlation of {named[0]} and {named[1]} over {len(side.arms)} arms"
    when = {"last": "at the end", "best": "at its best", 0: "before the first step"}.get(
        side.epoch, f"at epoch {side.epoch}"
    )
    if side.by is not None:
        arms = ", ".join(f"`{a}`" for a in side.arms)
        return f"the {named[0]} of the best of {arms} by {metrics.get(side.by).words} {when}"
    less = f", less that of `{side.less}`," if side.less else ""
    return f"the {named[0]} of `{side.arms[0]}`{less} {when}"


def estimand_text(e: Estimand) -> str:
    """The number that each seed gives, in words."""
    text = _side_text(e.value)
    if e.other is not None:
        other = _side_text(e.other)
        text = {
            "minus": f"{text}, minus {other}",
            "over": f"{text}, in percent above {other}",
            "log10_over": f"log₁₀ of {text} over {other}",
        }[e.how]
    return text


_BADGE = {
    words.CONFIRMED: "success", words.REPAIRED: "warning", words.CONTRADICTED: "danger", words.UNCLEAR: "secondary",
    words.UNTESTED: "light", words.ANSWERED: "success", words.OPEN: "light",
}  # fmt: skip


def badge(word: str) -> str:
    """A verdict's word with its sign, as a badge in MyST Markdown."""
    return f"{{bdg-{_BADGE[word]}}}`{words.SYMBOL[word]} {word}`"


def verdict_class(v: verdicts.Verdict) -> str:
    """The CSS class of a verdict: its word, and `small` where only small networks were looked at."""
    return f"{v.word} small" if v.small else v.word


def measured_text(e: stats.Estimate, target: float = 0.0) -> str:
    """Mean and interval, to a third of its width or finer, of four digits at most: 100.6 [100.5, 100.8].

    `target`, what the estimate was measured against, is added again; without one it is an effect and has a sign.
    """
    if e.n == 0:
        return "not run"
    sign = "" if target else "+"
    if e.n < stats.SEEDS:  # an interval from two seeds is wider than anything it could say
        mean = signed(e.mean) if sign else f"{e.mean + target:.4g}".replace("-", "−")
        return f"{mean} ({e.n} seed{'s' if e.n > 1 else ''})"
    width = e.high - e.low
    digits, size = 2, max(abs(e.low + target), abs(e.high + target))
    if 0 < width < math.inf:
        digits = max(-math.floor(math.log10(width / 3)), 2 if size < 1 else 0)
        digits = min(digits, max(3 - math.floor(math.log10(size)), 0))
    mean, low, high = (f"{x + target:{sign}.{digits}f}" for x in (e.mean, e.low, e.high))
    return f"{mean} [{low}, {high}]".replace("-", "−")


def told(paper: float, target: float = 0.0) -> str:
    """A paper's number as `measured_text` shows ours."""
    return f"{paper + target:.4g}".replace("-", "−") if target else signed(paper)


def asked(claim: claims.Claim, target: float) -> str:
    """What a number is held to where that is not zero: "at least 0.8", "about 100"."""
    if not target:
        return ""
    size, side = float(claim.criterion["smallest"]), str(claim.criterion["direction"])
    if side == "0":
        return f"{target:g} ± {size:g}".replace("-", "−")
    return (f"at least {target + size:g}" if side == ">" else f"at most {target - size:g}").replace("-", "−")


def decimal(x: float, digits: int) -> str:
    """A number to so many digits and without an exponent, however small it is."""
    return np.format_float_positional(x, digits, unique=False, fractional=False, trim="-")


def signed(x: float) -> str:
    """A number with its sign and a sensible number of digits."""
    digits = 0 if abs(x) >= 100 else 1 if abs(x) >= 10 else 2 if abs(x) >= 0.1 or x == 0 else 3
    return f"{x:+.{digits}f}".replace("-", "−")


def card(v: verdicts.Verdict) -> str:
    """One box for a claim that something was found out about: quote, our words, result; folded, how it was judged.

    Its title is the verdict; before it stands its address. `{claim}` is a role of `book/_ext/evidence.py`.
    """
    claim = v.claim
    stands = f" *{STANDS[claim.stands]}*" if STANDS[claim.stands] else ""
    number = len(v.cells) == 1
    folded: list[str] = [f"Judged by (declared {claim.criterion['declared']}): {criterion_text(claim)}", ""]
    if v.setting:
        folded += [f"Measured: {v.setting}.", ""]
    failed, rest = _statements(v.records[-1]) if claim.kind == "proof" and v.records else ([], [])
    folded += [*rest, ""] if rest else []
    folded += ["In italics: what this book adds.", ""] if any(line.startswith("- *") for line in rest) else []
    if claim.note:
        folded += [f"*Note.* {claim.note}", ""]
    folded += [f"*Revised {r['date']}:* {r['reason']}" for r in claim.revised]
    lines = [
        anchor(claim),
        "",
        f":::::{{admonition}} {_title(v)}: {claim.place}",
        ":class: claim-card verdict " + " ".join(f"verdict-{c}" for c in verdict_class(v).split()),
        "",
        *quotes(claim),
        f"**In our words.** {claim.ours}{stands} {{claim}}`On the scoreboard <{claim.id}>`",
        "",
        *([f"**Measured.** {_number(v)}", ""] if number else []),
    ]
    if v.small:
        lines += [
            f"*On small networks, which says nothing about the paper's setting: {_setting(claim)}.*",
            "",
        ]
    if v.cells and not number:
        lines += [*_cells(v), ""]
    lines += [*failed, ""] if failed else []
    if v.finding:
        lines += [*_computed(v.finding), ""]
    return "\n".join([*lines, "::::{dropdown} How it was judged", *folded, "::::", ":::::"])


def untested_card(found: Sequence[verdicts.Verdict]) -> str:
    """One box for claims that nothing has tested yet: a line each; folded, their quotes and criteria."""
    many = f"{len(found)} sentences" if len(found) > 1 else "a sentence"
    lines = [
        f":::::{{admonition}} {words.SYMBOL[found[0].word]} Not tested yet: {many}",
        ":class: claim-card verdict verdict-untested",
        "",
    ]
    for v in found:
        lines += [
            f"- {anchor(v.claim)}**{v.claim.place}.** {v.claim.ours} {{claim}}`Scoreboard <{v.claim.id}>`"
        ]
    lines += ["", "::::{dropdown} The papers' words, and how each will be judged"]
    for v in found:
        lines += ["", *quotes(v.claim)] if v.claim.quote else ["", f"{v.claim.ours}", ""]
        lines += [f"Judged by (declared {v.claim.criterion['declared']}): {criterion_text(v.claim)}"]
        lines += ["", f"*Note.* {v.claim.note}"] if v.claim.note else []
    return "\n".join([*lines, "::::", ":::::"])


def _title(v: verdicts.Verdict) -> str:
    return f"{v.short[:1].upper()}{v.short[1:]}"


def _setting(claim: claims.Claim) -> str:
    return str(claim.criterion.get("setting", "not stated"))


def _number(v: verdicts.Verdict) -> str:
    """The one number of a claim, with its interval, what is asked of it, and the paper's."""
    cell, target = v.cells[0], v.claim.estimands[0].target
    text = f"{measured_text(cell.estimate, target)} {v.claim.criterion['unit']}"
    if wanted := asked(v.claim, target):
        text += f"; claimed: {wanted}"
    if cell.paper is not None:
        text += f"; the paper: {told(cell.paper, target)}"
    return text + (f"; {cell.diverged} runs diverged" if cell.diverged else "") + "."


def _cells(v: verdicts.Verdict) -> list[str]:
    """A row for each cell: ours with its interval, what is asked, the paper's number, the reading, and what else."""
    unit = v.claim.criterion["unit"]
    rows = []
    for c, e in zip(v.cells, v.claim.estimands, strict=True):
        notes = [f"{c.diverged} diverged"] if c.diverged else []
        if c.judged.n >= stats.SEEDS and c.judged.level != c.estimate.level:
            level = 100 * (1 - c.judged.level)
            notes.append(f"judged at {level:.1f} % (Holm): {measured_text(c.judged, e.target)}")
        paper = "" if c.paper is None else told(c.paper, e.target)
        ours = measured_text(c.estimate, e.target)
        rows.append([c.name, ours, asked(v.claim, e.target), paper, str(c.reading), "; ".join(notes)])
    columns = ["cell", f"ours ({unit})", "claimed", "paper", "reads", "note"]
    kept = [i for i in range(len(columns)) if i < 2 or any(r[i] for r in rows)]
    return [markdown_table([[r[i] for i in kept] for r in rows], [columns[i] for i in kept])]


def _computed(finding: Finding) -> list[str]:
    """Why an arithmetic claim is true or false: a sentence, and the numbers behind it, folded when they are many."""
    table = markdown_table(finding.numbers, ["which", "the papers' numbers"]).replace("---:", ":---")  # words, too
    if len(finding.numbers) > 8:
        table = f":::{{dropdown}} All {len(finding.numbers)} rows\n{table}\n:::"
    return [finding.sentence, "", table]


def _statements(record: Record) -> tuple[list[str], list[str]]:
    """The first of the paper's statements that fails, if one does, and the other statements of a proof record."""
    from ssllib.theory.proofs.statements import first_failure, sentence

    found = record.final["statements"]
    failed = first_failure(found)
    lines = {id(s): f"- {sentence(s)}" for s in found}
    return [lines[id(failed)]] if failed else [], [lines[id(s)] for s in found if s is not failed]
