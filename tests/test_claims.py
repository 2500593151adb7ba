"""Verdicts from made-up records; the criteria of the real claims; pre-registration."""

import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest

from ssllib import claims, experiments, records, scoreboard, verdicts
from ssllib.claims import Claim
from ssllib.records import Record, Store
from ssllib.train_config import TrainConfig

RULE: dict[str, Any] = {
    "declared": "2026-01-01", "experiment": "simclr-arms", "settles": ["gpu", "paper"], "direction": ">",
    "smallest": 1.0, "unit": "k-NN points",
    "cells": [{
        "name": "all",
        "value": {"arm": "cut", "metric": "knn_test"},
        "minus": {"arm": "default", "metric": "knn_test"},
        "paper_effect": {"value": 79.6, "minus": 75.7},
    }],
}  # fmt: skip

NORM_AT_0 = {"arm": "cut", "metric": "norm", "epoch": 0}


def claim(kind: str = "experiment", revised: list | None = None, **rule: Any) -> Claim:
    return Claim(
        "made-up", ["2406.16468"], "Table 0", "training", "q", "o", kind, "p/q", RULE | rule, revised or []
    )


def store(
    folder: Path, scale: str, numbers: dict[str, list[float]], *, stamp: str | None = None, **kw: Any
) -> Store:
    s = Store(folder)
    for arm, values in numbers.items():
        for seed, value in enumerate(values):
            config = TrainConfig(seed=seed, cut=3.0 if arm == "cut" else 1.0)
            final = {"knn_test": value} if kw.get("status", "finished") == "finished" else {}
            r = Record(
                "training", config.identity(), "simclr-arms", arm, scale, config.to_dict(),
                kw.get("status", "finished"), [{"epoch": 0, "norm": 2.0}, {"epoch": 1, "norm": value}], final,
                {"date": f"2026-02-0{seed + 1}", "criteria": {"made-up": stamp} if stamp else {}},
            )  # fmt: skip
            records.write(s.path(scale, "simclr-arms", arm, seed, r.identity), r)
    return s


def test_holds_with_paired_seeds(tmp_path: Path) -> None:
    s = store(tmp_path, "gpu", {"default": [70, 60, 50], "cut": [72, 62.1, 51.9]})
    v = verdicts.verdict(claim(), s)
    assert v.word == "holds" and v.settles and v.cells[0].estimate.mean == pytest.approx(2.0)
    assert v.cells[0].paper == pytest.approx(3.9)
    assert v.sentence.startswith(
        "holds at gpu scale (ResNet-18, CIFAR-10, 100 of 500 epochs, batch 256, 3 seeds"
    )
    assert verdicts.verdict(claim(direction="<"), s).word == "opposite"


def test_small_scales_are_only_seen(tmp_path: Path) -> None:
    s = store(tmp_path, "cpu", {"default": [70, 60, 50], "cut": [72, 62, 52.1]})
    v = verdicts.verdict(claim(), s)
    assert not v.settles and v.short == "seen: + at cpu scale"


def test_the_highest_scale_speaks(tmp_path: Path) -> None:
    store(tmp_path, "cpu", {"default": [70, 60, 50], "cut": [72, 62, 52.1]})
    s = store(tmp_path, "gpu", {"default": [70, 60, 50], "cut": [65, 55.1, 45.2]})
    assert verdicts.verdict(claim(), s).short == "opposite at gpu scale"


def test_missing_arms_and_seeds_do_not_count(tmp_path: Path) -> None:
    assert verdicts.verdict(claim(), Store(tmp_path)).word == "not yet run"
    s = store(tmp_path, "gpu", {"default": [70, 60, 50], "cut": [90]})
    v = verdicts.verdict(claim(), s)
    assert v.word == "undecided" and v.cells[0].estimate.n == 1


def test_diverged_seeds_are_counted_apart(tmp_path: Path) -> None:
    store(tmp_path, "gpu", {"default": [70, 60, 50]})
    s = store(tmp_path, "gpu", {"cut": [1, 1, 1]}, status="diverged")
    v = verdicts.verdict(claim(), s)
    assert v.word == "not yet run" and v.cells[0].diverged == 3


