import hashlib
import http.server
import io
import os
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import scipy.io
import scipy.stats
import torch
import torchvision

from ssllib.engine import data as datasets
from ssllib.engine.data import ImageSet, balanced, batches, labelled, load
from ssllib.engine.data.cifar import FOLDERS, cifar
from ssllib.engine.data.download import FILES, TERMS, File, bar, download, get, matches, unpack
from ssllib.engine.data.flowers import flowers
from ssllib.engine.data.folder import image_folder, read_image
from ssllib.engine.data.human_labels import NOISE, cifar10_h, cifar_n, convert_cifar_n, entropy, noise_rate
from ssllib.engine.data.imbalance import BASES, exponential_counts, imbalanced
from ssllib.engine.data.shapes import NAMES, OTHERS, annotate, others, shapes, shapes_with_blend
from ssllib.engine.evaluation.knn import accuracy, knn_predict
from ssllib.engine.train_config import TrainConfig
from ssllib.errors import InputError
from ssllib.paths import data_root


def test_shapes_are_bytes_balanced_and_repeatable() -> None:
    a, b = shapes(80, seed=3), shapes(80, seed=3)
    assert torch.equal(a.images, b.images) and a.images.dtype == torch.uint8 and a.images.shape == (80, 3, 32, 32)
    assert torch.bincount(a.labels).tolist() == [10] * len(NAMES)
    assert not torch.equal(a.images, shapes(80, seed=4).images)


def test_pixels_alone_do_not_tell_the_pattern() -> None:
    bank, queries = shapes(1024, seed=1), shapes(256, seed=2)
    flat = [s.images.flatten(1).float() for s in (bank, queries)]
    found = knn_predict(flat[0] - flat[0].mean(0), bank.labels, flat[1] - flat[0].mean(0), 50, 0.1)
    assert 100 / 8 < accuracy(found, queries.labels) < 60


def test_ambiguous_images_divide_the_annotators() -> None:
    data, other, share = shapes_with_blend(400, seed=0, ambiguity=1.0)
    assert (other != data.labels).all() and 0 <= float(share.min()) and float(share.max()) <= 0.5
    votes = annotate(data.labels, other, share, annotators=50)
    assert (votes.sum(dim=1) == 50).all()
    disagreement = 1 - votes.max(dim=1).values / 50
    sure, unsure = disagreement[share < 0.1].mean(), disagreement[share > 0.4].mean()
    assert sure < 0.1 and unsure > 0.3
    clear, _, none = shapes_with_blend(16, seed=0)
    assert float(none.max()) == 0 and torch.equal(clear.labels, data.labels[:16])


def test_other_patterns_differ_from_the_classes_under_the_same_nuisances() -> None:
    a, b = others(80, seed=3), others(80, seed=3)
    assert torch.equal(a.images, b.images) and not torch.equal(a.images, others(80, seed=4).images)
    assert a.images.shape == (80, 3, 32, 32) and a.images.dtype == torch.uint8
    assert torch.bincount(a.labels).tolist() == [20] * len(OTHERS) and a.classes == len(OTHERS)
    new, known = others(512, seed=3).images.float(), shapes(512, seed=3).images.float()
    for of in (lambda x: x.mean(dim=(1, 2, 3)), lambda x: x.std(dim=(2, 3)).mean(dim=1)):  # light, contrast
        assert float(of(new).mean()) == pytest.approx(float(of(known).mean()), rel=0.1)
    with pytest.raises(InputError, match="number of images"):
        others(0)


def test_shapes_are_those_of_earlier_records() -> None:
    """Any change of a draw would change what every recorded run on shapes has seen."""
    data, other, _ = shapes_with_blend(24, seed=5, ambiguity=0.7)
    assert other[:5].tolist() == [2, 7, 5, 7, 3]
    means = data.images.double().mean(dim=(1, 2, 3))[:5].tolist()
    assert means == pytest.approx([133.9, 137.09, 86.4, 118.01, 156.52], abs=0.02)


def test_balanced_takes_from_the_front_or_the_back() -> None:
    labels = torch.tensor([0, 1, 0, 1, 0, 1])
    assert balanced(labels, 2, 2).tolist() == [0, 1] and balanced(labels, 2, 2, last=True).tolist() == [4, 5]
    with pytest.raises(InputError, match="multiple of 2"):
        balanced(labels, 3, 2)
    with pytest.raises(InputError, match="class 0 has 3"):
        balanced(labels, 8, 2)


def test_splits_do_not_overlap_and_do_not_depend_on_the_seed() -> None:
    config = TrainConfig(dataset="shapes", train_images=256, held_out=64, test_images=64, batch_size=32)
    a, b = datasets.load(config), datasets.load(config.replace(seed=7))
    assert torch.equal(a.train.images, b.train.images) and torch.equal(a.held_out.images, b.held_out.images)
    sets = [{bytes(x.numpy().tobytes()) for x in s.images} for s in (a.train, a.held_out, a.test)]
    assert [len(s) for s in sets] == [256, 64, 64]
    assert not sets[0] & sets[1] and not sets[0] & sets[2] and not sets[1] & sets[2]


def test_missing_cifar_names_the_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cifar100 is not at .*cifar-100-python"):
        cifar("cifar100", tmp_path)


