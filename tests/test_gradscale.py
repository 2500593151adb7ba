import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ssllib.errors import InputError
from ssllib.gradscale import GradScale, scale_grad
from ssllib.losses import info_nce


def cosine_gradient(norm: float, power: float) -> torch.Tensor:
    """Gradient of the negative cosine at a vector of that norm, behind GradScale."""
    z = torch.tensor([[0.6 * norm, 0.8 * norm]], dtype=torch.float64, requires_grad=True)
    target = torch.tensor([[1.0, 0.0]], dtype=torch.float64)
    (-torch.cosine_similarity(scale_grad(z, power), target)).sum().backward()
    assert z.grad is not None
    return z.grad[0]


def test_forward_is_the_identity() -> None:
    z = torch.randn(4, 3, requires_grad=True)
    assert torch.equal(scale_grad(z, 1.0), z)
    assert scale_grad(z, 0) is z


@given(norm=st.floats(1e-3, 1e3), power=st.floats(0, 4))
@settings(max_examples=50, deadline=None)
def test_gradient_is_multiplied_by_the_norm_to_the_power(norm: float, power: float) -> None:
    torch.testing.assert_close(cosine_gradient(norm, power), cosine_gradient(norm, 0) * norm**power)


def test_power_one_frees_the_gradient_of_the_norm() -> None:
    torch.testing.assert_close(cosine_gradient(50.0, 1), cosine_gradient(0.1, 1))


def test_each_sample_has_its_own_factor() -> None:
    z = torch.tensor([[3.0, 4.0], [0.0, 0.0], [0.0, 2.0]], requires_grad=True)
    scale_grad(z, 2).sum().backward()
    torch.testing.assert_close(z.grad, torch.tensor([[25.0, 25.0], [0.0, 0.0], [4.0, 4.0]]))


def test_half_precision_does_not_overflow() -> None:
    z = torch.full((2, 4), 3e4, dtype=torch.float16, requires_grad=True)  # norm 60000, its square overflows
    (scale_grad(z, 1).float() * 1e-6).sum().backward()
    assert torch.isfinite(z.grad).all() and (z.grad > 0).all()


def test_layer_in_a_model_of_ones_own() -> None:
    net = torch.nn.Sequential(torch.nn.Linear(5, 3), GradScale(1.0))
    x = torch.randn(8, 5, generator=torch.Generator().manual_seed(0))
    info_nce(net(x), net(x + 0.1)).backward()
    assert net[0].weight.grad.abs().sum() > 0
    assert "power=1" in repr(net)


@pytest.mark.parametrize("power", [-1, 5, float("nan"), "one"])
def test_bad_power(power: object) -> None:
    with pytest.raises(InputError, match="GradScale power"):
        scale_grad(torch.ones(2, 2), power)  # type: ignore[arg-type]


# --- in somebody else's model ------------------------------------------------------------------------------


def their_models() -> dict[str, torch.nn.Module]:
    """A torchvision and a timm classifier whose last layer is an embedding, small."""
    import timm
    import torchvision

    with torch.random.fork_rng():
        torch.manual_seed(0)
        return {
            "torchvision resnet18": torchvision.models.resnet18(num_classes=16),
            "timm vit": timm.create_model(
                "vit_tiny_patch16_224", img_size=32, patch_size=8, embed_dim=48, depth=2, num_heads=2, num_classes=16
            ),
            "timm resnet": timm.create_model("resnet10t", num_classes=16),
        }


