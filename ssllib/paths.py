"""Where things are: the project's data, the data root, and the stores of records."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from ssllib.errors import InputError


def cache_dir() -> Path:
    """The user's cache folder of this library, `$XDG_CACHE_HOME/ssllib` or `~/.cache/ssllib`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ssllib"


def project_dir() -> Path:
    """The checkout: `$SSLLIB_PROJECT`, else the folder above this package when it holds `data/claims/`."""
    given = os.environ.get("SSLLIB_PROJECT")
    root = Path(given) if given else Path(__file__).resolve().parent.parent
    if not (root / "data").is_dir():
        raise InputError(
            f"no project found at {root} (it needs a data/ folder); run inside a checkout of the book "
            "or set SSLLIB_PROJECT to one"
        )
    return root


def has_project() -> bool:
    """Whether this runs in, or is pointed to, a checkout; an installed package need not."""
    try:
        return bool(project_dir())
    except InputError:
        return False


def data_dir() -> Path:
    """The project's own data: papers, claims, committed records."""
    return project_dir() / "data"


def data_root(given: str | Path | None = None) -> Path:
    """Where image sets lie: the folder `given`, else `$SSLLIB_DATA`, else the cache folder; a leading `~` is the home.

    Raises:
        InputError: if `~` names a user that there is not.
    """
    root = Path(given or os.environ.get("SSLLIB_DATA") or cache_dir())
    try:
        return root.expanduser()
    except RuntimeError as e:
        raise InputError(f"data root {root}: no such home folder; allowed: a path, with ~ for your own") from e


BOOK_RECORDS = "SSLLIB_BOOK_RECORDS"


def project_records_dir() -> Path:
    """The records that are kept with the book, `data/records`."""
    return data_dir() / "records"


def other_records_dir() -> Path | None:
    """The folder whose records the book is to be built from instead of its own, `$SSLLIB_BOOK_RECORDS`; else None.

    Raises:
        InputError: if it is no folder, or named from the working folder, which differs from page to page.
    """
    given = os.environ.get(BOOK_RECORDS)
    if not given:
        return None
    if not Path(given).is_absolute() or not Path(given).is_dir():
        raise InputError(f"{BOOK_RECORDS} is {given!r}; allowed: the full path of a folder of records")
    return Path(given)


def use_records(folder: Path | None) -> None:
    """Let verdicts and pages, those that it runs too, be drawn from `folder` (None: the book's records)."""
    if folder is None:
        os.environ.pop(BOOK_RECORDS, None)
    else:
        os.environ[BOOK_RECORDS] = str(folder.resolve())


def user_records_dir() -> Path:
    """Where a user's own runs go: `$SSLLIB_RECORDS`, else a folder in the cache."""
    return Path(os.environ.get("SSLLIB_RECORDS") or cache_dir() / "records")


def smoke_dir() -> Path:
    """The ignored store of this machine's smoke runs, shared by all pages of a checkout."""
    try:
        return project_dir() / ".smoke"
    except InputError:
        return cache_dir() / "smoke"


def writable(what: str, folder: Path) -> Path:
    """`folder`, made where it was missing and tried by writing a file into it.

    Raises:
        InputError: if it is no folder, or none can be made there or written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError as e:
        raise InputError(f"{what} {folder} cannot be written ({e.strerror}); allowed: a folder you may write to") from e