def test_unknown_data_set() -> None:
    with pytest.raises(InputError, match="unknown data set 'cifar'; allowed: cifar10, cifar100"):
        cifar("cifar")


def test_real_cifar_where_it_is_present() -> None:
    try:
        train, test = cifar("cifar10")
    except InputError:
        pytest.skip("CIFAR-10 is not in the data root")
    assert (len(train), len(test), train.classes) == (50_000, 10_000, 10)
    assert torch.bincount(train.labels).tolist() == [5000] * 10
    assert train.images[0].float().mean().item() == pytest.approx(103.4, abs=1)


# ---- exponential imbalance


@pytest.mark.parametrize(
    ("name", "protocol", "first", "last", "total"),
    [
        ("cifar10", "text", 5000, 130, 14_736),
        ("cifar100", "text", 500, 18, 14_620),
        ("cifar100", "released", 500, 18, 14_750),
    ],
)
def test_imbalanced_totals(name: str, protocol: str, first: int, last: int, total: int) -> None:
    counts = exponential_counts(first, BASES[name][protocol], 10 if name == "cifar10" else 100)
    assert (counts[0], counts[-1], sum(counts)) == (first, last, total)


def test_counts_do_not_fall_short_by_rounding() -> None:
    assert exponential_counts(5000, 10.0, 4) == [5000, 500, 50, 5]
    assert exponential_counts(1000, 1.1, 3) == [1000, 909, 826]
    with pytest.raises(InputError, match="last of 5 classes empty"):
        exponential_counts(5000, 10.0, 5)
    with pytest.raises(InputError, match="base of the imbalance"):
        exponential_counts(5000, 1.0, 5)


def test_imbalanced_takes_the_first_images_and_holds_out_the_last() -> None:
    data = ImageSet(torch.arange(80).to(torch.uint8).view(80, 1, 1, 1), torch.arange(80) % 4, 4)  # 20 of each class
    train, out = imbalanced(data, 2.0)
    assert torch.bincount(train.labels).tolist() == [20, 10, 5, 2] and len(out) == 0
    assert train.images.flatten()[train.labels == 3].tolist() == [3, 7]
    train, out = imbalanced(data, 2.0, held_out=16)
    assert torch.bincount(train.labels).tolist() == [16, 10, 5, 2]  # class 0 gives all that is left
    assert torch.bincount(out.labels).tolist() == [4] * 4
    assert not set(train.images.flatten().tolist()) & set(out.images.flatten().tolist())


# ---- subsets of labels, sets larger than the device


def test_labelled_subsets_are_balanced_nested_and_fixed_by_the_seed() -> None:
    labels = torch.randint(0, 5, (1000,), generator=torch.Generator().manual_seed(0))
    tenth, half = labelled(labels, 0.1, 5, seed=3), labelled(labels, 0.5, 5, seed=3)
    sizes = torch.bincount(labels)
    assert torch.equal(torch.bincount(labels[tenth]), (0.1 * sizes).round().long())
    assert set(tenth.tolist()) < set(half.tolist())
    assert torch.equal(tenth, labelled(labels, 0.1, 5, seed=3)) and torch.equal(tenth, tenth.sort().values)
    assert not torch.equal(tenth, labelled(labels, 0.1, 5, seed=4))
    assert labelled(labels, 1.0, 5).tolist() == list(range(1000))
    assert torch.bincount(labels[labelled(labels, 1e-6, 5)]).tolist() == [1] * 5
    sevens = torch.arange(21) % 3
    assert torch.bincount(sevens[labelled(sevens, 0.25, 3)]).tolist() == [2] * 3  # 1.75, rounded
    with pytest.raises(InputError, match="share of labels"):
        labelled(labels, 0.0, 5)
    with pytest.raises(InputError, match="class 5 has no image"):
        labelled(labels, 0.1, 6)


def test_batches_give_every_image_once_in_order(tmp_path: Path) -> None:
    data = shapes(10)
    order = torch.randperm(10, generator=torch.Generator().manual_seed(0))
    assert torch.equal(torch.cat(list(datasets.batches(data, order, 4, "cpu"))), data.images[order])
    assert torch.equal(datasets.place(data, "cpu").images, data.images)
    made = [p.numpy().copy() for p in datasets._ahead(lambda i: data.images[i], order.split(4))]
    assert np.array_equal(np.concatenate(made), data.images[order].numpy())
    assert [tuple(b.shape) for b in datasets.batches(data, order, 4, "meta")] == [(4, 3, 32, 32)] * 2 + [(2, 3, 32, 32)]
    assert list(datasets._ahead(lambda i: i, [])) == []


def test_a_mapped_file_serves_as_images(tmp_path: Path) -> None:
    data = shapes(12)
    np.save(tmp_path / "images.npy", data.images.numpy())
    mapped = ImageSet(torch.from_numpy(np.load(tmp_path / "images.npy", mmap_mode="c")), data.labels, data.classes)
    order = torch.arange(12).flip(0)
    assert torch.equal(torch.cat(list(datasets.batches(mapped, order, 5, "cpu"))), data.images.flip(0))


def test_error_in_the_second_thread_is_not_lost() -> None:
    def fail(item: torch.Tensor) -> torch.Tensor:
        raise InputError("no such batch")

    with pytest.raises(InputError, match="no such batch"):
        list(datasets._ahead(fail, [torch.zeros(1)] * 3))


