"""The checks, their outcomes, and how outcomes are computed."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys

import pytest

from ssllib import geometry, proofs
from ssllib.cosine_checks import gradient, matrix_form, negative
from ssllib.errors import InputError
from ssllib.spaces import hard_pairs, largest_error
from ssllib.statements import TOLERANCE, Statement, agree

pytest.importorskip("sympy")
pytest.importorskip("z3")


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
        ([claim(True), claim(False, role="added")], "proved"),
    ],
)
def test_outcome_is_computed_from_the_claims(statements: list[Statement], outcome: str) -> None:
    assert proofs.Proof("x", tuple(statements)).outcome == outcome


def test_outcomes(found: dict[str, proofs.Proof]) -> None:
    assert {name: proof.outcome for name, proof in found.items()} == {
        "cosine-gradient": "corrected",
        "cosine-gradient-sign-2406": "corrected",
        "cosine-gradient-sign-2502": "corrected",
        "cosine-gradient-magnitude": "proved",
        "landscape-flatter": "proved",
        "step-never-shrinks-cosine": "proved",
    }


def test_each_paper_s_sign(found: dict[str, proofs.Proof]) -> None:
    by_source = {s.source: s for s in found["cosine-gradient"].statements}
    assert by_source["2502.09252 Prop. 3.1"].holds
    plus = by_source["2406.16468 Prop. 1"]
    assert not plus.holds and plus.corrected
    assert plus.counterexample == {"z": [1, 0], "t": [0, 1], "gamma": 1, "left": [0, 1], "right": [0, -1]}


def test_the_update_of_2502_climbs(found: dict[str, proofs.Proof]) -> None:
    update = found["cosine-gradient-sign-2502"].statements[1]
    assert not update.holds and update.counterexample is not None
    assert update.counterexample["cosine before"] == 0
    assert update.counterexample["cosine after"] == "-sqrt(2)/2"


def test_the_slip_in_the_corollary_s_proof(found: dict[str, proofs.Proof]) -> None:
    (slip,) = (s for s in found["step-never-shrinks-cosine"].statements if s.role == "proof")
    assert not slip.holds and slip.corrected and slip.counterexample is not None
    assert slip.counterexample["t"] == [0, 2]
    assert (slip.counterexample["left"], slip.counterexample["right"]) == (2, 5)


def test_what_a_check_adds_is_true(found: dict[str, proofs.Proof]) -> None:
    for proof in found.values():
        for s in proof.statements:
            assert s.holds or s.role != "added", (proof.check, s)


def test_results_are_plain_json_and_do_not_change(found: dict[str, proofs.Proof]) -> None:
    for name, proof in found.items():
        final = proofs.ProofConfig(check=name).run().final
        assert final == proof.to_dict() == json.loads(json.dumps(final)), name


def test_printed_mathematics_can_stand_in_a_markdown_table(found: dict[str, proofs.Proof]) -> None:
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
    assert plus < TOLERANCE if d == 1 else plus > 0.05  # in one dimension both are zero


def test_a_wrong_closed_form_is_not_passed() -> None:
    s = agree("x", "y", lambda s: geometry.cosine_similarity_gradient(s.z, s.t), gradient, seed=0)
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


def test_unknown_check_is_one_line_that_lists_them() -> None:
    for attempt in (lambda: proofs.ProofConfig(check="cosine"), lambda: proofs.prove("cosine")):
        with pytest.raises(InputError, match="cosine-gradient-magnitude"):
            attempt()


def test_config_round_trip_and_identity() -> None:
    a = proofs.ProofConfig(check="landscape-flatter")
    assert proofs.ProofConfig.from_dict(a.to_dict()) == a
    assert a.identity() != proofs.ProofConfig().identity()
    module, _, name = a.runner.partition(":")
    assert getattr(importlib.import_module(module), name) is proofs.run_proof


def test_importing_the_checks_loads_neither_sympy_nor_z3() -> None:
    code = "import sys, torch; before = set(sys.modules); import ssllib.proofs\n"
    code += "assert not {'sympy', 'z3'} & (set(sys.modules) - before)"
    subprocess.run([sys.executable, "-c", code], check=True)
