"""GradScale's field: the closed forms against autograd and the layer, curl, closed paths, and the proofs."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ssllib import geometry
from ssllib.gradscale import GradScale
from ssllib.theory import proofs
from ssllib.theory.proofs import gradscale_field, gradscale_potential, potentials
from ssllib.theory.proofs.readings import Coordinates, Gram

pytest.importorskip("sympy")
pytest.importorskip("z3")

powers = st.floats(0, 3)
vectors = st.integers(2, 6).flatmap(
    lambda d: st.tuples(*[st.lists(st.floats(-5, 5), min_size=d, max_size=d)] * 2)
)


def pair(entries: tuple[list[float], list[float]]) -> tuple[torch.Tensor, torch.Tensor]:
    z, t = (torch.tensor(v, dtype=torch.float64) for v in entries)
    assume(float(z.norm()) > 0.1 and float(t.norm()) > 0.1)
    return z, t


@settings(deadline=None, max_examples=30)
@given(vectors, powers)
def test_the_closed_form_is_what_the_layer_passes_back(entries, p: float) -> None:  # noqa: ANN001
    z, t = pair(entries)
    leaf = z.clone().requires_grad_()
    (g,) = torch.autograd.grad(torch.nn.functional.cosine_similarity(GradScale(p)(leaf), t, dim=0), leaf)
    torch.testing.assert_close(geometry.gradscale_field(z, t, p), g, rtol=1e-9, atol=1e-11)


@settings(deadline=None, max_examples=30)
@given(vectors, st.floats(-2, 3))
def test_the_curl_by_autograd(entries, p: float) -> None:  # noqa: ANN001
    z, t = pair(entries)

    def field(x: torch.Tensor) -> torch.Tensor:
        size = torch.linalg.vector_norm(x)
        u = t / torch.linalg.vector_norm(t)
        return size ** (p - 1) * (u - x * (x @ u) / size**2)

    torch.testing.assert_close(field(z), geometry.gradscale_field(z, t, p), rtol=1e-9, atol=1e-9)
    jacobian = torch.autograd.functional.jacobian(field, z)
    curl = jacobian - jacobian.T
    stated = abs(float(geometry.gradscale_curl(z, t, p)))
    assert float(torch.linalg.matrix_norm(curl)) / math.sqrt(2) == pytest.approx(stated, rel=1e-7, abs=1e-8)


@settings(deadline=None, max_examples=30)
@given(vectors, powers, st.floats(0.1, 10))
def test_the_field_is_of_degree_p_minus_one(entries, p: float, k: float) -> None:  # noqa: ANN001
    z, t = pair(entries)
    far, near = geometry.gradscale_field(k * z, t, p), geometry.gradscale_field(z, t, p)
    torch.testing.assert_close(far, k ** (p - 1) * near, rtol=1e-9, atol=1e-11)


def test_sign_of_the_curl_by_hand() -> None:
    z, t = torch.tensor([1.0, 0.0]).double(), torch.tensor([0.0, 1.0]).double()  # t to the left of z
    jacobian = torch.autograd.functional.jacobian(lambda x: geometry.gradscale_field(x, t, 1.0), z)
    assert float(jacobian[1, 0] - jacobian[0, 1]) == pytest.approx(1.0)
    assert float(geometry.gradscale_curl(z, t, 1.0)) == pytest.approx(1.0)
    assert float(geometry.gradscale_curl(z, t, 0.0)) == 0
    assert float(geometry.gradscale_curl(z[:1], t[1:], 2.0)) == 0  # the line has no curl


def test_symbolic_curl_in_two_ways() -> None:
    import sympy as sp

    gram, space = Gram(), Coordinates(2)
    field = potentials.uphill(1)
    (plane,) = space.curl(field)
    k = gram.curl(field).subs(
        {
            gram.zz: space.dot(space.z, space.z),
            gram.tt: space.dot(space.t, space.t),
            gram.zt: space.dot(space.z, space.t),
        }
    )
    z, t = space.z, space.t
    assert sp.simplify(plane - k * (t[0] * z[1] - t[1] * z[0])) == 0 and plane != 0
    assert Coordinates(1).curl(field) == [] and len(Coordinates(3).curl(field)) == 3
    assert gram.reduce(gram.curl(potentials.uphill(0))) == 0  # a gradient has none


def test_work_along_paths() -> None:
    import sympy as sp

    alpha = potentials.symbolic_power()
    assert sp.simplify(potentials.work(2, "s", 0, "pi") + 2 ** (alpha + 1)) == 0
    assert potentials.work("s", "pi/3", 1, 2) == 0
    assert sp.solveset(potentials.loop(), alpha, sp.Reals) == sp.FiniteSet(0)


@pytest.fixture(scope="module")
def found() -> dict[str, proofs.Proof]:
    return {name: proofs.prove(name) for name in gradscale_field.CHECKS | gradscale_potential.CHECKS}


def test_outcomes(found: dict[str, proofs.Proof]) -> None:
    corrected = {"gradscale-no-potential", "gradscale-path-integrals"}
    for name, proof in found.items():
        assert proof.outcome == ("corrected" if name in corrected else "proved"), name


def test_the_counterexample_is_the_line(found: dict[str, proofs.Proof]) -> None:
    first = found["gradscale-no-potential"].statements[0]
    assert first.counterexample == {"n": 1, "alpha": 1, "field": 0, "potential": 0}
    assert first.corrected and "n \\geq 2" in first.corrected


def test_infonce_has_the_stated_curl_and_a_wrong_power_does_not() -> None:
    assert potentials.infonce_curl_error(5, 1.0, seed=3) < 1e-12
    assert potentials.infonce_curl_error(5, 0.0, seed=3) == math.inf  # a gradient: no curl to speak of
