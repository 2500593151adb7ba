"""The checks, their outcomes, and how outcomes are computed."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys

import pytest

from ssllib import geometry
from ssllib.errors import InputError
from ssllib.evidence import claims
from ssllib.theory import proofs
from ssllib.theory.proofs import cosine as cosine_checks
from ssllib.theory.proofs import norm_growth_checks
from ssllib.theory.proofs.formulas import gradient, matrix_form, negative
from ssllib.theory.proofs.phrases import pair
from ssllib.theory.proofs.readings import hard_pairs, largest_error
from ssllib.theory.proofs.statements import TOLERANCE, Statement, Undecided, agree

pytest.importorskip("sympy")
pytest.importorskip("z3")


COSINE = [*cosine_checks.CHECKS, *norm_growth_checks.CHECKS]


def claim(holds: bool, corrected: str | None = None, role: str = "claim") -> Statement:
    return Statement("source", "printed", holds, "SymPy", None if holds else {"z": [1]}, corrected, role)


@pytest.fixture(scope="module")
def found() -> dict[str, proofs.Proof]:
    return {name: proofs.prove(name) for name in proofs.CHECKS}


@pytest.mark.parametrize(
    "statements, outcome",
    [
        ([claim(True), claim(True)], "proved"),
        ([claim(True), claim(False, "nearby")], "corrected"),
        ([claim(False, "nearby"), claim(False)], "refuted"),
        ([claim(False)], "refuted"),
        ([claim(True), claim(False, role="proof")], "proved"),
    ],
)
def test_outcome_is_computed_from_the_claims(statements: list[Statement], outcome: str) -> None:
    assert proofs.Proof("x", tuple(statements)).outcome == outcome


@pytest.mark.parametrize("holds", [True, False])
def test_a_failed_addition_stops_the_outcome(holds: bool) -> None:
    with pytest.raises(Undecided, match="what was added to check it fails: source"):
        _ = proofs.Proof("x", (claim(holds), claim(False, role="added"))).outcome


def test_outcomes(found: dict[str, proofs.Proof]) -> None:
    corrected = {
        "cosine-gradient",
        "cosine-gradient-sign-2406",
        "descent-step-sign",
        "norm-growth-amount",
    }
    for name in COSINE:
        assert found[name].outcome == ("corrected" if name in corrected else "proved"), name


def test_each_paper_s_sign(found: dict[str, proofs.Proof]) -> None:
    assert all(s.holds for s in found["cosine-gradient-sign-2502"].statements)
    matrix, perp, *_ = found["cosine-gradient-sign-2406"].statements
    for plus in (matrix, perp):
        assert not plus.holds and plus.corrected
        assert plus.counterexample == {"z": [1, 0], "t": [0, 1], "printed": [0, 1], "derivative": [0, -1]}


def test_the_update_of_2502_climbs(found: dict[str, proofs.Proof]) -> None:
    update = found["descent-step-sign"].statements[0]
    assert not update.holds and update.counterexample is not None
    assert update.counterexample["cosine before"] == 0
    assert update.counterexample["cosine after"] == "-sqrt(2)/2"


def test_the_missing_hat_in_the_corollary_s_proof(found: dict[str, proofs.Proof]) -> None:
    (slip,) = found["norm-growth-amount"].statements
    assert not slip.holds and slip.corrected and slip.counterexample is not None
    assert slip.counterexample["t"] == [0, 2]
    assert (slip.counterexample["exact"], slip.counterexample["printed"]) == (2, 5)


def test_each_check_belongs_to_a_claim() -> None:
    pytest.importorskip("yaml")
    wanted = {c.criterion["check"] for c in claims.load().values() if c.kind == "proof"}
    assert set(proofs.CHECKS) <= wanted


def test_what_a_check_adds_is_true(found: dict[str, proofs.Proof]) -> None:
    for proof in found.values():
        for s in proof.statements:
            assert s.holds or s.role != "added", (proof.check, s)


def test_results_are_plain_json_and_do_not_change(found: dict[str, proofs.Proof]) -> None:
    for name, proof in found.items():
        final = proofs.ProofConfig(check=name).run().final
        assert final == proof.to_dict() == json.loads(json.dumps(final)), name


def test_printed_mathematics_can_stand_in_a_line_of_markdown(found: dict[str, proofs.Proof]) -> None:
    for proof in found.values():
        for s in proof.statements:
            for tex in (s.printed, s.corrected or ""):
                assert "|" not in tex and "\n" not in tex
                assert tex.count("{") == tex.count("}")


# --- numbers --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("d", [1, 2, 3, 20, 2048])
def test_printed_forms_against_autograd(d: int) -> None:
    minus = largest_error(negative(matrix_form), gradient, d)
    plus = largest_error(matrix_form, gradient, d)
    assert minus < TOLERANCE
    assert plus < TOLERANCE if d == 1 else 1.99 < plus < 2.01  # in one dimension both are zero


def test_a_wrong_closed_form_is_not_passed() -> None:
    c = cosine_checks
    wrong = pair({c.GRADIENT: lambda s: geometry.cosine_similarity_gradient(s.z, s.t)})  # the other sign
    s = agree("x", f"{c.GRADIENT} = -{c.PERP}", wrong, seed=0)
    assert not s.holds and s.role == "added" and s.how == "autograd"
    assert s.counterexample is not None and set(s.counterexample) == {"2", "3", "20", "2048"}


@pytest.mark.parametrize("seed", [1, 2])
def test_other_draws_agree_too(seed: int) -> None:
    assert proofs.prove("cosine-gradient", seed).statements[-1].holds


@pytest.mark.parametrize("dimension, draws", [(0, 10), (2, 0)])
def test_hard_pairs_check_their_input(dimension: int, draws: int) -> None:
    with pytest.raises(InputError, match="allowed"):
        hard_pairs(dimension, draws)


# --- as runs --------------------------------------------------------------------------------------------


def test_unknown_check_is_one_line_with_the_nearest() -> None:
    for attempt in (lambda: proofs.ProofConfig(check="cosine"), lambda: proofs.prove("cosine")):
        with pytest.raises(InputError, match="unknown check 'cosine'; allowed: 51 names, the nearest cosine-bound"):
            attempt()


def test_config_round_trip_and_identity() -> None:
    a = proofs.ProofConfig(check="landscape-flatter")
    assert proofs.ProofConfig.from_dict(a.to_dict()) == a
    assert a.identity() != proofs.ProofConfig().identity()
    module, _, name = a.runner.partition(":")
    assert getattr(importlib.import_module(module), name) is proofs.run_proof


def test_importing_the_checks_loads_neither_sympy_nor_z3() -> None:
    code = "import sys, torch; before = set(sys.modules); import ssllib.theory.proofs\n"
    code += "assert not {'sympy', 'z3'} & (set(sys.modules) - before)"
    subprocess.run([sys.executable, "-c", code], check=True)
