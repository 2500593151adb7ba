"""Losses against closed forms (collapse, Propositions 3.1 and 3.2, orthonormality) and somebody else's code."""

import math

import pytest
import torch
from loss_loops import draw

from ssllib import geometry, losses


@pytest.mark.parametrize("n", [2, 7, 64])
@pytest.mark.parametrize("temperature", [0.01, 0.5])
def test_values_at_collapse(n: int, temperature: float) -> None:
    z, y = torch.full((n, 4), 2.0), torch.zeros(n, dtype=torch.int64)
    expected = {
        losses.info_nce(z, z, temperature): math.log(2 * n - 1),
        losses.info_nce_attraction(z, z, temperature): -1 / temperature,
        losses.info_nce_repulsion(z, z, temperature): math.log(2 * n - 1) + 1 / temperature,
        losses.info_nce_released(z, z, temperature): math.log(n - 1),
        losses.dcl(z, z, temperature): math.log(2 * n - 2),
        losses.sup_con(z, y, temperature): math.log(n - 1),
        losses.supervised_info_nce(z, y, temperature): math.log(n - 1),
        losses.triplet(z, z, z, 0.2): 0.2,
        losses.negative_cosine(z, z): -1,
        losses.vicreg(z, z): 25 * (1 - 1e-2),
        losses.barlow_twins(z, z): 4,
        losses.dino(z, z, torch.zeros(4)): math.log(4),
    }
    for value, closed in expected.items():
        assert float(value) == pytest.approx(closed, rel=1e-5, abs=2e-6 / temperature)


