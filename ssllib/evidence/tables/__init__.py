"""What the papers say of their own tables, computed from the transcribed tables (`data/papers`).

A few sentences are about facts from elsewhere; these are in `data/papers/other.yml`, each with its source.

Each check in `CHECKS` decides one arithmetic claim of `data/claims/` as its criterion's `decides` says, by the
ordinary reading of the sentence; where its letter fails, the finding says so. No run is needed, and no torch.
"""

from __future__ import annotations

import hashlib
import random
from functools import lru_cache

from ssllib.evidence import papers
from ssllib.evidence.tables import cloa, compare, counts, cut_tables, elsewhere, norm_tables, same_setting
from ssllib.evidence.tables.compare import Check, Finding, Load
from ssllib.paths import data_dir

CHECKS: dict[str, Check] = {
    **cloa.CHECKS, **cut_tables.CHECKS, **norm_tables.CHECKS, **counts.CHECKS, **same_setting.CHECKS,
    **elsewhere.CHECKS,
}  # fmt: skip


def find(check: str) -> Finding | None:
    """What the check of that name finds in the papers as they are transcribed now; None when there is no such check."""
    return _find(check, _digest()) if check in CHECKS else None


def steady(draws: int, seed: int) -> dict[str, int]:
    """Each check: in how many draws it holds, or fails, as it does with the numbers as printed.

    In each of `draws` every printed number moves at random within its rounding (`tables.shaken`).
    """
    now = {check: run(papers.load).holds for check, run in CHECKS.items()}
    stands = dict.fromkeys(CHECKS, 0)
    draw = random.Random(seed)
    for _ in range(draws):
        load = compare.shaken(papers.load, draw)
        for check, run in CHECKS.items():
            stands[check] += run(load).holds == now[check]
    return stands


def _digest() -> str:
    total = hashlib.sha256()
    for path in sorted((data_dir() / "papers").glob("*.yml")):
        total.update(path.name.encode() + path.read_bytes())
    return total.hexdigest()


@lru_cache(maxsize=256)
def _find(check: str, digest: str) -> Finding:
    return CHECKS[check](_papers(digest))


@lru_cache(maxsize=1)
def _papers(digest: str) -> Load:
    """The papers as the files are now, whatever `papers.load` remembers."""
    names = [path.stem for path in (data_dir() / "papers").glob("*.yml")]
    return {name: papers.load.__wrapped__(name) for name in names}.__getitem__
