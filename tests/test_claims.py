"""Verdicts from made-up records; the criteria of the real claims; pre-registration."""

import dataclasses
import re
from pathlib import Path

import pytest
from made_up import claim, store

from ssllib.errors import InputError
from ssllib.evidence import claims, scoreboard, verdicts, words
from ssllib.evidence.claims import Claim
from ssllib.runs import experiments, records
from ssllib.runs.records import Store


def test_confirmed_with_paired_seeds(tmp_path: Path) -> None:
    s = store(tmp_path, "gpu", {"default": [70, 60, 50], "cut": [72, 62.1, 51.9]})
    v = verdicts.verdict(claim(), s)
    assert v.word == "confirmed" and v.cells[0].estimate.mean == pytest.approx(2.0)
    assert v.cells[0].paper == pytest.approx(3.9)
    assert v.sentence == "confirmed (gpu): ResNet-18, CIFAR-10, 2 of 500 epochs, batch 256, 3 seeds"
    assert verdicts.verdict(claim(direction="<"), s).short == "contradicted (the other way; gpu)"


def test_small_networks_have_the_same_words_and_are_marked(tmp_path: Path) -> None:
    s = store(tmp_path, "cpu", {"default": [70, 60, 50], "cut": [72, 62, 52.1]})
    v = verdicts.verdict(claim(), s)
    assert v.small and v.short == "confirmed (small network)" and scoreboard.column(v) == "small networks only"


def test_smoke_settles_nothing(tmp_path: Path) -> None:
    s = store(tmp_path, "smoke", {"default": [70, 60, 50], "cut": [72, 62, 52.1]})
    assert verdicts.verdict(claim(), s).word == "untested"


def test_the_highest_scale_speaks(tmp_path: Path) -> None:
    store(tmp_path, "cpu", {"default": [70, 60, 50], "cut": [72, 62, 52.1]})
    s = store(tmp_path, "gpu", {"default": [70, 60, 50], "cut": [65, 55.1, 45.2]})
    assert verdicts.verdict(claim(), s).short == "contradicted (the other way; gpu)"


def test_missing_arms_and_seeds_do_not_count(tmp_path: Path) -> None:
    assert verdicts.verdict(claim(), Store(tmp_path)).word == "untested"
    s = store(tmp_path, "gpu", {"default": [70, 60, 50], "cut": [90]})
    v = verdicts.verdict(claim(), s)
    assert v.short == "unclear (1 seed; gpu)" and v.cells[0].estimate.n == 1


def test_diverged_seeds_are_counted_apart(tmp_path: Path) -> None:
    store(tmp_path, "gpu", {"default": [70, 60, 50]})
    s = store(tmp_path, "gpu", {"cut": [1, 1, 1]}, status="diverged")
    v = verdicts.verdict(claim(), s)
    assert v.word == "untested" and v.cells[0].diverged == 3


@pytest.mark.parametrize(
    "cut,printed,short",
    [
        ([3.9, 4.1, 4.0], (79.6, 75.7), "confirmed (reproduced; paper's own setting)"),
        ([18.0, 18.2, 17.9], (79.6, 75.7), "confirmed (paper's own setting)"),  # the side, not the number
        ([-4.0, -4.1, -3.9], (76.5, 75.2), "contradicted (the other way; paper's own setting)"),  # a gain of 1.3
        ([0.1, 0.2, 0.15], (76.5, 75.2), "contradicted (no effect; paper's own setting)"),
    ],
)
def test_reproduced_asks_for_the_claimed_side_and_the_number(
    tmp_path: Path, cut: list[float], printed: tuple[float, float], short: str
) -> None:
    default = [72.5, 72.2, 72.9]
    s = store(tmp_path, "paper", {"default": default, "cut": [d + c for d, c in zip(default, cut, strict=True)]})
    cell = claim().cells[0] | {"paper_effect": {"value": printed[0], "minus": printed[1]}}
    assert verdicts.verdict(claim(cells=[cell], spread=7.0), s).short == short


def test_one_comparison_shows_one_interval(tmp_path: Path) -> None:
    s = store(tmp_path, "gpu", {"default": [70, 60, 50], "cut": [72, 62.1, 51.9]})
    cell = claim().cells[0]
    alone = verdicts.verdict(claim(), s).cells[0]
    many = verdicts.verdict(claim(cells=[cell, cell, cell]), s).cells
    assert all(c.estimate == alone.estimate for c in many) and alone.judged == alone.estimate
    assert many[0].judged.low < alone.estimate.low and many[0].judged.level == pytest.approx(0.05 / 3)


def test_cells_that_were_not_run_stand_beside(tmp_path: Path) -> None:
    s = store(tmp_path, "gpu", {"default": [70, 60, 50], "cut": [72, 62.1, 51.9]})
    cells = [claim().cells[0], claim().cells[0] | {"experiment": "byol-arms"}]
    assert verdicts.verdict(claim(cells=cells), s).short == "confirmed (1 of 1 measured, 1 not run; gpu)"


def test_an_arm_that_is_not_declared_is_an_error(tmp_path: Path) -> None:
    cell = {"value": {"arm": "cutt", "metric": "knn_test"}}
    with pytest.raises(InputError, match="claim made-up names what is not declared: simclr-arms/cutt"):
        verdicts.verdict(claim(cells=[cell]), Store(tmp_path))


def test_a_question_is_answered_when_the_claims_behind_it_are_decided(monkeypatch: pytest.MonkeyPatch) -> None:
    proved = next(c for c in claims.load().values() if c.kind == "proof")
    found = scoreboard.all_verdicts(records.committed())
    untested = next(v.claim for v in found if v.word == words.UNTESTED)
    asked = dataclasses.replace(claim("question"), criterion={"answered_by": {"text": "", "claims": [proved.id]}})
    assert verdicts.verdict(asked, records.committed()).reading == (words.ANSWERED, "proof")
    more = {"answered_by": {"text": "", "claims": [proved.id, untested.id]}}
    v = verdicts.verdict(dataclasses.replace(asked, criterion=more), records.committed())
    assert v.reading == (words.OPEN, "1 of 2 parts decided")