@pytest.mark.parametrize(
    "seeds,word", [([76.5, 76.0, 76.9], "reproduced"), ([71.0, 71.1, 70.9], "not reproduced")]
)
def test_reproduced_is_for_the_papers_own_scale(tmp_path: Path, seeds: list[float], word: str) -> None:
    s = store(tmp_path, "paper", {"default": [72.5, 72.2, 72.9], "cut": seeds})
    assert verdicts.verdict(claim(), s).word == word


@pytest.mark.parametrize(
    "cell,expected",
    [
        ({"value": {"arm": "cut", "metric": "norm", "epoch": 1}, "over": NORM_AT_0}, 100.0),
        ({"value": {"arm": "cut", "metric": "norm", "epoch": "best"}}, 4.0),
        ({"value": {"arm": "cut", "metric": "knn_test"}, "log10_over": {"arm": "default", "metric": "knn_test"}}, 1.0),
        ({"value": {"arm": "cut", "metric": "knn_test"}, "target": 3.0}, 1.0),
        ({"value": {"arm": "cut", "less": "default", "metric": "knn_test"}}, 3.6),
        ({"value": {"spearman": ["knn_test", "norm"], "arms": ["cut", "default"], "epoch": "last"}}, 1.0),
    ],
)  # fmt: skip
def test_estimands(tmp_path: Path, cell: dict, expected: float) -> None:
    s = store(tmp_path, "gpu", {"default": [0.4] * 3, "cut": [4.0] * 3})
    v = verdicts.verdict(claim(cells=[cell]), s)
    assert v.cells[0].estimate.mean == pytest.approx(expected) and v.cells[0].estimate.n == 3


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
    assert dataclasses.replace(base, quote="other", ours="words").fingerprint() == base.fingerprint()
    for change in (
        {"smallest": 2.0},
        {"direction": "<"},
        {"settles": ["cpu"]},
        {"experiment": "other"},
        {"cells": []},
    ):
        assert claim(**change).fingerprint() != base.fingerprint()


# --- the real ones ----------------------------------------------------------------------------------------

REAL = list(claims.load().values())


def test_no_criterion_was_changed_after_its_first_record() -> None:
    problems = [p for c in REAL if (p := claims.preregistration(c, records.committed()))]
    assert problems == []


@pytest.mark.parametrize("c", REAL, ids=lambda c: c.id)
def test_claim_is_complete(c: Claim) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", c.id) and re.fullmatch(r"[a-z0-9-]+(/[a-z0-9-]+)?", c.page)
    assert set(c.paper) <= {"2406.16468", "2502.09252", "2403.18699"}
    assert c.ours and c.quote and c.place and c.criterion["declared"]
    if c.kind in ("proof", "arithmetic"):
        assert c.criterion["check"]
    elif c.kind == "question":
        assert c.criterion["answered_by"]
    else:
        assert (
            c.criterion["direction"] in (">", "<", "0")
            and c.criterion["smallest"] > 0
            and c.criterion["unit"]
        )
        assert c.cells and c.experiments and set(c.criterion["settles"]) <= set(records.SCALES)
        if c.kind == "experiment":
            assert not {"cpu", "smoke"} & set(c.criterion["settles"]), "small runs never settle such a claim"


@pytest.mark.parametrize("c", [c for c in REAL if scoreboard.has_page(c)], ids=lambda c: c.id)
def test_claim_with_a_page_can_be_judged(c: Claim) -> None:
    """Its experiments are declared and have the arms that its estimands name."""
    for cell in c.cells:
        for role in ("value", "minus", "over", "log10_over"):
            side = cell.get(role)
            if not side:
                continue
            experiment = experiments.get(
                side.get("experiment", cell.get("experiment", c.criterion["experiment"]))
            )
            scale = next(s for s in experiment.scales if s in c.criterion["settles"])
            for arm in [side["arm"], *filter(None, [side.get("less")])] if "arm" in side else side["arms"]:
                experiment.cell(scale, arm)


def test_every_claim_has_a_verdict_and_a_row() -> None:
    store = records.committed()
    found = scoreboard.all_verdicts(store)
    assert len(found) == len(REAL) == sum(scoreboard.tally(found).values())
    text = scoreboard.text(store)
    assert all(c.id in text for c in REAL)
    assert all(sum(n or 0 for n in row[2:]) == row[1] for row in scoreboard.tally_by_part(store))
