"""Each method: its loss by the paper's formula, where gradients go, what moves after a step, what a cut divides."""

import math

import pytest
import torch
import torch.nn.functional as F

from ssllib.cut_init import cut_init_
from ssllib.engine import methods
from ssllib.engine.methods.dino import Prototypes
from ssllib.engine.methods.method import follow, rising, twin
from ssllib.engine.methods.moco_v2 import MoCoV2, queue_nce
from ssllib.engine.methods.moco_v3 import batch_nce
from ssllib.engine.methods.vit import ViT, positions
from ssllib.engine.train_config import METHODS, TrainConfig
from ssllib.errors import InputError
from ssllib.runs import experiments

TINY = TrainConfig(
    dataset="shapes", backbone="mini", width=4, proj_hidden=8, proj_dim=6, pred_hidden=5, batch_size=8, queue=12,
    prototypes=10, temperature=0.2,
)  # fmt: skip
WITH_TARGET = ("byol", "moco-v2", "moco-v3", "dino")


def build(method: str, **changes: object) -> methods.Method:
    torch.manual_seed(0)
    return methods.build(TINY.replace(method=method, **changes))


def views(n: int = 8, size: int = 16) -> tuple[torch.Tensor, torch.Tensor]:
    g = torch.Generator().manual_seed(1)
    return torch.rand(n, 3, size, size, generator=g), torch.rand(n, 3, size, size, generator=g)


def stepped(model: methods.Method, progress: float = 0.5) -> torch.Tensor:
    """One step of plain gradient descent."""
    optimizer = torch.optim.SGD(model.groups(), lr=0.1)
    loss, _ = model(*views())
    loss.backward()
    optimizer.step()
    model.after_step(progress)
    return loss


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("backbone", ["mini", "vit-mini"])
def test_places_shapes_and_a_finite_loss(method: str, backbone: str) -> None:
    model = build(method, backbone=backbone)
    model.begin()
    view1, view2 = views()
    places = model.embed(view1)
    assert list(places)[0] == "backbone" and places["backbone"].shape == (8, model.backbone.features)
    loss, out = model(view1, view2)
    assert loss.ndim == 0 and torch.isfinite(loss)
    rows = 8 if method == "moco-v2" else 16
    assert {len(z) for z in out.values()} == {rows} and out[model.embedding].shape == (rows, 6)
    assert set(out) - {"target"} == set(places)
    if "target" in out:
        assert not out["target"].requires_grad


@pytest.mark.parametrize("method", METHODS)
def test_gradscale_stands_where_the_loss_acts(method: str) -> None:
    grads = []
    for power in (0.0, 1.0):
        model = build(method, gradscale=power)
        model.begin()
        loss, out = model(*views())
        z = out[model.embedding]
        z.retain_grad()
        loss.backward()
        grads.append(z.grad)
    norm = z.detach().norm(dim=1, keepdim=True)
    torch.testing.assert_close(grads[1], grads[0] * norm)
    assert torch.linalg.vecdot(grads[0], z).abs().max() < 1e-6  # a loss of directions only


@pytest.mark.parametrize("method", METHODS)
def test_a_target_takes_no_gradient_and_no_optimizer_has_it(method: str) -> None:
    model = build(method)
    loss, _ = model(*views())
    loss.backward()
    names = {n for n, p in model.named_parameters() if p.grad is None}
    assert all(n.startswith("target.") for n in names)
    held = {id(p) for group in model.groups() for p in group["params"]}
    assert held == {id(p) for n, p in model.named_parameters() if not n.startswith("target.")}
    assert bool(names) == (method in WITH_TARGET)


def test_simsiams_predictor_keeps_its_rate() -> None:
    model = build("simsiam")
    rest, constant = model.groups()
    assert constant["constant"] and "constant" not in rest
    assert {id(p) for p in constant["params"]} == {id(p) for p in model.predictor.parameters()}


def test_simsiam_loss_by_the_algorithm() -> None:
    model = build("simsiam", proj_layers=3)
    view1, view2 = views()
    loss, out = model(view1, view2)

    def negative_mean_cosine(p: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
        return -sum((a @ b) / (a.norm() * b.norm()) for a, b in zip(p, z, strict=True)) / len(p)

    z1, z2 = model.projector(model.backbone(view1)), model.projector(model.backbone(view2))
    expected = sum(
        negative_mean_cosine(model.predictor(a), b.detach()) / 2 for a, b in ((z1, z2), (z2, z1))
    )
    torch.testing.assert_close(loss, expected)
    ours = torch.autograd.grad(loss, list(model.parameters()))
    theirs = torch.autograd.grad(expected, list(model.parameters()))
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)
    assert [type(m).__name__ for m in model.projector] == (
        ["Linear", "BatchNorm1d", "ReLU"] * 2 + ["Linear", "BatchNorm1d"]
    )
    assert not model.projector[-1].affine
    assert [type(m).__name__ for m in model.predictor] == ["Linear", "BatchNorm1d", "ReLU", "Linear"]
    plain = build("simsiam", proj_norm=False)
    assert not any(isinstance(m, torch.nn.BatchNorm1d) for m in plain.modules())