def test_preregistration(tmp_path: Path) -> None:
    now = claim()
    good = store(tmp_path / "a", "gpu", {"default": [1.0], "cut": [2.0]}, stamp=now.fingerprint())
    assert claims.preregistration(now, good) is None
    assert claims.preregistration(now, Store(tmp_path / "none")) is None
    moved = claim(smallest=0.1)
    assert "changed after" in str(claims.preregistration(moved, good))
    reason = [{"date": "2026-03-01", "reason": "a typo", "was": now.fingerprint()}]
    assert claims.preregistration(claim(smallest=0.1, revised=reason), good) is None
    assert "changed after" in str(
        claims.preregistration(claim(smallest=0.1, revised=[{"date": "x", "reason": "y", "was": "z"}]), good)
    )
    late = store(tmp_path / "b", "gpu", {"default": [1.0], "cut": [2.0]})
    assert "declared after" in str(claims.preregistration(now, late))


def test_fingerprint_sees_criteria_and_not_wording() -> None:
    base = claim()
    assert dataclasses.replace(base, quote={}, ours="words", stands="ours").fingerprint() == base.fingerprint()
    for change in ({"smallest": 2.0}, {"direction": "<"}, {"quantifier": "some"}, {"experiment": "x"}, {"cells": []}):
        assert claim(**change).fingerprint() != base.fingerprint()


# --- the real ones ----------------------------------------------------------------------------------------

REAL = list(claims.load().values())


def test_no_criterion_was_changed_after_its_first_record() -> None:
    problems = [p for c in REAL if (p := claims.preregistration(c, records.committed()))]
    assert problems == []


@pytest.mark.parametrize("c", REAL, ids=lambda c: c.id)
def test_claim_is_complete(c: Claim) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", c.id) and re.fullmatch(r"[a-z0-9-]+(/[a-z0-9-]+)?", c.page)
    assert set(c.paper) <= {"2406.16468", "2502.09252", "2403.18699"} and c.paper
    assert c.ours and c.place and c.criterion["declared"]
    assert set(c.quote) <= {*c.paper, "notes"}
    if c.stands == "stated":
        assert set(c.quote) >= set(c.paper), "a stated claim quotes each paper it names"
    if c.kind in ("proof", "arithmetic"):
        assert c.criterion["check"]
    elif c.kind == "question":
        assert c.criterion["answered_by"]
    else:
        assert c.criterion["direction"] in (">", "<", "0") and c.criterion["smallest"] > 0 and c.criterion["unit"]
        assert c.cells and c.experiments
        assert len(c.cells) == 1 or c.criterion["quantifier"] in claims.QUANTIFIERS
        assert "settles" not in c.criterion
        assert c.missing_arms() == []


def test_every_claim_has_a_verdict_and_a_row() -> None:
    store = records.committed()
    found = scoreboard.all_verdicts(store)
    assert len(found) == len(REAL) and {v.word for v in found} <= {*words.VERDICTS, *words.ANSWERS}
    text = scoreboard.text(store)
    assert all(c.id in text for c in REAL)
    assert all(sum(n or 0 for n in row[2:]) == row[1] for row in scoreboard.tally_by_part(store))


def test_what_proof_or_table_finds_false_has_a_weight() -> None:
    for v in scoreboard.all_verdicts(records.committed()):
        false = v.claim.kind in ("proof", "arithmetic") and v.word in (words.REPAIRED, words.CONTRADICTED)
        assert (v.claim.weight is not None) == (false and v.claim.stands == "stated"), v.claim.id


def test_only_stated_claims_enter_the_totals_and_a_cause_counts_once() -> None:
    found = scoreboard.all_verdicts(records.committed())
    mine = scoreboard.stated(found)
    assert all(v.claim.stands == "stated" and v.claim.kind != "question" for v in mine)
    for v in found:
        if v.claim.root is not None and v.claim.stands == "stated":
            assert v.claim.root != v.claim.id
            same = claims.get(v.claim.root)
            assert same.root is None and same.stands == "stated", "a root is itself counted"


def test_a_claim_may_be_judged_at_some_scales_only(tmp_path: Path) -> None:
    s = store(tmp_path, "cpu", {"default": [70, 60, 50], "cut": [72, 62, 52.1]})
    assert verdicts.verdict(claim(scales=["paper"]), s).word == "untested"
    assert verdicts.verdict(claim(scales=["paper", "cpu"]), s).word == "confirmed"


NEEDED = {
    "finetune_frozen": "finetune-frozen", "finetune": "finetune", "linear": "linear", "transfer_": "transfer",
    "variance": "spread", "uniformity": "spread", "accuracy_by_norm": "confidence",
}  # fmt: skip
"""The measure without which no run has a metric, by how the metric's name begins; the first that fits counts."""


def test_what_a_claim_reads_its_arms_measure() -> None:
    for c in (c for c in claims.load().values() if c.kind == "experiment"):
        for side in (side for e in c.estimands for side in e.sides):
            declared = [x for s in c.scales for x in experiments.get(side.experiment).scales.get(s, [])]
            for metric in filter(None, (*side.metrics, side.by)):
                need = next((m for start, m in NEEDED.items() if metric.startswith(start)), None)
                lacking = [x.name for x in declared if x.name in side.arms and need and need not in x.config.measures]
                assert not lacking, f"{c.id}: {metric} needs the measure {need}, which {lacking} has not"
