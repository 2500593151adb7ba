"""Batched augmentation against torchvision's per-image transforms: same parameters, same picture."""

import math

import pytest
import torch
from torchvision.transforms import InterpolationMode, RandomResizedCrop
from torchvision.transforms import functional as TF

from ssllib import augment as A
from ssllib.datasets.shapes import shapes


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    return shapes(48, seed=5).images


def drawn(images: torch.Tensor, seed: int = 0, **kw: float) -> A.Parameters:
    settings = {"crop_min": 0.08, "jitter": 0.5, "gray": 0.2} | kw
    return A.draw(len(images), (32, 32), torch.Generator().manual_seed(seed), **settings)


def test_crop_and_flip(images: torch.Tensor) -> None:
    p = drawn(images)
    ours = A.crop(A.to_float(images), p)
    for i, image in enumerate(A.to_float(images)):
        t, left, h, w = (int(v[i]) for v in (p.top, p.left, p.height, p.width))
        theirs = TF.resized_crop(image, t, left, h, w, [32, 32], InterpolationMode.BILINEAR, antialias=False)
        theirs = TF.hflip(theirs) if p.flip[i] else theirs
        torch.testing.assert_close(ours[i], theirs, atol=2e-5, rtol=0)


def test_crop_to_another_size(images: torch.Tensor) -> None:
    p = drawn(images, crop_min=0.05, crop_max=0.4)
    assert float((p.height * p.width).max()) <= 0.45 * 32 * 32  # corners are rounded to whole pixels
    ours = A.crop(A.to_float(images), p, side=16)
    assert ours.shape == (48, 3, 16, 16)
    for i, image in enumerate(A.to_float(images)):
        t, left, h, w = (int(v[i]) for v in (p.top, p.left, p.height, p.width))
        theirs = TF.resized_crop(image, t, left, h, w, [16, 16], InterpolationMode.BILINEAR, antialias=False)
        torch.testing.assert_close(ours[i], TF.hflip(theirs) if p.flip[i] else theirs, atol=2e-5, rtol=0)


@pytest.mark.parametrize("seed", range(6))  # several orders of the four operations
def test_colour(images: torch.Tensor, seed: int) -> None:
    p = drawn(images, seed, jitter=1.0)
    ours = A.colour(A.to_float(images), p)
    for i, image in enumerate(A.to_float(images)):
        for op in p.order:
            if op == 0:
                image = TF.adjust_brightness(image, float(p.brightness[i]))
            elif op == 1:
                image = TF.adjust_contrast(image, float(p.contrast[i]))
            elif op == 2:
                image = TF.adjust_saturation(image, float(p.saturation[i]))
            else:
                image = TF.adjust_hue(image, float(p.hue[i]))
        if p.gray[i]:
            image = TF.rgb_to_grayscale(image, 3)
        torch.testing.assert_close(ours[i], image, atol=2e-4, rtol=0)


def test_crop_parameters_follow_torchvisions_distribution() -> None:
    n = 4000
    p = A.draw(n, (32, 32), torch.Generator().manual_seed(0), crop_min=0.08, jitter=0.5, gray=0.2)
    torch.manual_seed(0)
    image = torch.zeros(3, 32, 32)
    theirs = torch.tensor([RandomResizedCrop.get_params(image, [0.08, 1.0], [3 / 4, 4 / 3]) for _ in range(n)]).float()
    ours = torch.stack([p.top, p.left, p.height, p.width], dim=1)
    for column in range(4):
        a, b = ours[:, column], theirs[:, column]
        error = math.sqrt((float(a.var()) + float(b.var())) / n)
        assert abs(float(a.mean() - b.mean())) < 4 * error
        quantiles = torch.tensor([0.1, 0.5, 0.9])
        assert (a.quantile(quantiles) - b.quantile(quantiles)).abs().max() <= 1


def test_colour_parameters() -> None:
    p = A.draw(4000, (32, 32), torch.Generator().manual_seed(1), crop_min=0.08, jitter=0.5, gray=0.2)
    untouched = (p.brightness == 1).float().mean()
    assert abs(float(untouched) - 0.2) < 0.03
    assert abs(float(p.gray.float().mean()) - 0.2) < 0.03
    assert 0.6 <= float(p.brightness.min()) < 0.61 and 1.39 < float(p.brightness.max()) <= 1.4
    assert float(p.hue.abs().max()) <= 0.1


def test_augment_is_repeatable_and_in_range(images: torch.Tensor) -> None:
    views = [
        A.augment(images, torch.Generator().manual_seed(3), crop_min=0.08, jitter=1.0, gray=0.2) for _ in range(2)
    ]
    assert torch.equal(*views)
    assert views[0].shape == images.shape and 0 <= float(views[0].min()) and float(views[0].max()) <= 1
