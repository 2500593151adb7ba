"""Claims: sentences of the papers, each with a criterion that was declared before its first record.

`data/claims/README.md` says what the keys mean.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ssllib.errors import InputError, one_of
from ssllib.evidence import estimands
from ssllib.evidence.estimands import Estimand
from ssllib.paths import data_dir
from ssllib.runs.records import Record, Store

if TYPE_CHECKING:
    from ssllib.runs.jobs import Job

KINDS = ("proof", "simulation", "experiment", "arithmetic", "question")
PARTS = ("theory", "simulation", "training", "confidence", "anchors", "arithmetic", "question")
"""Each is a file in `data/claims/`."""
STANDS = ("stated", "implied", "ours")
WEIGHTS = ("slip", "repairable", "breaks")
QUANTIFIERS = ("each", "most", "often", "some")
_SILENT = ("paper_effect", "paper_source")  # parts of a cell that state no criterion


@dataclass(frozen=True)
class Claim:
    """One sentence of a paper that can be true or false."""

    id: str
    paper: list[str]
    place: str
    part: str
    ours: str
    kind: str
    page: str
    criterion: dict[str, Any]
    stands: str = "stated"
    quote: dict[str, str] = field(default_factory=dict)  # from a paper, or `notes`, to its words
    weight: str | None = None
    root: str | None = None
    note: str | None = None
    revised: list[dict[str, Any]] = field(default_factory=list)

    @property
    def cells(self) -> list[dict[str, Any]]:
        return self.criterion.get("cells", [])

    @property
    def quantifier(self) -> str:
        return self.criterion.get("quantifier", "each")

    @property
    def scales(self) -> tuple[str, ...]:
        """The scales at which it may be judged: all that settle anything, or those that its criterion names."""
        return tuple(self.criterion.get("scales", ("paper", "gpu", "cpu")))

    @cached_property
    def estimands(self) -> tuple[Estimand, ...]:
        """What it measures, a number for each seed; `InputError` on a name that is not declared."""
        return estimands.all_of(self.cells, self.criterion.get("experiment"), self.id)

    @property
    def experiments(self) -> list[str]:
        """The experiments whose records this claim is judged by."""
        return ["proofs"] if self.kind == "proof" else sorted(set().union(*(e.experiments for e in self.estimands)))

    @property
    def answers(self) -> list[str]:
        """The claims by whose verdicts a question is answered."""
        given = self.criterion.get("answered_by")
        return list(given.get("claims", [])) if isinstance(given, dict) else []

    def missing_arms(self) -> list[str]:
        """The experiments and arms, as `experiment/arm`, that it reads and that are not declared anywhere."""
        from ssllib.runs.experiments import EXPERIMENTS

        return sorted(
            f"{experiment}/{arm}"
            for estimand in self.estimands
            for experiment, arm in estimand.arms()
            if experiment not in EXPERIMENTS
            or not any(arm == cell.name for cells in EXPERIMENTS[experiment].scales.values() for cell in cells)
        )

    def fingerprint(self) -> str:
        """A hash of everything in the criterion that can change a verdict."""
        rule = {k: v for k, v in self.criterion.items() if k not in ("declared", "setting")}
        if "cells" in rule:
            rule["cells"] = [{k: v for k, v in c.items() if k not in _SILENT} for c in self.cells]
        text = json.dumps([self.kind, rule], sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def files() -> list[Path]:
    """The files of claims, in the order of the parts."""
    return [data_dir() / "claims" / f"{part}.yml" for part in PARTS]


def load() -> dict[str, Claim]:
    """All claims of `data/claims/`, by id, in the order of the parts."""
    return _load(tuple((path, path.stat().st_mtime_ns) for path in files()))


@lru_cache(maxsize=4)
def _load(stamped: tuple[tuple[Path, int], ...]) -> dict[str, Claim]:
    found: dict[str, Claim] = {}
    for path, _ in stamped:
        for c in read(path):
            if c.id in found:
                raise InputError(f"{path.name}: two claims are called {c.id}")
            found[c.id] = c
    for c in found.values():
        for other in (*filter(None, [c.root]), *c.answers):
            one_of(f"claim named by claim {c.id}", other, found)
    return found


def read(path: Path) -> list[Claim]:
    """The claims of one file; its name is their part."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        rows = yaml.load(path.read_text(encoding="utf-8"), Loader=loader)
        claims = [Claim(part=path.stem, **row) for row in rows]
    except (yaml.YAMLError, TypeError) as e:
        raise InputError(f"{path.name} cannot be read: {str(e).splitlines()[0]}") from e
    for c in claims:
        one_of(f"kind of claim {c.id}", c.kind, KINDS)
        one_of(f"part of claim {c.id}", c.part, PARTS)
        one_of(f"stands of claim {c.id}", c.stands, STANDS)
        one_of(f"quantifier of claim {c.id}", c.quantifier, QUANTIFIERS)
        for scale in c.scales:
            one_of(f"scale of claim {c.id}", scale, ("paper", "gpu", "cpu"))
        if c.weight is not None:
            one_of(f"weight of claim {c.id}", c.weight, WEIGHTS)
        _ = c.estimands  # names are checked
    return claims


def get(claim_id: str) -> Claim:
    """One claim; an unknown id is an `InputError`."""
    claims = load()
    if claim_id not in claims:
        raise InputError(f"unknown claim {claim_id!r}; `python -m ssllib status` lists all {len(claims)}")
    return claims[claim_id]


def criteria_of(job: Job) -> dict[str, str]:
    """The criteria, as hashes, of the claims that a run will be evidence for, as they stand now.

    None without PyYAML: the record then serves no claim.
    """
    from importlib.util import find_spec

    from ssllib.runs.experiments import EXPERIMENTS

    if find_spec("yaml") is None:
        return {}
    used = {job.experiment} | {
        e.name
        for e in EXPERIMENTS.values()
        for cell in e.scales.get(job.scale, [])
        if cell.declares(job.config)
    }
    return {c.id: c.fingerprint() for c in load().values() if used & set(c.experiments)}


def criterion_then(claim: Claim, r: Record) -> str | None:
    """The fingerprint that a claim's criterion had when a run began; None if it was not declared."""
    return (r.provenance.get("criteria") or {}).get(claim.id)


def stands(claim: Claim, then: str | None) -> bool:
    """Whether the criterion that stood then is today's, or was replaced by a dated `revised:` entry with its reason."""
    replaced = (str(r.get("was")) for r in claim.revised if r.get("date") and r.get("reason"))
    return then == claim.fingerprint() or str(then).lower() in replaced


def preregistration(claim: Claim, store: Store) -> str | None:
    """None, or why this claim's criterion was not declared before its first record.

    Each record carries the fingerprints of the criteria that stood when its run began. A later change needs
    an entry under `revised:` with `date`, `reason` and `was` (the fingerprint it replaces, or `none` for a
    claim that was written down after the records existed).
    """
    records = [r for name in claim.experiments for r in store.find(name)]
    if claim.kind == "proof":
        records = [r for r in records if r.cell == claim.criterion["check"]]
    if not records:
        return None
    first = min(records, key=lambda r: str(r.provenance.get("date", "")))
    then = criterion_then(claim, first)
    if stands(claim, then):
        return None
    what = "was declared after" if then is None else "was changed after"
    return f"the criterion of {claim.id} {what} its first record ({first.path}) without a dated `revised:` reason"