# ---- labels from people


@pytest.fixture(scope="module")
def clean() -> dict[str, torch.Tensor]:
    """Labels of the real CIFARs, by set and part."""
    try:
        sets = {name: cifar(name) for name in ("cifar10", "cifar100")}
    except InputError:
        pytest.skip("the CIFARs are not in the data root")
    parts = ("train", "test")
    return {f"{n}-{part}": s.labels for n, both in sets.items() for part, s in zip(parts, both, strict=True)}


def _human(folder: str) -> None:
    if not (data_root() / folder).is_dir():
        pytest.skip(f"{folder} is not in the data root")


@pytest.mark.parametrize(("name", "kind"), [(n, k) for n, kinds in NOISE.items() for k in kinds])
def test_real_cifar_n_fits_and_is_as_noisy_as_published(clean, name: str, kind: str) -> None:
    _human("cifar-n")
    own = clean[f"{name}-train"]
    assert noise_rate(cifar_n(name, kind, own), own) == pytest.approx(NOISE[name][kind], abs=0.01)


def test_real_cifar_n_of_other_images_is_refused(clean) -> None:
    _human("cifar-n")
    own = clean["cifar10-train"]
    for wrong in (own.roll(1), own[:100], clean["cifar100-train"]):
        with pytest.raises(InputError, match="does not fit these images"):
            cifar_n("cifar10", "aggre_label", wrong)


def test_real_cifar10_h_fits(clean) -> None:
    _human("cifar-10h")
    own = clean["cifar10-test"]
    votes = cifar10_h(own)
    assert votes.shape == (10_000, 10) and int(votes.sum(1).min()) >= 47
    assert 100 * float((votes.argmax(1) == own).double().mean()) == pytest.approx(99.21, abs=0.005)
    p = votes / votes.sum(1, keepdim=True)
    assert float(p.gather(1, own[:, None]).mean()) == pytest.approx(0.952, abs=5e-4)
    published = np.load(data_root() / "cifar-10h" / "cifar10h-probs.npy")
    np.testing.assert_allclose(p.numpy(), published, atol=1e-6)
    with pytest.raises(InputError, match="does not fit these images"):
        cifar10_h(own.roll(1))


def test_entropy_of_votes_against_scipy() -> None:
    votes = torch.tensor([[50, 0, 0], [25, 25, 0], [20, 20, 20], [49, 1, 0]])
    theirs = scipy.stats.entropy(votes.numpy(), axis=1)
    torch.testing.assert_close(entropy(votes), torch.from_numpy(theirs))
    assert entropy(votes)[0] == 0


def test_missing_and_damaged_human_labels(tmp_path: Path) -> None:
    labels = torch.zeros(5, dtype=torch.int64)
    with pytest.raises(InputError, match="cifar10n.npz is missing; set SSLLIB_DATA"):
        cifar_n("cifar10", "aggre_label", labels, tmp_path)
    with pytest.raises(InputError, match="unknown CIFAR-N label of cifar100 'worst'; allowed: noisy_label"):
        cifar_n("cifar100", "worst", labels, tmp_path)
    with pytest.raises(InputError, match="cifar10h-counts.npy is missing"):
        cifar10_h(labels, tmp_path)
    for place in ("cifar-n/cifar10n.npz", "cifar-10h/cifar10h-counts.npy"):
        (tmp_path / place).parent.mkdir()
        (tmp_path / place).write_bytes(b"not an array")
    with pytest.raises(InputError, match="cifar10n.npz is damaged"):
        cifar_n("cifar10", "aggre_label", labels, tmp_path)
    with pytest.raises(InputError, match="cifar10h-counts.npy is damaged"):
        cifar10_h(labels, tmp_path)


class _Harmful:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("this must not run",)


