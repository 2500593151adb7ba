"""Batched augmentation against torchvision's per-image transforms: same parameters, same picture."""

import dataclasses
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torchvision.transforms import InterpolationMode, RandomResizedCrop
from torchvision.transforms import functional as TF

from ssllib import augment as A
from ssllib import native
from ssllib.engine.data.shapes import shapes
from ssllib.errors import InputError


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    return shapes(48, seed=5).images


def drawn(images: torch.Tensor, seed: int = 0, **kw: float) -> A.Parameters:
    settings = {"crop_min": 0.08, "jitter": 0.5, "gray": 0.2} | kw
    return A.draw(len(images), (32, 32), torch.Generator().manual_seed(seed), **settings)


UNTOUCHED = {"brightness": 1.0, "contrast": 1.0, "saturation": 1.0, "hue": 0.0, "gray": 0.0}
WHOLE = {"top": 0.0, "left": 0.0, "height": 32.0, "width": 32.0, "flip": 0.0}


def only(p: A.Parameters, fixed: dict[str, float]) -> A.Parameters:
    """`p` with some parameters set to one value for all images."""
    new = {name: torch.full_like(getattr(p, name), value) for name, value in fixed.items()}
    return dataclasses.replace(p, **new)


def compiled(images: torch.Tensor, p: A.Parameters, side: int = 0) -> torch.Tensor:
    """Views of the compiled code in float32; the test is skipped where there is no compiler."""
    if native.compiler() is None:
        pytest.skip("no C compiler")
    made = native.views(images, p, side, torch.float32)
    assert made is not None  # there is a compiler, so it has to work
    return made


def cropped(images: torch.Tensor, p: A.Parameters, side: int, how: str) -> torch.Tensor:
    if how == "compiled":
        return compiled(images, only(p, UNTOUCHED), side)
    return A.crop(A.to_float(images), p, side, antialias=False)


def coloured(images: torch.Tensor, p: A.Parameters, how: str) -> torch.Tensor:
    return compiled(images, only(p, WHOLE)) if how == "compiled" else A.colour(A.to_float(images), p)


@pytest.mark.parametrize("how", ["tensors", "compiled"])
def test_crop_and_flip(images: torch.Tensor, how: str) -> None:
    p = drawn(images)
    ours = cropped(images, p, 0, how)
    for i, image in enumerate(A.to_float(images)):
        t, left, h, w = (int(v[i]) for v in (p.top, p.left, p.height, p.width))
        theirs = TF.resized_crop(image, t, left, h, w, [32, 32], InterpolationMode.BILINEAR, antialias=False)
        theirs = TF.hflip(theirs) if p.flip[i] else theirs
        torch.testing.assert_close(ours[i], theirs, atol=2e-5, rtol=0)


@pytest.mark.parametrize("how", ["tensors", "compiled"])
def test_crop_to_another_size(images: torch.Tensor, how: str) -> None:
    p = drawn(images, crop_min=0.05, crop_max=0.4)
    assert float((p.height * p.width).max()) <= 0.45 * 32 * 32  # corners are rounded to whole pixels
    ours = cropped(images, p, 16, how)
    assert ours.shape == (48, 3, 16, 16)
    for i, image in enumerate(A.to_float(images)):
        t, left, h, w = (int(v[i]) for v in (p.top, p.left, p.height, p.width))
        theirs = TF.resized_crop(image, t, left, h, w, [16, 16], InterpolationMode.BILINEAR, antialias=False)
        torch.testing.assert_close(ours[i], TF.hflip(theirs) if p.flip[i] else theirs, atol=2e-5, rtol=0)


@pytest.mark.parametrize("how", ["tensors", "compiled"])
@pytest.mark.parametrize("seed", range(6))  # several orders of the four operations
def test_colour(images: torch.Tensor, seed: int, how: str) -> None:
    p = drawn(images, seed, jitter=1.0)
    ours = coloured(images, p, how)
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


@pytest.mark.parametrize("shape, side", [((32, 32), 0), ((64, 64), 0), ((48, 40), 0), ((17, 33), 24), ((32, 32), 1)])
def test_compiled_views_are_those_of_tensors(shape: tuple[int, int], side: int) -> None:
    """On noise, with every operation at its strongest, and on grey, black and white pixels."""
    g = torch.Generator().manual_seed(7)
    images = torch.randint(256, (40, 3, *shape), generator=g, dtype=torch.uint8)
    images[:4] = images[:4, :1]
    images[4], images[5] = 0, 255
    for seed in range(8):
        p = A.draw(40, shape, g.manual_seed(seed), crop_min=0.05, jitter=1.2, gray=0.3)
        expected = A.colour(A.crop(A.to_float(images), p, side, antialias=False), p)
        ours = compiled(images, p, side)
        torch.testing.assert_close(ours, expected, atol=1e-4, rtol=0)
        assert 0 <= float(ours.min()) and float(ours.max()) <= 1
        half = native.views(images, p, side)
        assert half is not None and torch.equal(half, ours.bfloat16())


