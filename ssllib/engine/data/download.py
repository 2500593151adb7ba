"""Downloads from the official addresses: checked, continued where they broke off, unpacked safely."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import os
import shutil
import sys
import tarfile
import tempfile
import time
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TextIO

from ssllib.errors import InputError, one_of, reason
from ssllib.paths import data_root

Progress = Callable[[int, int], None]
"""Called with the bytes there are and the bytes there will be (0: unknown)."""

BLOCK = 1 << 20


@dataclass(frozen=True)
class File:
    """One official file: its address, checksum (`md5:...` or `sha256:...`) and place below the data root.

    `unpacks`: the folder, below the data root, that the tar archive holds; the archive is removed afterwards.
    """

    url: str
    digest: str
    path: str
    unpacks: str = ""


_CIFAR = "https://www.cs.toronto.edu/~kriz/"
_CIFAR_N = "https://raw.githubusercontent.com/UCSC-REAL/cifar-10-100n/49df7d8a69e355470c77c1c2f2424916325a394b/data/"
_CIFAR_10H = "https://raw.githubusercontent.com/jcpeterson/cifar-10h/48da312b193b82e6939ec20f23d1f09cbdd849c8/data/"
_FLOWERS = "https://www.robots.ox.ac.uk/~vgg/data/flowers/102/"
_IMAGENETTE = "https://s3.amazonaws.com/fast-ai-imageclas/"

FILES: dict[str, tuple[File, ...]] = {
    "cifar10": (
        File(_CIFAR + "cifar-10-python.tar.gz", "md5:c58f30108f718f92721af3b95e74349a", "cifar-10-python.tar.gz",
             "cifar-10-batches-py"),
    ),
    "cifar100": (
        File(_CIFAR + "cifar-100-python.tar.gz", "md5:eb9058c3a382ffc7106e4002c42a8d85", "cifar-100-python.tar.gz",
             "cifar-100-python"),
    ),
    "cifar-n": (
        File(_CIFAR_N + "CIFAR-10_human.pt",
             "sha256:873e69c39cb9b5e97fb6bae2d60bb59b38a5cbc31d2b868f7903dcb2b9dd2310", "cifar-n/CIFAR-10_human.pt"),
        File(_CIFAR_N + "CIFAR-100_human.pt",
             "sha256:bd2d80409754d420292d622e15e25248ba21e37d27429efac49c8da723f44394", "cifar-n/CIFAR-100_human.pt"),
    ),
    "cifar-10h": (
        File(_CIFAR_10H + "cifar10h-counts.npy",
             "sha256:9b36b4550349af56c79083356312eb4af856cc5fd3caf1f669d40b9d0bbb69ff",
             "cifar-10h/cifar10h-counts.npy"),
        File(_CIFAR_10H + "cifar10h-probs.npy",
             "sha256:436ae98620e00073f9d08585ac870573b588853e7af9f54eb1647408114af77d",
             "cifar-10h/cifar10h-probs.npy"),
    ),
    "flowers102": (
        File(_FLOWERS + "102flowers.tgz", "md5:52808999861908f626f3c1f4e79d11fa", "flowers-102/102flowers.tgz",
             "flowers-102/jpg"),
        File(_FLOWERS + "imagelabels.mat", "md5:e0620be6f572b9609742df49c70aed4d", "flowers-102/imagelabels.mat"),
        File(_FLOWERS + "setid.mat", "md5:a5357ecc9cb78c4bef273ce3793fc85c", "flowers-102/setid.mat"),
    ),
    "imagenette": (
        File(_IMAGENETTE + "imagenette2-160.tgz", "md5:e793b78cc4c9e9a4ccc0c1155377a412", "imagenette2-160.tgz",
             "imagenette2-160"),
    ),
}  # fmt: skip

TERMS = {
    "cifar10": "cite Krizhevsky 2009",
    "cifar100": "cite Krizhevsky 2009",
    "cifar-n": "CC BY-NC 4.0: non-commercial, cite Wei et al. 2022",
    "cifar-10h": "CC BY-NC-SA 4.0: non-commercial, cite Peterson et al. 2019",
    "flowers102": "for research; cite Nilsback and Zisserman 2008",
    "imagenette": "a subset of ImageNet, whose terms hold; by fast.ai",
}


def get(name: str, root: str | Path | None = None, *, say: Callable[[str], None] | None = None) -> Path:
    """Fetch what is missing of the set `name` into the data root, and return that folder.

    A set that is there is left alone; a broken download continues where it broke off.

    Raises:
        InputError: on an unknown name, an address that does not answer, or a wrong checksum.
    """
    one_of("data set to download", name, FILES)
    folder = data_root(root)
    if say:
        say(f"{name} into {folder} ({TERMS[name]})")
    for f in FILES[name]:
        if f.unpacks and (folder / f.unpacks).is_dir():
            continue
        archive = download(f.url, folder / f.path, f.digest, progress=bar(PurePosixPath(f.path).name) if say else None)
        if f.unpacks:
            unpack(archive, folder / f.unpacks)
            archive.unlink()
    if name == "cifar-n":
        from ssllib.engine.data.human_labels import convert_cifar_n

        convert_cifar_n(folder)
    return folder


def matches(path: Path, digest: str) -> bool:
    """Whether the file has the checksum `md5:...` or `sha256:...`."""
    kind, _, expected = digest.partition(":")
    with open(path, "rb") as f:
        return hashlib.file_digest(f, kind).hexdigest() == expected


def download(
    url: str, target: Path, digest: str, *, tries: int = 3, timeout: float = 30, progress: Progress | None = None
) -> Path:
    """Fetch `url` to `target`, which appears only when it is whole and its checksum is right.

    What has arrived is kept in `target` + `.part`; the next try, in this call or a later one, asks the server
    for the rest. A part with a wrong checksum is deleted.

    Raises:
        InputError: if the server does not give the file, the transfer breaks off `tries` times, the checksum is wrong,
            or the file cannot be written.
    """
    try:
        if target.exists() and matches(target, digest):
            return target
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise InputError(f"{target.parent} cannot be made ({e.strerror}); set SSLLIB_DATA to a folder that can") from e
    part = target.with_name(target.name + ".part")
    for left in reversed(range(tries)):
        try:
            _transfer(url, part, timeout, progress)
            break
        except (OSError, http.client.HTTPException) as e:  # URLError is an OSError
            if isinstance(e, urllib.error.HTTPError) and e.code < 500 and e.code not in (408, 429):
                raise InputError(f"{url} was not given: {e.code} {e.reason}") from e
            if left:
                time.sleep(0.2 * (tries - left))
                continue
            there = part.stat().st_size if part.exists() else 0
            raise InputError(
                f"{url} broke off after {there:,} bytes ({getattr(e, 'reason', None) or reason(e)}); "
                "the same command continues"
            ) from e
    if not matches(part, digest):
        part.unlink()
        raise InputError(f"{url} does not have the checksum {digest}; it was deleted, fetch it again")
    os.replace(part, target)
    return target


def _transfer(url: str, part: Path, timeout: float, progress: Progress | None) -> None:
    """Append to `part` what it lacks of `url`.

    Raises:
        InputError: if the disk refuses it.
        OSError, HTTPException: if the net does.
    """
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"User-Agent": "ssllib", "Accept-Encoding": "identity"})
    if have:
        request.add_header("Range", f"bytes={have}-")
    try:
        response = urllib.request.urlopen(request, timeout=timeout)
    except urllib.error.HTTPError as e:
        if e.code != 416 or not have:  # range not satisfiable: the part is whole, which its checksum will tell
            raise
        return
    with response:
        if response.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
            mode = "ab"
        else:
            mode, have = "wb", 0  # the server sends the whole file
        length = response.headers.get("Content-Length") or ""
        total = have + int(length) if length.isdecimal() else 0
        with _to_disk(part), open(part, mode) as f:
            while True:
                with _from_net():
                    block = response.read1(BLOCK)
                if not block:
                    break
                f.write(block)
                have += len(block)
                if progress:
                    progress(have, total)
    if have < total:
        raise OSError(f"{total - have:,} bytes are missing")


class _NetError(Exception):
    """What the net did while a file was open."""


@contextlib.contextmanager
def _from_net() -> Iterator[None]:
    try:
        yield
    except (OSError, http.client.HTTPException) as e:
        raise _NetError from e


@contextlib.contextmanager
def _to_disk(path: Path) -> Iterator[None]:
    try:
        yield
    except _NetError as e:
        assert e.__cause__ is not None
        raise e.__cause__ from None
    except OSError as e:
        raise InputError(f"{path} cannot be written ({reason(e)}); what has arrived is kept") from e


def unpack(archive: Path, folder: Path) -> Path:
    """Unpack a tar archive that holds the one folder `folder.name`, and move that to `folder`.

    Members that are not plain files or folders, or that would land outside, are refused, and nothing is left.

    Raises:
        InputError: on a refused member, a damaged archive, or one that does not hold the folder.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        room = Path(tempfile.mkdtemp(prefix=f".{folder.name}.unpacking", dir=folder.parent))
    except OSError as e:
        where = folder.parent
        raise InputError(f"{where} cannot be written ({reason(e)}); set SSLLIB_DATA to a folder that can") from e
    try:
        with tarfile.open(archive) as tar:
            tar.extraction_filter = getattr(tarfile, "data_filter", lambda member, path: member)
            for member in tar:
                name = PurePosixPath(member.name)
                if name.is_absolute() or ".." in name.parts or not (member.isfile() or member.isdir()):
                    raise InputError(
                        f"{archive} holds {member.name!r}, which is refused; allowed: files and folders inside it"
                    )
                tar.extract(member, room)
        if not (room / folder.name).is_dir():
            raise InputError(f"{archive} does not hold the folder {folder.name}/")
        os.replace(room / folder.name, folder)
    except (tarfile.TarError, zlib.error, EOFError, OSError, ValueError) as e:
        if isinstance(e, InputError):
            raise
        raise InputError(f"{archive} could not be unpacked ({reason(e)})") from e
    finally:
        shutil.rmtree(room, ignore_errors=True)
    return folder


def bar(title: str, stream: TextIO | None = None, width: int = 30) -> Progress:
    """A progress bar on standard error: drawn in place on a terminal, else one line at the end.

    A stream that is closed or cannot write it ends the drawing, not the download.
    """
    out: TextIO | None = sys.stderr if stream is None else stream
    shown = -1

    def draw(done: int, total: int) -> None:
        nonlocal out
        try:
            if out is not None:
                write(out, done, total)
        except (OSError, ValueError):  # a broken pipe; closed, or without the characters
            out = None

    def write(out: TextIO, done: int, total: int) -> None:
        nonlocal shown
        percent = 100 * done // total if total else 0
        ended = 0 < total <= done
        if percent == shown or not (out.isatty() or ended):
            return
        shown = percent
        full = "#" * (width * percent // 100)
        lead, end = ("\r", "\n" if ended else "") if out.isatty() else ("", "\n")
        out.write(f"{lead}{title} [{full:<{width}}] {percent:3d} %  {done / 1e6:,.1f} of {total / 1e6:,.1f} MB{end}")
        out.flush()

    return draw