def test_official_cifar_n_files_are_converted_and_run_nothing(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    folder = tmp_path / "cifar-n"
    folder.mkdir()
    arrays = {"clean_label": np.arange(10), "noisy_label": np.arange(10)[::-1].copy(), "listed": list(range(10))}
    for name in ("CIFAR-10_human.pt", "CIFAR-100_human.pt"):
        torch.save(arrays, folder / name)
    convert_cifar_n(tmp_path)
    with np.load(folder / "cifar100n.npz", allow_pickle=False) as file:
        assert {k: (file[k].dtype, file[k].tolist()) for k in file} == {
            k: (np.uint8, list(v)) for k, v in arrays.items()
        }
    assert cifar_n("cifar100", "noisy_label", torch.arange(10), tmp_path).tolist() == list(range(9, -1, -1))
    for wrong in (torch.arange(10).roll(1), torch.arange(9)):
        with pytest.raises(InputError, match="does not fit these images"):
            cifar_n("cifar100", "noisy_label", wrong, tmp_path)
    (folder / "cifar10n.npz").unlink()
    torch.save({"clean_label": _Harmful()}, folder / "CIFAR-10_human.pt")
    with pytest.raises(InputError, match="CIFAR-10_human.pt is not the official file"):
        convert_cifar_n(tmp_path)
    assert capsys.readouterr().out == "" and not (folder / "cifar10n.npz").exists()


# ---- folders of pictures, Flowers-102


def _pictures(root: Path, sizes: dict[str, tuple[int, int]]) -> None:
    for i, (name, (h, w)) in enumerate(sizes.items()):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        ramp = np.linspace(0, 255, w)[None, :, None] * np.ones((h, 1, 3)) / (i + 1)
        PIL.Image.fromarray(ramp.round().astype(np.uint8)).save(root / name)


def test_folder_of_class_folders(tmp_path: Path) -> None:
    _pictures(tmp_path, {"b/1.png": (20, 40), "a/x.PNG": (16, 16), "a/deep/y.jpg": (30, 20), "b/0.jpeg": (9, 9)})
    PIL.Image.fromarray(np.full((20, 20), 7, np.uint8)).save(tmp_path / "b" / "gray.png")  # one channel
    (tmp_path / "b" / "notes.txt").write_text("ignored")
    (tmp_path / ".hidden").mkdir()
    data = image_folder(tmp_path, 16)
    assert data.images.shape == (5, 3, 16, 16) and data.images.dtype == torch.uint8 and data.classes == 2
    assert data.labels.tolist() == [0, 0, 1, 1, 1]
    assert data.images[4].unique().tolist() == [7]
    swapped = image_folder(tmp_path, 16, classes=["b", "a"])
    assert swapped.labels.tolist() == [0, 0, 0, 1, 1] and torch.equal(swapped.images[3:], data.images[:2])


@pytest.mark.parametrize("fit", ["crop", "stretch"])
def test_resize_against_pillow(tmp_path: Path, fit: str) -> None:
    _pictures(tmp_path, {"a/wide.png": (40, 80)})
    picture = PIL.Image.open(tmp_path / "a" / "wide.png")
    bilinear = PIL.Image.Resampling.BILINEAR
    theirs = picture.resize((16 if fit == "stretch" else 32, 16), bilinear)
    if fit == "crop":
        theirs = theirs.crop((8, 0, 24, 16))
    ours = read_image(tmp_path / "a" / "wide.png", 16, fit).permute(1, 2, 0)
    assert (ours.int() - torch.from_numpy(np.asarray(theirs).copy()).int()).abs().max() <= 1


def test_folder_kept_in_a_mapped_file(tmp_path: Path) -> None:
    _pictures(tmp_path / "set", {"a/1.png": (20, 40), "b/2.png": (16, 16)})
    cache = tmp_path / "cache"
    plain = image_folder(tmp_path / "set", 8)
    first = image_folder(tmp_path / "set", 8, cache=cache)
    assert torch.equal(first.images, plain.images) and torch.equal(first.labels, plain.labels)
    (file,) = cache.iterdir()
    written = file.stat().st_mtime_ns
    again = image_folder(tmp_path / "set", 8, cache=cache)
    assert torch.equal(again.images, plain.images) and file.stat().st_mtime_ns == written
    again.images.zero_()  # the file is not touched
    assert torch.equal(image_folder(tmp_path / "set", 8, cache=cache).images, plain.images)
    _pictures(tmp_path / "set", {"a/3.png": (20, 40)})
    assert len(image_folder(tmp_path / "set", 8, cache=cache)) == 3
    (tmp_path / "set" / "a" / "4.png").write_bytes(b"broken")
    with pytest.raises(InputError, match="4.png is not a picture"):
        image_folder(tmp_path / "set", 8, cache=cache)
    assert len(list(cache.iterdir())) == 2  # nothing of the failed one


def test_bad_folders(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no folder of pictures at"):
        image_folder(tmp_path / "none", 8)
    with pytest.raises(InputError, match="holds no pictures"):
        image_folder(tmp_path, 8)
    (tmp_path / "a").mkdir()
    with pytest.raises(InputError, match="class 'a' of .* holds no pictures"):
        image_folder(tmp_path, 8)
    with pytest.raises(InputError, match="unknown class of .* 'z'; allowed: a"):
        image_folder(tmp_path, 8, classes=["z"])
    with pytest.raises(InputError, match="unknown fit 'pad'; allowed: crop, stretch"):
        image_folder(tmp_path, 8, fit="pad")


def test_flowers_train_on_the_test_split(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="flowers102 is not at .*flowers-102"):
        flowers(tmp_path)
    base = tmp_path / "flowers-102"
    _pictures(base / "jpg", {f"image_{i:05d}.jpg": (10 + i, 20) for i in range(1, 7)})
    scipy.io.savemat(base / "imagelabels.mat", {"labels": np.array([[1, 2, 3, 102, 5, 6]])})
    scipy.io.savemat(base / "setid.mat", {"trnid": [[1]], "valid": [[5, 2]], "tstid": [[3, 4, 6]]})
    made = {
        key: (name, hashlib.md5((base / name).read_bytes()).hexdigest() if (base / name).exists() else "")
        for key, (name, _) in torchvision.datasets.Flowers102._file_dict.items()
    }
    monkeypatch.setattr(torchvision.datasets.Flowers102, "_file_dict", made)
    train, test = flowers(tmp_path, 16)
    assert train.labels.tolist() == [2, 101, 5] and test.labels.tolist() == [4, 1] and train.classes == 102
    assert train.images.shape == (3, 3, 16, 16) and train.images.dtype == torch.uint8
    assert torch.equal(train.images[1], read_image(base / "jpg" / "image_00004.jpg", 16, "stretch"))


# ---- downloads, from a server on this machine


class _Server(http.server.ThreadingHTTPServer):
    """Serves `body` at /file with ranges; cuts the next transfers after the numbers of bytes in `cuts`."""

    def __init__(self, body: bytes, ranges: bool = True) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.body, self.ranges = body, ranges
        self.cuts: list[int] = []
        self.asked: list[str | None] = []
        self.errors: list[int] = []
        self.url = f"http://127.0.0.1:{self.server_port}/file"


class _Handler(http.server.BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        s, wanted = self.server, self.headers["Range"]
        s.asked.append(wanted)
        if s.errors or self.path != "/file":
            self.send_error(s.errors.pop(0) if s.errors else 404)
            return
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and s.ranges else 0
        if start >= len(s.body) > 0:
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(s.body) - 1}/{len(s.body)}")
        rest = s.body[start:]
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        self.wfile.write(rest[: s.cuts.pop(0)] if s.cuts else rest)
        self.close_connection = True

    def log_message(self, *args: object) -> None:
        pass


BODY = bytes(range(256)) * 20_000  # 5 MB
DIGEST = "sha256:" + hashlib.sha256(BODY).hexdigest()


@pytest.fixture
def server() -> Iterator[_Server]:
    s = _Server(BODY)
    threading.Thread(target=s.serve_forever, args=(0.01,), daemon=True).start()
    yield s
    s.shutdown()
    s.server_close()


def test_download_and_nothing_to_do_the_second_time(server: _Server, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    target = download(server.url, tmp_path / "new" / "file", DIGEST, progress=lambda a, b: seen.append((a, b)))
    assert target.read_bytes() == BODY and seen[-1] == (len(BODY), len(BODY)) and seen == sorted(seen)
    assert download(server.url, target, DIGEST) == target and len(server.asked) == 1
    assert [p.name for p in target.parent.iterdir()] == ["file"]


def test_broken_download_is_continued_within_a_call(server: _Server, tmp_path: Path) -> None:
    server.cuts = [1_000_000, 500_000]
    assert download(server.url, tmp_path / "file", DIGEST).read_bytes() == BODY
    assert server.asked == [None, "bytes=1000000-", "bytes=1500000-"]


def test_broken_download_is_continued_by_the_next_call(server: _Server, tmp_path: Path) -> None:
    server.cuts = [1_234_567]
    with pytest.raises(InputError, match="broke off after 1,234,567 bytes .*the same command continues"):
        download(server.url, tmp_path / "file", DIGEST, tries=1)
    assert not (tmp_path / "file").exists() and (tmp_path / "file.part").stat().st_size == 1_234_567
    assert download(server.url, tmp_path / "file", DIGEST).read_bytes() == BODY
    assert server.asked[1] == "bytes=1234567-" and not (tmp_path / "file.part").exists()


def test_a_server_without_ranges_starts_over(server: _Server, tmp_path: Path) -> None:
    server.ranges = False
    server.cuts = [1_000_000]
    assert download(server.url, tmp_path / "file", DIGEST).read_bytes() == BODY


def test_a_part_that_is_whole_needs_no_transfer(server: _Server, tmp_path: Path) -> None:
    (tmp_path / "file.part").write_bytes(BODY)
    assert download(server.url, tmp_path / "file", DIGEST).read_bytes() == BODY


@pytest.mark.parametrize("rest", [b"", b"of another file", BODY + b"too long"])
def test_wrong_checksum_leaves_nothing(server: _Server, tmp_path: Path, rest: bytes) -> None:
    digest = DIGEST if rest else "md5:" + "0" * 32
    if rest:
        (tmp_path / "file.part").write_bytes(rest)
    with pytest.raises(InputError, match="does not have the checksum"):
        download(server.url, tmp_path / "file", digest)
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_file_is_fetched_again(server: _Server, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"damaged")
    assert download(server.url, tmp_path / "file", DIGEST).read_bytes() == BODY


def test_address_that_does_not_answer(server: _Server, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="was not given: 404"):
        download(server.url + "/none", tmp_path / "file", DIGEST)
    assert len(server.asked) == 1  # no use in trying again
    server.errors = [503, 503]
    assert download(server.url, tmp_path / "file", DIGEST).read_bytes() == BODY
    with pytest.raises(InputError, match="broke off after 0 bytes"):
        download("http://127.0.0.1:1/file", tmp_path / "other", DIGEST, tries=2)
    (tmp_path / "in the way").write_text("")
    with pytest.raises(InputError, match="cannot be made"):
        download(server.url, tmp_path / "in the way" / "file", DIGEST)


def _tar(path: Path, *members: tuple[str, bytes | str]) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name, content in members:
            member = tarfile.TarInfo(name)
            if isinstance(content, str):  # a symbolic link
                member.type, member.linkname = tarfile.SYMTYPE, content
                tar.addfile(member)
            else:
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
    return path


def test_unpack(tmp_path: Path) -> None:
    archive = _tar(tmp_path / "a.tgz", ("set/one", b"1"), ("set/deep/two", b"2"))
    folder = unpack(archive, tmp_path / "root" / "set")
    assert (folder / "one").read_bytes() == b"1" and (folder / "deep" / "two").read_bytes() == b"2"
    assert [p.name for p in (tmp_path / "root").iterdir()] == ["set"]


@pytest.mark.parametrize(
    "bad", [("../out", b"x"), ("set/../../out", b"x"), ("/out", b"x"), ("set/link", "/etc"), ("set/l", "../../out")]
)
def test_members_outside_are_refused_and_nothing_is_left(tmp_path: Path, bad: tuple[str, bytes | str]) -> None:
    archive = _tar(tmp_path / "a.tgz", ("set/one", b"1"), bad)
    with pytest.raises(InputError, match="is refused"):
        unpack(archive, tmp_path / "root" / "set")
    assert list((tmp_path / "root").iterdir()) == [] and not (tmp_path / "out").exists()


def test_archives_that_are_not_what_they_should_be(tmp_path: Path) -> None:
    whole = _tar(tmp_path / "a.tgz", ("set/one", bytes(range(256)) * 4000)).read_bytes()
    (tmp_path / "cut.tgz").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.tgz").write_text("not an archive")
    for name in ("cut.tgz", "text.tgz"):
        with pytest.raises(InputError, match="could not be unpacked"):
            unpack(tmp_path / name, tmp_path / "root" / "set")
    with pytest.raises(InputError, match="does not hold the folder other/"):
        unpack(tmp_path / "a.tgz", tmp_path / "root" / "other")
    assert list((tmp_path / "root").iterdir()) == []


def test_get_downloads_unpacks_and_then_leaves_alone(
    server: _Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    server.body = _tar(tmp_path / "a.tgz", ("set/one", b"1")).read_bytes()
    digest = "md5:" + hashlib.md5(server.body).hexdigest()
    monkeypatch.setitem(FILES, "cifar10", (File(server.url, digest, "a.tgz", "set"),))
    said: list[str] = []
    for _ in range(2):
        assert get("cifar10", tmp_path / "root", say=said.append) == tmp_path / "root"
    assert len(server.asked) == 1 and [p.name for p in (tmp_path / "root").iterdir()] == ["set"]
    assert "cite Krizhevsky" in said[0] and "100 %" in capsys.readouterr().err
    with pytest.raises(InputError, match="unknown data set to download 'mnist'; allowed: cifar10"):
        get("mnist")


def test_official_files_are_those_that_torchvision_and_the_data_root_know() -> None:
    from torchvision.datasets import CIFAR10, CIFAR100, Flowers102, Imagenette

    for name, theirs in (("cifar10", CIFAR10), ("cifar100", CIFAR100)):
        assert (FILES[name][0].url, FILES[name][0].digest) == (theirs.url, f"md5:{theirs.tgz_md5}")
        assert FILES[name][0].unpacks == FOLDERS[name]
    prefix = Flowers102._download_url_prefix
    assert {(f.url, f.digest) for f in FILES["flowers102"]} == {
        (prefix + file, f"md5:{md5}") for file, md5 in Flowers102._file_dict.values()
    }
    url, md5 = Imagenette._ARCHIVES["160px"]
    assert [(f.url, f.digest) for f in FILES["imagenette"]] == [(url, f"md5:{md5}")]
    assert set(TERMS) == set(FILES) and all(f.url.startswith("https://") for fs in FILES.values() for f in fs)
    for f in FILES["cifar-10h"]:
        if (data_root() / f.path).exists():
            assert matches(data_root() / f.path, f.digest)


def test_bar_in_place_on_a_terminal_and_one_line_elsewhere() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    plain, terminal = io.StringIO(), Terminal()
    for stream in (plain, terminal):
        draw = bar("set.tgz", stream)
        for done in (0, 10, 1_000_000, 2_000_000, 2_000_000):
            draw(done, 2_000_000)
    assert plain.getvalue() == f"set.tgz [{'#' * 30}] 100 %  2.0 of 2.0 MB\n"
    assert terminal.getvalue().count("\r") == 3 and terminal.getvalue().endswith("MB\n")


# ---- folders, caches, links and disks as they are found


def test_hidden_files_and_folders_are_passed_over_at_every_depth(tmp_path: Path) -> None:
    _pictures(tmp_path, {"a/1.png": (8, 8), "a/deep/2.png": (8, 8), "b/3.png": (8, 8)})
    for hidden in (
        "a/.ipynb_checkpoints/1-checkpoint.png", "a/deep/.thumbs/t.png", "a/._1.png", "__MACOSX/a/1.png",
        "b/__MACOSX/1.png", "b/@eaDir/t.png", ".git/x.png",
    ):  # fmt: skip
        _pictures(tmp_path, {hidden: (8, 8)})
    data = image_folder(tmp_path, 8)
    assert data.labels.tolist() == [0, 0, 1] and data.classes == 2


def test_links_are_followed_but_not_in_a_circle(tmp_path: Path) -> None:
    _pictures(tmp_path, {"set/a/1.png": (8, 8), "else/2.png": (8, 8), "else/deep/3.png": (8, 8)})
    (tmp_path / "set/a/more").symlink_to(tmp_path / "else")
    (tmp_path / "set/a/4.png").symlink_to(tmp_path / "else/2.png")
    (tmp_path / "set/b").symlink_to(tmp_path / "else")
    (tmp_path / "else/back").symlink_to(tmp_path / "else")
    (tmp_path / "set/a/above").symlink_to(tmp_path / "set")
    assert image_folder(tmp_path / "set", 8).labels.tolist() == [0] * 4 + [1] * 2
    (tmp_path / "set/a/lost.png").symlink_to(tmp_path / "nowhere.png")
    with pytest.raises(InputError, match="lost.png is a link to .*nowhere.png, which is not there"):
        image_folder(tmp_path / "set", 8)


def test_folders_and_pipes_that_are_named_like_pictures(tmp_path: Path) -> None:
    _pictures(tmp_path, {"a/1.png": (8, 8), "a/folder.png/2.png": (8, 8)})
    os.mkfifo(tmp_path / "a" / "pipe.png")
    assert len(image_folder(tmp_path, 8)) == 2
    with pytest.raises(InputError, match="hold a name twice"):
        image_folder(tmp_path, 8, classes=["a", "a"])


def _halves(root: Path, train: str, val: str) -> Any:
    for half, names in (("train", train), ("val", val)):
        for name in names:
            _pictures(root / "pets" / half, {f"{name}/{i}.png": (8, 8) for i in range(6)})
    config = TrainConfig(dataset="folder:pets", held_out=3, image_size=8, batch_size=4)
    return load(config, str(root))


def test_classes_are_names_not_places_in_a_list(tmp_path: Path) -> None:
    assert _halves(tmp_path / "1", "abc", "cab").test.labels.tolist() == [0] * 6 + [1] * 6 + [2] * 6
    for i, (train, val, alone) in enumerate((("abc", "bcd", "'a', 'd'"), ("abc", "ab", "'c'"), ("ab", "abc", "'c'"))):
        with pytest.raises(InputError, match=f"and {alone} in one only; allowed: the same names"):
            _halves(tmp_path / f"other{i}", train, val)


def test_sixteen_bits_are_brought_to_eight(tmp_path: Path) -> None:
    ramp = np.linspace(0, 65535, 16 * 16).round().astype(np.uint16).reshape(16, 16)
    for name in ("grey.png", "grey.tiff"):
        PIL.Image.fromarray(ramp).save(tmp_path / name)
        ours = read_image(tmp_path / name, 16)
        assert torch.equal(ours, torch.from_numpy((ramp // 256).astype(np.uint8)).expand(3, 16, 16))
    PIL.Image.fromarray(np.linspace(0, 1, 256).reshape(16, 16).astype(np.float32)).save(tmp_path / "float.tiff")
    PIL.Image.fromarray(ramp.astype(np.int32) * 9).save(tmp_path / "wide.tiff")
    for name in ("float.tiff", "wide.tiff"):
        with pytest.raises(InputError, match=f"{name} has pixels .*allowed: 8 or 16 bits"):
            read_image(tmp_path / name, 16)
    PIL.Image.fromarray(ramp > 30000).save(tmp_path / "bits.png")
    assert read_image(tmp_path / "bits.png", 16).unique().tolist() == [0, 255]


def test_pictures_too_large_too_long_or_damaged_are_named(tmp_path: Path) -> None:
    file = io.BytesIO()
    PIL.Image.new("RGB", (8, 8)).save(file, "BMP")
    bomb = bytearray(file.getvalue())
    bomb[18:26] = (20_000).to_bytes(4, "little") * 2
    (tmp_path / "bomb.bmp").write_bytes(bomb)
    _pictures(tmp_path, {"long.png": (2, 500), "whole.png": (40, 40)})
    whole = (tmp_path / "whole.png").read_bytes()
    for name, content in {"empty.png": b"", "cut.png": whole[:60], "turned.png": whole[:20] + whole[60:]}.items():
        (tmp_path / name).write_bytes(content)
    for name in ("bomb.bmp", "empty.png", "cut.png", "turned.png", "none.png"):
        with pytest.raises(InputError, match=f"{name} is not a picture that can be read"):
            read_image(tmp_path / name, 8)
    with pytest.raises(InputError, match="long.png has sides 500 x 2; allowed: at most 200 to 1"):
        read_image(tmp_path / "long.png", 8)
    assert read_image(tmp_path / "whole.png", 1).shape == (3, 1, 1)


@pytest.mark.parametrize("damage", [b"", b"garbage", "cut", "shape"])
def test_a_damaged_cache_is_made_anew(tmp_path: Path, damage: bytes | str) -> None:
    _pictures(tmp_path / "set", {"a/1.png": (20, 40), "b/2.png": (16, 16)})
    first = image_folder(tmp_path / "set", 8, cache=tmp_path / "cache").images.clone()
    (file,) = (tmp_path / "cache").iterdir()
    if damage == "shape":
        np.save(file, np.zeros((1, 3, 8, 8), np.uint8))
    else:
        file.write_bytes(file.read_bytes()[:-50] if damage == "cut" else damage)  # type: ignore[arg-type]
    for _ in range(2):
        assert torch.equal(image_folder(tmp_path / "set", 8, cache=tmp_path / "cache").images, first)
    assert [p.name for p in (tmp_path / "cache").iterdir()] == [file.name]


def test_a_cache_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _pictures(tmp_path / "set", {"a/1.png": (20, 40), "b/2.png": (16, 16)})
    plain = image_folder(tmp_path / "set", 8).images
    (tmp_path / "no").write_text("a file where the folder should be")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    for _ in range(2):
        assert torch.equal(image_folder(tmp_path / "set", 8, cache=tmp_path / "no").images, plain)
    assert len(list((tmp_path / "home/ssllib/bytes").iterdir())) == 1
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "no"))
    with pytest.warns(UserWarning, match="kept in memory .*no cannot be written"):
        found = image_folder(tmp_path / "set", 8, cache=tmp_path / "no").images
    assert torch.equal(found, plain)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.warns(UserWarning, match="No space left on device"):
        found = image_folder(tmp_path / "set", 8, cache=tmp_path / "fresh").images
    assert torch.equal(found, plain) and list((tmp_path / "fresh").iterdir()) == []


def test_the_tilde_is_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert data_root("~/data") == tmp_path / "data"
    monkeypatch.setenv("SSLLIB_DATA", "~/other")
    assert data_root() == tmp_path / "other"
    with pytest.raises(InputError, match="no such home folder"):
        data_root("~nobody-of-this-name/data")
    with pytest.raises(InputError, match=f"cifar10 is not at {tmp_path}/here"):
        cifar("cifar10", "~/here")


def test_what_cannot_be_read_now_is_not_called_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cifar-10-batches-py").mkdir()

    def stale(*_: object, **__: object) -> None:
        raise OSError(116, "Stale file handle")

    monkeypatch.setattr(torchvision.datasets.CIFAR10, "__init__", stale)
    for root in (tmp_path, tmp_path / "cifar-10-batches-py"):  # the folder itself is known, too
        with pytest.raises(InputError, match=r"cannot be read now \(\[Errno 116\] Stale file handle\)$"):
            cifar("cifar10", root)


def test_a_disk_that_refuses_is_not_taken_for_the_net(
    server: _Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file.part").mkdir()  # stands where the part should go
    with pytest.raises(InputError, match="file.part cannot be written"):
        download(server.url, tmp_path / "file", DIGEST)
    assert len(server.asked) == 1
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match="cannot be made"):
        download(server.url, tmp_path / "folder", DIGEST)
    (tmp_path / "no").write_text("")
    archive = _tar(tmp_path / "a.tgz", ("set/one", b"1"))
    with pytest.raises(InputError, match="cannot be written .*set SSLLIB_DATA"):
        unpack(archive, tmp_path / "no" / "set")
    server.errors = [429, 408]
    assert download(server.url, tmp_path / "late", DIGEST).read_bytes() == BODY


def test_a_bar_on_a_stream_that_closes_or_lacks_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = io.StringIO()
    closed.close()
    ascii_only = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr("sys.stderr", None)
    for stream in (closed, ascii_only, None):
        draw = bar("größe", stream)
        for done in (1, 2):
            draw(done, 2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda d: balanced(d.labels, -8, 8), "count of images is -8"),
        (lambda d: balanced(d.labels, 8.0, 8), "count of images is 8.0"),
        (lambda d: balanced(d.labels, 8, 0), "classes is 0"),
        (lambda d: labelled(d.labels, 0.5, 4), "labels from 0 to 7; allowed: from 0 to 3"),
        (lambda d: list(batches(d, torch.arange(4), 0, "cpu")), "size of a batch is 0"),
        (lambda d: ImageSet(d.images, d.labels[:3], 8), "do not fit"),
        (lambda d: shapes(2.0), "number of images is 2.0"),
        (lambda d: annotate(d.labels, d.labels, torch.zeros(16), annotators=0), "annotators is 0"),
        (lambda d: noise_rate(d.labels, d.labels[:1]), "allowed: one shape"),
    ],
)
def test_sizes_and_types_that_are_refused(call: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        call(shapes(16))


def test_no_image_and_one() -> None:
    data = shapes(16)
    assert [len(x) for x in batches(data, torch.arange(0), 4, "cpu")] == [0]
    assert [len(x) for x in batches(data, torch.arange(9), 4, "cpu")] == [4, 4, 1]
    assert len(balanced(data.labels, 0, 8, last=True)) == 0
    votes = torch.tensor([[0, 0], [1, 0]])
    assert entropy(votes)[0].isnan() and float(entropy(votes)[1]) == 0


def test_a_count_that_does_not_fit_names_its_setting(tmp_path: Path) -> None:
    for name in "ab":
        for half in ("train", "val"):
            _pictures(tmp_path / "pets" / half, {f"{name}/{i}.png": (8, 8) for i in range(10)})
    folder = TrainConfig(dataset="folder:pets", held_out=5, image_size=8, batch_size=4)
    assert torch.bincount(load(folder, str(tmp_path)).held_out.labels).tolist() == [2, 2]  # in proportion, rounded
    for setting in ("held_out", "train_images", "test_images"):
        with pytest.raises(InputError, match=f"{setting} is 5000: 5000 images need 2500 of each class"):
            load(folder.replace(held_out=4).replace(**{setting: 5000}), str(tmp_path))
    with pytest.raises(InputError, match="test_images is 9: 9 images cannot be balanced over 2 classes"):
        load(folder.replace(held_out=4, test_images=9), str(tmp_path))
