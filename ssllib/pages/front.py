"""The front page: findings as cards, and what is not settled."""

from __future__ import annotations

import base64
import html
import io
import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from ssllib.evidence.findings import Finding, of
from ssllib.pages import boxes, thumbnails
from ssllib.pages.score_board import verdict_html
from ssllib.runs.records import Store
from ssllib.theory.proofs.statements import first_failure


def cards(store: Store) -> str:
    """What was found, as HTML: a card each with its sentence, number, verdict and a picture that leads to its page."""
    found = [f for f in of(store) if not f.open]
    return '<div class="findings">\n' + "\n".join(_card(f) for f in found) + "\n</div>"


def unsettled(store: Store) -> str:
    """What nothing has tested yet, as a Markdown list: each question leads to the page that will say."""
    open_ = [f for f in of(store) if f.open]
    return "\n".join(f"- {{doc}}`{f.question} </book/{f.verdict.claim.page}>`" for f in open_)


def number(f: Finding) -> str:
    """The number of a finding, in words; empty where its verdict has none of what the text names."""
    try:
        return f.number.format_map(_parts(f))
    except (KeyError, IndexError):
        return ""


def _parts(f: Finding) -> Mapping[str, Any]:
    v = f.verdict
    if v.cells and f.cell is not None:
        cell, target = v.cells[f.cell], v.claim.estimands[f.cell].target
        ours = boxes.measured_text(cell.estimate, target)
        return {
            "ours": ours, "value": ours.replace("+", ""), "claimed": boxes.asked(v.claim, target),
            "unit": v.claim.criterion["unit"], "smallest": v.claim.criterion["smallest"], "cell": cell.name,
        } | ({} if cell.paper is None else {"paper": boxes.told(cell.paper, target)})  # fmt: skip
    if v.finding:
        said = v.finding.sentence
        return {"said": said, "last": re.split(r"(?<=[.]) (?=[A-Z])", said)[-1]}
    if v.records:
        failed = first_failure(v.records[-1].final["statements"]) or {}
        example = failed.get("counterexample") or {}
        return {re.split(r"[\s:]+", name)[-1]: _decimal(value) for name, value in example.items()}
    return {}


def _decimal(value: Any) -> Any:
    """A fraction as a decimal number, a minus as print has it; anything else as it is."""
    if isinstance(value, str) and re.fullmatch(r"-?\d+/\d+", value):
        value = f"{float(Fraction(value)):.3g}"
    return value.replace("-", "−") if isinstance(value, str) and re.fullmatch(r"-[\d.]+", value) else value


def _card(f: Finding) -> str:
    v = f.verdict
    where = f'<span class="behind">{v.where}</span>'
    drawn = io.BytesIO()
    thumbnails.draw(f).savefig(drawn, format="png", dpi=110, metadata={"Software": None})
    picture = base64.b64encode(drawn.getvalue()).decode()
    text = number(f)
    return (
        f'<a class="finding" href="{v.claim.page}.html#claim-{v.claim.id}">'
        f'<img alt="{html.escape(thumbnails.alt(f))}" src="data:image/png;base64,{picture}">'
        f"<strong>{html.escape(f.sentence)}</strong>"
        + (f'<span class="finding-number">{html.escape(text)}</span>' if text else "")
        + f'<span class="finding-verdict">{verdict_html(v.word, v.small)} {where}</span></a>'
    )