def test_byol_before_its_first_step_is_simsiam_without_batch_norm_behind() -> None:
    model = build("byol")
    model.begin()
    view1, view2 = views()
    loss, out = model(view1, view2)
    z1, z2 = model.projector(model.backbone(view1)), model.projector(model.backbone(view2))
    expected = -(
        F.cosine_similarity(model.predictor(z1), z2).mean() + F.cosine_similarity(model.predictor(z2), z1).mean()
    )
    torch.testing.assert_close(loss, expected / 2)
    torch.testing.assert_close(out["target"], torch.cat([z2, z1]))


def test_momentum_rises_along_half_a_cosine() -> None:
    assert rising(0.996, 0.0) == pytest.approx(0.996)
    assert rising(0.996, 0.5) == pytest.approx(0.998)
    assert rising(0.996, 1.0) == 1.0


@pytest.mark.parametrize("method", WITH_TARGET)
def test_the_target_follows_its_parameters(method: str) -> None:
    model = build(method, target_momentum=0.9)
    model.begin()
    copied = [model.backbone, model.projector] + ([model.prototypes] if method == "dino" else [])
    before = [p.clone() for p in model.target.parameters()]
    for a, b in zip(before, (p for m in copied for p in m.parameters()), strict=True):
        assert torch.equal(a, b)
    stepped(model, progress=0.5)
    keep = 0.9 if method == "moco-v2" else 0.95
    online = [p for m in copied for p in m.parameters()]
    moved = 0.0
    for old, new, p in zip(before, model.target.parameters(), online, strict=True):
        torch.testing.assert_close(new, keep * old + (1 - keep) * p)
        moved += float((new - old).abs().sum())
    assert moved > 0


def test_follow_with_nothing_kept_copies() -> None:
    a = torch.nn.Linear(3, 2)
    b = twin(a)
    torch.nn.init.ones_(a.weight)
    follow(b, a, keep=0.0)
    assert torch.equal(b[0].weight, a.weight) and not b[0].weight.requires_grad


@pytest.mark.parametrize("which", ["all", "weights", "last"])
@pytest.mark.parametrize("method", WITH_TARGET)
def test_after_a_cut_the_target_starts_as_a_copy(method: str, which: str) -> None:
    model = cut_init_(build(method), 9.0, which)
    model.begin()
    for name, p in model.target.named_parameters():
        part, _, rest = name.partition(".")
        source = (model.backbone, model.projector, getattr(model, "prototypes", None))[int(part)]
        assert torch.equal(p, source.get_parameter(rest))
    end = model.predictor if model.embedding == "predictor" else model.projector
    last = [m for m in end if isinstance(m, torch.nn.Linear)][-1]
    untouched = build(method)
    other = untouched.predictor if model.embedding == "predictor" else untouched.projector
    torch.testing.assert_close(last.weight, [m for m in other if isinstance(m, torch.nn.Linear)][-1].weight / 9)


def test_cut_lowers_the_norm_where_simsiams_loss_acts_and_not_behind_batch_norm() -> None:
    plain, cut = build("simsiam"), cut_init_(build("simsiam"), 3.0)
    with torch.no_grad():
        norm = [m.embed(views()[0]) for m in (plain, cut)]
    p, c = (out["predictor"].norm(dim=1).mean() for out in norm)
    assert c < p / 3
    z, y = (out["projector"].norm(dim=1).mean() for out in norm)
    assert y == pytest.approx(float(z), rel=0.05)  # its last batch norm has no scale to cut


@pytest.mark.parametrize("n,k,d", [(2, 3, 2), (7, 5, 4)])
def test_queue_nce_against_two_loops(n: int, k: int, d: int) -> None:
    g = torch.Generator().manual_seed(n)
    q, key, queue = (torch.randn(m, d, generator=g, dtype=torch.float64) for m in (n, n, k))
    a, b = q.clone().requires_grad_(), q.clone().requires_grad_()
    total = torch.zeros((), dtype=torch.float64)
    for i in range(n):
        positive = torch.exp(F.cosine_similarity(b[i], key[i], dim=0) / 0.2)
        below = positive + sum(torch.exp(F.cosine_similarity(b[i], u, dim=0) / 0.2) for u in queue)
        total = total - torch.log(positive / below) / n
    loss = queue_nce(a, key, queue, 0.2)
    torch.testing.assert_close(loss.double(), total, rtol=1e-5, atol=1e-6)
    loss.backward()
    total.backward()
    torch.testing.assert_close(a.grad, b.grad, rtol=1e-4, atol=1e-6)


