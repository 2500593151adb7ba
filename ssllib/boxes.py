"""The boxes of the book's pages as MyST Markdown: claims with their criteria, verdicts with their numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ssllib import claims, verdicts
from ssllib.arithmetic.tables import Finding
from ssllib.records import Record

PAPER_NAMES = {"2406.16468": "Hidden Pitfalls", "2502.09252": "Embedding Norms", "2403.18699": "CLOA"}
CITE = {"2406.16468": "draganov2024pitfalls", "2502.09252": "draganov2025norms", "2403.18699": "li2024cloa"}


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
        return f"{value:.4g}"
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
    return ", ".join(f"{{cite:t}}`{CITE[p]}`" for p in claim.paper)


def claim_box(claim: claims.Claim) -> str:
    """The claim as the paper makes it, in our words, and, folded, the criterion it is judged by."""
    return "\n".join(
        [
            f":::::{{admonition}} Claim: {claim.place}",
            ":class: claim",
            "",
            f"> {claim.quote}",
            ">",
            f"> — {paper_links(claim)}",
            "",
            f"**In our words.** {claim.ours}",
            "",
            f"::::{{dropdown}} Judged by (declared {claim.criterion['declared']})",
            criterion_text(claim),
            "::::",
            ":::::",
        ]
    )


def criterion_text(claim: claims.Claim) -> str:
    """The criterion in a sentence."""
    rule = claim.criterion
    if claim.kind == "proof":
        return rule.get("decides") or f"the machine check `{rule['check']}`."
    if claim.kind == "arithmetic":
        return rule.get("decides") or "computed from the transcribed tables."
    if claim.kind == "question":
        return f"{rule.get('answered_by', '')}"
    cells = claim.cells
    what = "; ".join(estimand_text(c) for c in cells[:4]) + ("; ..." if len(cells) > 4 else "")
    side = {
        ">": f"claimed to be positive, by at least {rule['smallest']:g}",
        "<": f"claimed to be negative, by at least {rule['smallest']:g}",
        "0": f"claimed to be none: smaller than {rule['smallest']:g}",
    }[rule["direction"]]
    return (
        f"{what}; {side} {rule['unit']}. Three or more seeds, 95 % t-interval. The paper's own setting: "
        f"{rule.get('setting', 'not stated')}."
    )


def _side_text(side: Mapping[str, Any]) -> str:
    if "spearman" in side:
        return f"rank correlation of `{side['spearman'][0]}` and `{side['spearman'][1]}` over {len(side['arms'])} arms"
    epoch = side.get("epoch", "last")
    when = {"last": "at the end", "best": "at its best", 0: "before the first step"}.get(
        epoch, f"at epoch {epoch}"
    )
    less = f" (less `{side['less']}`)" if "less" in side else ""
    return f"`{side['metric']}` of `{side['arm']}`{less} {when}"


def estimand_text(cell: Mapping[str, Any]) -> str:
    """The number that each seed gives, in words."""
    text = _side_text(cell["value"])
    if "minus" in cell:
        text += f" minus {_side_text(cell['minus'])}"
    elif "over" in cell:
        text += f", in percent above {_side_text(cell['over'])}"
    elif "log10_over" in cell:
        text = f"log₁₀ of {text} over {_side_text(cell['log10_over'])}"
    if "target" in cell:
        text += f", less {cell['target']:g}"
    return text


CLASSES = {
    "holds": "holds", "proved": "holds", "true": "holds", "reproduced": "holds", "answered": "holds",
    "opposite": "opposite", "refuted": "opposite", "false": "opposite", "not reproduced": "opposite",
    "corrected": "mixed", "mixed": "mixed",
    "no effect": "none", "undecided": "undecided", "not yet run": "open", "open": "open",
}  # fmt: skip


def verdict_class(v: verdicts.Verdict) -> str:
    """The CSS class of a verdict; evidence that cannot settle a claim has its own."""
    return "seen" if v.scale and not v.settles else CLASSES[v.word]


def interval_text(c: verdicts.CellResult) -> str:
    """Mean and interval of a cell with their number of seeds."""
    e = c.estimate
    if e.n == 0:
        return "not yet run"
    if e.n < 3:  # an interval from two seeds is wider than anything it could say
        return f"{signed(e.mean)} ({e.n} seed{'s' if e.n > 1 else ''})"
    return f"{signed(e.mean)} [{signed(e.low)}, {signed(e.high)}]"


def decimal(x: float, digits: int) -> str:
    """A number to so many digits and without an exponent, however small it is."""
    return np.format_float_positional(x, digits, unique=False, fractional=False, trim="-")


def signed(x: float) -> str:
    """A number with its sign and a sensible number of digits."""
    digits = 0 if abs(x) >= 100 else 1 if abs(x) >= 10 else 2 if abs(x) >= 0.1 or x == 0 else 3
    return f"{x:+.{digits}f}".replace("-", "−")


def verdict_box(v: verdicts.Verdict) -> str:
    """The verdict with its numbers, the paper's beside them."""
    claim = v.claim
    lines = [
        f"::::{{admonition}} Verdict: {v.short}",
        f":class: verdict verdict-{verdict_class(v)}",
        "",
        f"{claim.ours}",
        "",
    ]
    if v.setting:
        lines += [f"Measured: {v.setting}.", ""]
    if v.scale and not v.settles:
        allowed = " or ".join(claim.criterion.get("settles", []))
        lines += [
            f"This scale cannot settle the claim; only records at {allowed} scale can. "
            f"The setting it is made for: {claim.criterion.get('setting', 'not stated')}.",
            "",
        ]
    if v.cells:
        unit = claim.criterion["unit"]
        rows = [
            [
                _with_target(c.name, cell),
                interval_text(c),
                "" if c.paper is None else signed(c.paper),
                c.word if v.settles else verdicts.mark(c.word),
            ]
            + ([f"{c.diverged} diverged"] if c.diverged else [])
            for c, cell in zip(v.cells, claim.cells, strict=True)
        ]
        columns = ["cell", f"ours ({unit})", "paper", "reads"]
        if any(len(r) > 4 for r in rows):
            columns, rows = [*columns, "note"], [r if len(r) > 4 else [*r, ""] for r in rows]
        lines += [markdown_table(rows, columns), ""]
    if claim.kind == "proof" and v.records:
        lines += [*_statements(v.records[-1]), ""]
    if v.finding:
        lines += [*_computed(v.finding), ""]
    if claim.revised:
        lines += [f"*Revised {r['date']}:* {r['reason']}" for r in claim.revised] + [""]
    lines.append("::::")
    return "\n".join(lines)


def _computed(finding: Finding) -> list[str]:
    """Why an arithmetic claim is true or false: a sentence, and the numbers behind it, folded when they are many."""
    table = markdown_table(finding.numbers, ["which", "the papers' numbers"]).replace("---:", ":---")  # words, too
    if len(finding.numbers) > 8:
        table = f":::{{dropdown}} All {len(finding.numbers)} rows\n{table}\n:::"
    return [finding.sentence, "", table]


def _with_target(name: str, cell: Mapping[str, Any]) -> str:
    return f"{name}, less {cell['target']:g}" if cell.get("target") else name


def _statements(record: Record) -> list[str]:
    """A line for each statement of a proof record."""
    from ssllib.proofs.statements import sentence

    return [f"- {sentence(s)}" for s in record.final["statements"]]
