import ast
import math
import re
from collections import Counter

import pytest
from made_up import claim

from ssllib.errors import InputError
from ssllib.evidence import claims, verdicts
from ssllib.evidence.verdicts import Verdict
from ssllib.evidence.words import Reading
from ssllib.pages import boxes, build, page
from ssllib.runs import records

CHECKS = {"scale": page.choice("smoke", "cpu"), "epochs": page.integer(1, 100), "rate": page.number(0, 1)}
GOOD = {"scale": "smoke", "epochs": 3, "rate": 0.5, "_hidden": 1, "In": [], "Out": {}, "np": pytest}


def test_begin_takes_what_is_allowed() -> None:
    assert page.begin("x/y", dict(GOOD), **CHECKS).parameters == {"scale": "smoke", "epochs": 3, "rate": 0.5}


@pytest.mark.parametrize(
    "change,says",
    [
        ({"sacle": "cpu"}, "unknown parameter of page x/y: 'sacle'; allowed: epochs, rate, scale"),
        ({"scale": "huge"}, "unknown value of parameter scale: 'huge'; allowed: smoke, cpu"),
        ({"epochs": 0}, "parameter epochs is 0; allowed: a number from 1 to 100"),
        ({"epochs": 2.5}, "parameter epochs is 2.5; allowed: a whole number"),
        ({"rate": 2}, "parameter rate is 2; allowed: a number from 0 to 1"),
    ],
)
def test_begin_names_what_is_wrong(change: dict, says: str) -> None:
    with pytest.raises(InputError, match=re.escape(says)) as e:
        page.begin("x/y", GOOD | change, **CHECKS)
    assert e.value._render_traceback_() == [f"InputError: {e.value}"]


def test_missing_parameter() -> None:
    with pytest.raises(InputError, match="has no value for its parameter rate"):
        page.begin("x/y", {k: v for k, v in GOOD.items() if k != "rate"}, **CHECKS)


def test_tables_align_numbers() -> None:
    text = boxes.markdown_table([["a", 1.23456, "+3"], ["b|c", 2, "−4"]], ["name", "x", "y"])
    assert text.splitlines()[1] == "|:---|---:|---:|" and "1.235" in text


def test_signed_numbers() -> None:
    assert [boxes.signed(x) for x in (1234.5, -12.34, 1.234, -0.01234, 0.0)] == [
        "+1234",
        "−12.3",
        "+1.23",
        "−0.012",
        "+0.00",
    ]


@pytest.mark.parametrize(
    "x,digits,text",
    [(4.19e-5, 2, "0.000042"), (7.696, 3, "7.7"), (12.5, 3, "12.5"), (50.0, 2, "50"), (0.0, 2, "0")],
)
def test_decimals_have_no_exponent(x: float, digits: int, text: str) -> None:
    assert boxes.decimal(x, digits) == text


@pytest.mark.parametrize("seconds,text", [(8.12, "8.1 s"), (432, "7 min 12 s"), (11100, "3 h 05 min")])
def test_duration(seconds: float, text: str) -> None:
    assert boxes.duration(seconds) == text


def test_every_claim_has_a_card_and_every_verdict_a_colour() -> None:
    for c in claims.load().values():
        v = verdicts.verdict(c, records.committed())
        assert boxes.verdict_class(v)
        one = boxes.untested_card([v]) if v.word in ("untested", "open") else boxes.card(v)
        assert (
            all(said in one for said in c.quote.values()) and c.ours in one and boxes.criterion_text(c) in one
        )
        assert (
            one.count(f'<span id="claim-{c.id}"') == 1
            and one.count(":::::{") == 1
            and one.count("{dropdown}") <= 3
        )


def test_a_card_begins_with_its_address_and_says_the_verdict_first() -> None:
    for name in ("cosine-bound", "cut-guarantee-own-table", "norm-slows-quadratically"):
        c = claims.get(name)
        v = verdicts.verdict(c, records.committed())
        title = v.short[0].upper() + v.short[1:]
        start = [f'<span id="claim-{name}" class="anchor"></span>', "", f":::::{{admonition}} {title}: {c.place}"]
        assert boxes.card(v).split("\n")[:3] == start


def test_a_table_can_be_folded(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    monkeypatch.setattr(page, "show", shown.append)
    page.table([["a", 1]], ["x", "y"], caption="Said", name="tab-said", fold="More", lead="In front:")
    (text,) = shown
    assert text.startswith("::::{dropdown} More\nIn front:\n\n:::{table} Said\n:name: tab-said\n")
    assert text.endswith("| a | 1 |\n:::\n::::")


def calls(source: str, name: str) -> list[ast.Call]:
    """The calls of a page's method of this name."""
    nodes = ast.walk(ast.parse(source))
    return [n for n in nodes if isinstance(n, ast.Call) and ast.unparse(n.func) == f"page.{name}"]


def test_every_claim_has_one_card_on_its_page_and_answers_have_five_questions_at_most() -> None:
    for p in build.pages():
        source = p.source.read_text(encoding="utf-8")
        cards = Counter(ast.literal_eval(arg) for call in calls(source, "card") for arg in call.args)
        own = [c.id for c in claims.load().values() if c.page == p.name]
        if p.name != "arithmetic/text-against-tables":  # its claims are its rows
            assert cards == Counter(own), p.name
        for call in calls(source, "answer"):
            questions = ast.literal_eval(call.args[0])
            assert 0 < len(questions) <= 5 and set(questions.values()) <= claims.load().keys(), p.name


def test_what_fails_stands_on_its_card_before_the_fold() -> None:
    card = boxes.card(verdicts.verdict(claims.get("cosine-bound"), records.committed()))
    before = card.partition("{dropdown}")[0]
    assert (
        "admonition} Repaired" in before and "Counterexample: z = (2, 0)" in before and "Corrected:" in before
    )
    second = boxes.card(verdicts.verdict(claims.get("slowdown-at-least-quadratic"), records.committed()))
    assert second.partition("{dropdown}")[0].count("**does not hold**") == 1  # the first statement holds
    found = (verdicts.verdict(c, records.committed()) for c in claims.load().values() if c.kind == "proof")
    proved = boxes.card(next(v for v in found if v.reading.detail == "proved"))
    assert "(SymPy" not in proved.partition("{dropdown}")[0] and "(SymPy" in proved


def test_a_verdict_about_small_networks_looks_different() -> None:
    c = claims.get("norms-grow-simclr")
    assert boxes.verdict_class(Verdict(c, Reading("confirmed"), "cpu")) == "confirmed small"
    assert boxes.verdict_class(Verdict(c, Reading("confirmed"), "gpu")) == "confirmed"


def test_a_criterion_reads_as_english() -> None:
    text = boxes.criterion_text(claim())
    assert text.startswith(
        "The k-NN accuracy on test images of `cut` at the end, minus the k-NN accuracy on test images of `default` at "
        "the end; claimed to be above zero, by at least 1 k-NN points in the mean."
    )


def test_mean_and_range() -> None:
    assert boxes.mean_range([1.0, 2.0, 6.0], 1) == "3.0 (1.0 to 6.0)"
    assert boxes.mean_range([0.25, math.nan], 2, sign="+") == "+0.25"
    assert boxes.mean_range([-0.001, -0.002], 2) == "0.00 (0.00 to 0.00)"  # no minus zero
    assert boxes.mean_range([-2.0], 1) == "−2.0"
    assert boxes.mean_range([math.inf], none="diverged") == "diverged"