def test_batch_nce_against_two_loops() -> None:
    g = torch.Generator().manual_seed(3)
    q, k = (torch.randn(6, 4, generator=g, dtype=torch.float64) for _ in range(2))
    a, b = q.clone().requires_grad_(), q.clone().requires_grad_()
    total = torch.zeros((), dtype=torch.float64)
    for i in range(6):
        below = sum(torch.exp(F.cosine_similarity(b[i], k[j], dim=0) / 0.3) for j in range(6))
        total = total - 0.6 / 6 * torch.log(torch.exp(F.cosine_similarity(b[i], k[i], dim=0) / 0.3) / below)
    loss = batch_nce(a, k, 0.3)
    torch.testing.assert_close(loss.double(), total, rtol=1e-5, atol=1e-6)
    loss.backward()
    total.backward()
    torch.testing.assert_close(a.grad, b.grad, rtol=1e-4, atol=1e-6)


def test_losses_with_negatives_at_collapse() -> None:
    z = torch.ones(5, 3)
    assert float(queue_nce(z, z, torch.ones(11, 3))) == pytest.approx(math.log(12), rel=1e-6)
    assert float(batch_nce(z, z, 0.2)) == pytest.approx(0.4 * math.log(5), rel=1e-6)


def test_the_queue_takes_the_keys_in_turn_and_drops_the_oldest() -> None:
    model = build("moco-v2")
    assert isinstance(model, MoCoV2)
    model.begin()
    start = model.queue.clone()
    keys = []
    for _ in range(2):
        with torch.no_grad():
            keys.append(F.normalize(model.target(views()[1]), dim=1))
        stepped(model)
    torch.testing.assert_close(model.queue[:8][4:], keys[0][4:])
    torch.testing.assert_close(torch.cat([model.queue[8:], model.queue[:4]]), keys[1])
    assert int(model.pointer) == 4 and not torch.equal(start, model.queue)
    torch.testing.assert_close(model.queue.norm(dim=1), torch.ones(12))


def test_a_queue_shorter_than_a_batch_is_refused() -> None:
    with pytest.raises(InputError, match="queue is 4; allowed: at least batch_size = 8"):
        build("moco-v2", queue=4)


def test_dinos_centre_is_the_running_mean_of_the_teachers_output() -> None:
    model = build("dino", center_momentum=0.75)
    model.begin()
    with torch.no_grad():
        seen = torch.cat([model.target(v) for v in views()])
    stepped(model)
    torch.testing.assert_close(model.center, 0.25 * seen.mean(dim=0))
    assert seen.abs().max() <= 1.0  # cosines


@pytest.mark.parametrize("crops", [0, 3])
def test_dinos_loss_and_gradient_by_equation_3(crops: int) -> None:
    """Each view's student against each global view's teacher but its own, one sample and prototype at a time."""
    model = build("dino", gradscale=0.0)
    model.begin()
    model.center.copy_(torch.linspace(-0.3, 0.3, 10))
    g = torch.Generator().manual_seed(2)
    local = [torch.rand(8, 3, 8, 8, generator=g) for _ in range(crops)]
    loss, out = model(*views(), *local)

    def cosine(z: torch.Tensor, heads: torch.Tensor) -> torch.Tensor:
        return torch.stack([torch.stack([F.cosine_similarity(row, w, dim=0) for w in heads]) for row in z])

    small = model.embed(torch.cat(local))["projector"].chunk(crops) if local else ()
    students = [cosine(model.embed(v)["projector"], model.prototypes.weight) for v in views()]
    students += [cosine(z, model.prototypes.weight) for z in small]
    with torch.no_grad():
        teachers = [cosine(model.target[:2](v), model.target[2].weight) for v in views()]
    terms = []
    for i, t in enumerate(teachers):
        target = torch.softmax((t - model.center) / 0.04, dim=1)
        for j, s in enumerate(students):
            if i != j:
                terms.append(-(target * torch.log_softmax(s / 0.2, dim=1)).sum() / 8)
    expected = sum(terms) / (2 + 2 * crops)
    assert len(terms) == 2 + 2 * crops
    torch.testing.assert_close(loss, expected, rtol=1e-5, atol=1e-6)
    online = [p for p in model.parameters() if p.requires_grad]
    ours, theirs = torch.autograd.grad(loss, online), torch.autograd.grad(expected, online)
    torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-5)
    assert len(out["projector"]) == len(out["target"]) == 16