def test_the_halves_add_up_to_info_nce() -> None:
    z1, z2 = (z.float() for z in draw(9, 16))
    for t in (0.02, 0.2, 1.0):
        halves = losses.info_nce_attraction(z1, z2, t) + losses.info_nce_repulsion(z1, z2, t)
        torch.testing.assert_close(halves, losses.info_nce(z1, z2, t), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("temperature", [0.1, 1.0])
def test_info_nce_gradient_is_proposition_3_2_and_the_terms_of_other_anchors(temperature: float) -> None:
    n = 4
    z1, z2 = (x.requires_grad_() for x in draw(n, 5))
    losses.info_nce(z1, z2, temperature).backward()
    z, gradient = torch.cat([z1, z2]).detach(), torch.cat([z1.grad, z2.grad])
    logits = geometry.cosine(z.unsqueeze(1), z) / temperature
    p = logits.fill_diagonal_(float("-inf")).softmax(dim=1)  # p[m, i]: weight of i for anchor m
    for i in range(2 * n):
        j = (i + n) % (2 * n)
        expected = geometry.infonce_gradient(z, i, j, temperature)
        for m in range(2 * n):
            if m != i:  # z_i is m's positive, or one of its negatives
                weight = (p[m, i] - int(m == j)) / temperature
                expected = expected + weight * geometry.cosine_similarity_gradient(z[i], z[m])
        torch.testing.assert_close(2 * n * gradient[i], expected)


def test_attraction_and_negative_cosine_have_the_gradient_of_proposition_3_1() -> None:
    p, z = (x.requires_grad_() for x in draw(6, 5))
    losses.negative_cosine(p, z).backward()
    expected = geometry.negative_cosine_gradient(p.detach(), z.detach())
    torch.testing.assert_close(6 * p.grad, expected)
    assert z.grad is None
    p.grad = None
    losses.info_nce_attraction(p, z, 0.25).backward()
    torch.testing.assert_close(6 * p.grad, expected / 0.25)
    torch.testing.assert_close(6 * z.grad, geometry.negative_cosine_gradient(z.detach(), p.detach()) / 0.25)


def test_released_gradient_of_an_anchor_is_proposition_3_2_without_the_positive() -> None:
    z1, z2 = draw(5, 4)
    z1.requires_grad_()
    losses.info_nce_released(z1, z2, 0.5).backward()
    for i in range(5):
        a, others = z1[i].detach(), torch.cat([z2[:i], z2[i + 1 :]])
        batch = torch.cat([a.unsqueeze(0), others])
        repulsion = geometry.infonce_gradient(batch, 0, 1, 0.5)
        repulsion = repulsion - geometry.negative_cosine_gradient(a, others[0]) / 0.5
        expected = repulsion + geometry.negative_cosine_gradient(a, z2[i]) / 0.5
        torch.testing.assert_close(5 * z1.grad[i], expected)


def test_triplet_with_the_largest_margin_is_the_plain_difference() -> None:
    a, p, n = draw(6, 5, 3)
    plain = (2 * geometry.cosine(a, n) - 2 * geometry.cosine(a, p)).mean()
    torch.testing.assert_close(losses.triplet(a, p, n, 4), plain + 4)


def test_dino_is_least_where_the_student_is_the_teacher_and_trains_the_student_alone() -> None:
    s, t = (x.requires_grad_() for x in draw(6, 5, scale=0.3))
    center = torch.zeros(1, 5, dtype=torch.float64, requires_grad=True)
    losses.dino(s, t, center).backward()
    assert s.grad.any() and t.grad is None and center.grad is None
    target = ((t - center) / 0.04).softmax(dim=1).detach()
    entropy = -(target * target.log()).sum(dim=1).mean()
    same = (t.detach() * 0.1 / 0.04).requires_grad_()
    loss = losses.dino(same, t, center)
    loss.backward()
    torch.testing.assert_close(loss, entropy)
    assert same.grad.abs().max() < 1e-12 and losses.dino(s, t, center) > entropy


@pytest.mark.parametrize("k,d", [(1, 1), (10, 512), (100, 128), (7, 7)])
def test_anchors_are_orthonormal_and_follow_their_seed(k: int, d: int) -> None:
    anchors = losses.orthonormal_anchors(k, d, seed=5)
    assert anchors.shape == (k, d) and anchors.dtype == torch.float32
    torch.testing.assert_close(anchors @ anchors.T, torch.eye(k), rtol=0, atol=1e-6)
    assert torch.equal(anchors, losses.orthonormal_anchors(k, d, seed=5))
    if d > 1:
        assert not torch.allclose(anchors, losses.orthonormal_anchors(k, d, seed=6))


def test_anchors_have_no_preferred_direction() -> None:
    firsts = torch.cat([losses.orthonormal_anchors(2, 3, seed) for seed in range(600)])
    assert firsts.mean(dim=0).abs().max() < 4 / math.sqrt(3 * len(firsts))  # without the signs about 0.5


def test_cloa_anchor_at_and_away_from_the_anchors() -> None:
    anchors, y = losses.orthonormal_anchors(3, 8), torch.tensor([0, 1, 2, 1])
    on_anchor = 5 * anchors[y]
    assert float(losses.cloa_anchor(on_anchor, y, anchors)) == pytest.approx(0, abs=1e-6)
    assert float(losses.cloa_anchor(-on_anchor, y, anchors)) == pytest.approx(2)
    assert float(losses.cloa_anchor(on_anchor, (y + 1) % 3, anchors, "sum")) == pytest.approx(4)
    nobody = torch.zeros(0, 8, requires_grad=True)
    value = losses.cloa_anchor(nobody, y[:0], anchors)
    value.backward()
    assert float(value.detach()) == 0


def test_against_pytorch_metric_learning() -> None:
    theirs = pytest.importorskip("pytorch_metric_learning.losses")
    distances = pytest.importorskip("pytorch_metric_learning.distances")
    reducers = pytest.importorskip("pytorch_metric_learning.reducers")
    a, b, c = (x.float() for x in draw(9, 5, 3))
    both, pairs = torch.cat([a, b]), torch.arange(9).repeat(2)
    torch.testing.assert_close(losses.info_nce(a, b, 0.2), theirs.NTXentLoss(0.2)(both, pairs))
    torch.testing.assert_close(
        losses.sup_con(both, pairs // 2, 0.2), theirs.SupConLoss(0.2)(both, pairs // 2)
    )
    torch.testing.assert_close(losses.vicreg(a, b), theirs.VICRegLoss()(a, ref_emb=b))
    squared = distances.LpDistance(normalize_embeddings=True, p=2, power=2)
    triplet = theirs.TripletMarginLoss(margin=0.4, distance=squared, reducer=reducers.MeanReducer())
    rows = torch.arange(9)
    torch.testing.assert_close(
        losses.triplet(a, b, c, 0.4),
        triplet(torch.cat([a, b, c]), torch.zeros(27), (rows, rows + 9, rows + 18)),
    )