@pytest.mark.parametrize("name", ["torchvision resnet18", "timm vit", "timm resnet"])
def test_in_somebody_elses_model(name: str) -> None:
    """Behind it the parameters' gradient is that of the rows' gradients times their norms, and nothing else moves."""
    model = their_models()[name].eval()
    x = torch.randn(6, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    z = model(x)
    loss = info_nce(*z.chunk(2))
    (by_hand,) = torch.autograd.grad(loss, z, retain_graph=True)
    norm = torch.linalg.vector_norm(z.detach(), dim=1, keepdim=True)
    wanted = torch.autograd.grad(z, list(model.parameters()), by_hand * norm, allow_unused=True)

    scaled = torch.nn.Sequential(model, GradScale(1.0))
    same = info_nce(*scaled(x).chunk(2))
    torch.testing.assert_close(same, loss)
    same.backward()
    for p, g in zip(model.parameters(), wanted, strict=True):
        if g is not None:
            torch.testing.assert_close(p.grad, g, rtol=1e-4, atol=1e-6)
    names = set(scaled.state_dict())
    assert names == {f"0.{key}" for key in model.state_dict()}  # no parameter or buffer of its own


@pytest.mark.parametrize("power", [0.0, 1.0, 2.0])
def test_under_torch_compile(power: float) -> None:
    """The whole graph, backward included, is traced (`aot_eager`: everything but the code generator)."""

    def gradient(f: object) -> torch.Tensor:
        z = torch.randn(8, 5, generator=torch.Generator().manual_seed(0)).requires_grad_()
        f(z).backward()  # type: ignore[operator]
        assert z.grad is not None
        return z.grad

    def loss(z: torch.Tensor) -> torch.Tensor:
        return info_nce(*scale_grad(z, power).chunk(2))

    torch.compiler.reset()
    compiled = torch.compile(loss, backend="aot_eager", fullgraph=True)
    torch.testing.assert_close(gradient(compiled), gradient(loss))


# --- other passes than one forward and one backward ----------------------------------------------------------


def test_an_operation_in_place_may_follow() -> None:
    net = torch.nn.Sequential(torch.nn.Linear(4, 4), GradScale(), torch.nn.ReLU(inplace=True))
    x = torch.randn(3, 4)
    z = net[0](x)
    torch.testing.assert_close(net(x), torch.relu(z))
    net(x).sum().backward()
    assert net[0].weight.grad is not None


def test_gradients_of_each_sample() -> None:
    z = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))
    w = torch.arange(4.0)
    own = torch.func.vmap(torch.func.grad(lambda one: (scale_grad(one, 2.0) * w).sum()))(z)
    torch.testing.assert_close(own, z.square().sum(dim=1, keepdim=True) * w)


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0, 4.0])
def test_second_derivative(power: float) -> None:
    """Of the field |z|^p w, whose Jacobian is p |z|^(p - 2) w z'; zero, and finite, at a zero vector."""
    z = torch.tensor([[3.0, 4.0], [1e-3, 0.0], [0.0, 0.0]], dtype=torch.float64, requires_grad=True)
    w, v = torch.tensor([1.0, 2.0], dtype=torch.float64), torch.tensor([0.5, -1.0], dtype=torch.float64)
    (field,) = torch.autograd.grad((scale_grad(z, power) * w).sum(), z, create_graph=True)
    (second,) = torch.autograd.grad((field * v).sum(), z)
    norm = torch.linalg.vector_norm(z.detach(), dim=1, keepdim=True)
    wanted = power * torch.where(norm > 0, norm, torch.ones_like(norm)) ** (power - 2) * (w @ v) * z.detach()
    torch.testing.assert_close(second, torch.where(norm > 0, wanted, 0 * wanted))


@pytest.mark.parametrize("power", [1.0, 2.0, 4.0])
@pytest.mark.parametrize("size", [1e-30, 1e-20, 1e-12, 1e12, 1e20, 1e30])
def test_float32_far_from_one_against_float64(power: float, size: float) -> None:
    z = size * torch.tensor([[0.6, 0.8], [3.0, -4.0]])
    for grad in (0.0, 1.0, 1 / size):
        wanted = grad * torch.linalg.vector_norm(z.double(), dim=1, keepdim=True).expand(2, 2) ** power
        if float(wanted.max()) > 1e37:
            continue
        x = z.clone().requires_grad_()
        (scale_grad(x, power) * grad).sum().backward()
        torch.testing.assert_close(x.grad, wanted.float(), rtol=1e-5, atol=1e-36)


def test_what_is_not_finite_stays_so() -> None:
    z = torch.tensor([[float("nan"), 1.0], [float("inf"), 1.0], [3.0, 4.0]], requires_grad=True)
    scale_grad(z).sum().backward()
    assert z.grad is not None
    assert not z.grad[:2].isfinite().any() and z.grad[2].tolist() == [5, 5]


def test_numpy_numbers_and_other_types() -> None:
    import numpy as np

    assert GradScale(np.float32(0.5)).power == 0.5
    for z in (torch.ones(2, 2, dtype=torch.int64), torch.tensor(1.0)):
        with pytest.raises(InputError, match="allowed: floating point"):
            scale_grad(z)