@pytest.mark.parametrize("inputs", [16, 64, 256])
def test_prototypes_start_with_the_papers_length_at_any_width(inputs: int) -> None:
    torch.manual_seed(0)
    rows = Prototypes(inputs, 500).weight.detach()
    assert float(rows.square().sum(dim=1).mean().sqrt()) == pytest.approx(0.02 * 256**0.5, rel=0.02)


def test_small_crops_leave_the_running_statistics_and_the_centre_alone() -> None:
    models_ = [build("dino"), build("dino")]
    local = [torch.rand(8, 3, 8, 8, generator=torch.Generator().manual_seed(i)) for i in range(2)]
    for model, small in zip(models_, ([], local), strict=True):
        model.begin()
        model(*views(), *small)
        model.after_step(0.5)
    without, with_ = (dict(m.named_buffers()) for m in models_)
    assert without.keys() == with_.keys() and any("running_mean" in name for name in without)
    for name in without:
        assert torch.equal(without[name], with_[name]), name
    assert all(m.track_running_stats for m in models_[1].modules() if isinstance(m, torch.nn.BatchNorm2d))


def test_targets_queue_and_centre_are_in_the_state() -> None:
    for method, names in (("byol", {"target.0.conv.weight"}), ("moco-v2", {"queue", "pointer"}), ("dino", {"center"})):
        assert names <= build(method).state_dict().keys()


def test_vision_transformer_small_has_its_published_size() -> None:
    vit = ViT("vit-small", 64, patch=16)
    # 21.67 M of ViT-S without its class layer, less the 197 x 384 learned positions
    assert sum(p.numel() for p in vit.parameters()) == 21_665_664 - 197 * 384
    assert ViT("vit-mini", 16, 4)(torch.rand(2, 3, 32, 32)).shape == (2, 64)
    assert ViT("vit-mini", 16, 4)(torch.rand(2, 3, 24, 40)).shape == (2, 64)


def test_vision_transformer_layer_against_pytorchs() -> None:
    torch.manual_seed(0)
    ours = ViT("vit-mini", 4, 4).layers[0]
    theirs = torch.nn.TransformerEncoderLayer(
        16, 4, 64, 0.0, "gelu", layer_norm_eps=1e-6, batch_first=True, norm_first=True
    )
    state = dict(zip(theirs.state_dict(), theirs.state_dict().values(), strict=True))
    names = {"self_attn.in_proj_": "qkv.", "self_attn.out_proj.": "out.", "linear1.": "mlp.0.", "linear2.": "mlp.2."}
    for key in state:
        mine = key
        for a, b in names.items():
            mine = mine.replace(a, b)
        state[key] = ours.state_dict()[mine]
    theirs.load_state_dict(state)
    x = torch.randn(3, 7, 16)
    torch.testing.assert_close(ours(x), theirs(x), rtol=1e-5, atol=1e-6)


def test_positions_are_distinct_and_those_of_the_formula() -> None:
    code = positions(3, 5, 8)
    assert code.shape == (15, 8) and len({tuple(r.tolist()) for r in code}) == 15
    row = code[1 * 5 + 3]  # y = 1, x = 3
    expected = [f(a * r) for a in (3, 1) for f in (math.sin, math.cos) for r in (1.0, 0.01)]
    torch.testing.assert_close(row, torch.tensor(expected))


def test_moco_v3_freezes_the_patch_projection_of_a_transformer() -> None:
    model = build("moco-v3", backbone="vit-mini")
    assert not any(p.requires_grad for p in model.backbone.patches.parameters())


def test_images_that_do_not_fit_the_patches() -> None:
    with pytest.raises(InputError, match="images are 30 x 32; allowed for this network: multiples of patch = 4"):
        ViT("vit-mini", 4, 4)(torch.rand(1, 3, 30, 32))
    with pytest.raises(InputError, match="width of vit-small is 5"):
        ViT("vit-small", 5)


@pytest.mark.parametrize("name", ["simsiam-arms", "byol-arms"])
def test_non_contrastive_arms_share_data_and_network_with_simclr_at_cpu_scale(name: str) -> None:
    shared = ("dataset", "train_images", "held_out", "backbone", "width", "epochs", "crop_min", "jitter", "gray")
    simclr = experiments.get("simclr-arms").cell("cpu", "default").config
    for scale in ("smoke", "cpu", "gpu", "paper"):
        cells = {c.name: c.config for c in experiments.get(name).cells(scale)}
        assert cells["cut"] == cells["default"].replace(cut=9.0)
        assert cells["default"].weight_decay == 5e-4
    ours = experiments.get(name).cell("cpu", "default").config
    assert all(getattr(ours, f) == getattr(simclr, f) for f in shared)