def test_half_views_come_as_the_step_reads_them(images: torch.Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    settings: dict[str, Any] = {"crop_min": 0.08, "jitter": 0.5, "gray": 0.2}
    full = A.augment(images, torch.Generator().manual_seed(3), **settings)
    half = A.augment(images, torch.Generator().manual_seed(3), **settings, half=True)
    monkeypatch.setattr(native, "views", lambda *_: None)
    without = A.augment(images, torch.Generator().manual_seed(3), **settings, half=True)
    for view in (half, without):
        assert view.dtype == torch.bfloat16 and view.is_contiguous(memory_format=torch.channels_last)
        torch.testing.assert_close(view.float(), full, atol=2**-8, rtol=0)  # one unit of bfloat16 below 1
    assert float((half != without).double().mean()) < 0.01  # where rounding turns over


def test_without_a_compiler_tensors_are_used_and_it_is_said(
    images: torch.Tensor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for command in ("no-such-compiler", "false"):  # there is none; there is one that fails
        monkeypatch.setenv("CC", command)
        native.library.cache_clear()
        with pytest.warns(UserWarning, match="tensor operations"):
            assert native.views(images, drawn(images)) is None
    native.library.cache_clear()


@pytest.mark.skipif(native.compiler() is None, reason="no C compiler")
def test_it_is_built_once_and_gives_the_same_bits_in_every_process(tmp_path: Path) -> None:
    code = (
        "import hashlib, torch; from ssllib import augment as A; from ssllib.engine.data.shapes import shapes\n"
        "v = A.augment(shapes(64, seed=5).images, torch.Generator().manual_seed(3), crop_min=0.08, jitter=1.0, "
        "gray=0.2, half=True)\nprint(hashlib.sha256(v.contiguous().view(torch.int16).numpy().tobytes()).hexdigest())"
    )
    environment = {"XDG_CACHE_HOME": str(tmp_path), "PATH": os.environ["PATH"]}
    both = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", code], env=environment, stdout=subprocess.PIPE, text=True,
            cwd=Path(native.__file__).parent.parent,
        )
        for _ in range(2)
    ]  # fmt: skip
    found = {process.communicate()[0] for process in both}
    assert len(found) == 1 and len(found.pop()) == 65 and not any(process.returncode for process in both)
    built = list((tmp_path / "ssllib" / "native").iterdir())
    assert len(built) == 1 and built[0].suffix == ".so"
    when = built[0].stat().st_mtime_ns
    command = native.compiler()
    assert command is not None and native.build("augment", command, built[0].parent) == built[0]
    assert built[0].stat().st_mtime_ns == when


def test_views_of_something_else_are_refused(images: torch.Tensor) -> None:
    p = drawn(images)
    for wrong in (A.to_float(images), images[:, :1], images[:5]):
        with pytest.raises(InputError, match="allowed"):
            compiled(wrong, p)


@pytest.mark.parametrize("size, side", [((128, 128), 16), ((64, 48), 32), ((32, 32), 31), ((17, 33), 24)])
def test_smaller_crops_are_averaged_as_torchvision_does(size: tuple[int, int], side: int) -> None:
    g = torch.Generator().manual_seed(0)
    images = torch.randint(256, (24, 3, *size), generator=g, dtype=torch.uint8)
    p = A.draw(24, size, g, crop_min=0.05, crop_max=1.0, jitter=0.0, gray=0.0)
    ours = A.crop(A.to_float(images), p, side)
    for i, image in enumerate(A.to_float(images)):
        t, left, h, w = (int(v[i]) for v in (p.top, p.left, p.height, p.width))
        theirs = TF.resized_crop(image, t, left, h, w, [side, side], InterpolationMode.BILINEAR, antialias=True)
        torch.testing.assert_close(ours[i], TF.hflip(theirs) if p.flip[i] else theirs, atol=2e-5, rtol=0)
    half = A.augment(images, g.manual_seed(1), crop_min=0.05, jitter=0.5, gray=0.2, side=side, half=True)
    full = A.augment(images, g.manual_seed(1), crop_min=0.05, jitter=0.5, gray=0.2, side=side)
    torch.testing.assert_close(half.float(), full, atol=2**-8, rtol=0)


def test_images_that_are_no_bytes_are_refused_and_left_as_they_are(images: torch.Tensor) -> None:
    settings: dict[str, Any] = {"crop_min": 0.08, "jitter": 0.5, "gray": 0.2}
    floats = torch.rand(4, 3, 16, 16)
    before = floats.clone()
    for wrong in (floats, floats.bfloat16(), images[:, :1], images[0], images.int()):
        with pytest.raises(InputError, match=r"allowed: bytes \(torch.uint8\)"):
            A.augment(wrong, torch.Generator(), **settings)
    for other in (floats, floats.double(), images.int()):
        with pytest.raises(InputError, match="allowed: bytes"):
            A.to_float(other)
    assert torch.equal(floats, before)
    kept = images.clone()
    A.augment(images, torch.Generator(), **settings)
    assert torch.equal(images, kept)


@pytest.mark.parametrize("n", [0, 1, 3])
@pytest.mark.parametrize("half", [False, True])
def test_none_one_and_few_images(images: torch.Tensor, n: int, half: bool) -> None:
    view = A.augment(images[:n], torch.Generator(), crop_min=0.08, jitter=0.5, gray=0.2, half=half)
    assert view.shape == (n, 3, 32, 32) and bool(view.isfinite().all())


@pytest.mark.parametrize(
    "bad",
    [{"crop_min": 0.0}, {"crop_min": 1.5}, {"crop_min": float("nan")}, {"crop_min": 0.5, "crop_max": 0.4},
     {"jitter": -1.0}, {"jitter": "0.5"}, {"gray": 2.0}, {"gray": True}],
)  # fmt: skip
def test_ranges(images: torch.Tensor, bad: dict) -> None:
    with pytest.raises(InputError, match="allowed: a number (from|above)"):
        A.augment(images, torch.Generator(), **({"crop_min": 0.08, "jitter": 0.5, "gray": 0.2} | bad))
