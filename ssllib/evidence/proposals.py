"""Proposing records of one's own for the book: checked as a whole, then copied into `data/records`."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ssllib import paths
from ssllib.errors import InputError
from ssllib.evidence import beside, claims
from ssllib.runs import declared, records
from ssllib.runs.records import Record, Store


@dataclass
class Proposal:
    """What would be added, is there already, was passed over (of folders only), and is refused, each with a line."""

    added: list[tuple[Record, Path]] = field(default_factory=list)
    there: list[Path] = field(default_factory=list)
    passed: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


def propose(given: Iterable[Path], store: Store) -> Proposal:
    """Look at records, named one by one or by their folder, and at what they would be in `store`.

    Of a folder, smoke runs and interrupted ones are passed over; all else must be declared and whole.

    Raises:
        InputError: for a file or folder without records.
    """
    found, targets = Proposal(), dict[Path, Record]()
    for path in given:
        files = [path]
        if path.is_dir():
            files = [f for f in sorted(path.rglob("*.json")) if not _hidden(f.relative_to(path))]
            if not files:
                raise InputError(f"the folder {path} holds no records; allowed: a folder that `run` wrote to")
        elif not path.is_file():
            records.read(path)  # which says it
        for file in files:
            try:
                r = records.read(file)
                if path.is_dir() and (why := declared.passed_over(r)):
                    found.passed.append(why)
                    continue
                declared.check(r)
                _began_under_the_criteria(r)
                target = store.path(r.scale, r.experiment, r.cell, r.seed, r.identity)
                kept = records.read(target) if target.exists() else targets.get(target)
                if kept is not None and not kept.equals(r):
                    twice = "named twice" if target in targets else "there already"
                    raise InputError(
                        f"{target} is {twice}, with another result; allowed: a run that has no record yet"
                    )
            except InputError as e:
                found.refused.append(str(e))
                continue
            if target.exists():
                found.there.append(target)
            elif target not in targets:
                targets[target] = r
                found.added.append((r, target))
    return found


def _began_under_the_criteria(r: Record) -> None:
    """Raise `InputError` unless the criteria of the claims that a run serves stood when it began as they do now.

    A change with its dated reason (`revised:`) counts as the same: the book's own records may be as old.
    """
    for claim in claims.load().values():
        if r.experiment not in claim.experiments or claim.kind == "proof":
            continue
        then = claims.criterion_then(claim, r)
        if not claims.stands(claim, then):
            how = "without" if then is None else "under another"
            allowed = "allowed: runs that began when the criterion stood as it does"
            raise InputError(f"{r.path} began {how} criterion of {claim.id}; {allowed}")


def _hidden(inside: Path) -> bool:
    return any(part.startswith(".") for part in inside.parts)


def add(given: Sequence[Path], *, dry_run: bool = False, say: Callable[[str], None] = print) -> int:
    """Copy the records into the book's, all or none; says which, and which verdicts change by them. The exit status.

    Raises:
        InputError: if one of them is refused; it names the first, and how many more there are.
    """
    if not given:
        raise InputError(
            "records add needs the files or folders to add, for example ~/.cache/ssllib/records/cpu/simclr-arms"
        )
    store = records.project()
    found = propose(given, store)
    if found.refused:
        more = f" (and {len(found.refused) - 1} more)" if len(found.refused) > 1 else ""
        raise InputError(f"{found.refused[0]}{more}")
    root = paths.project_dir()
    for target in found.there[:3]:
        say(f"{target.relative_to(root)} is there already")
    if len(found.there) > 3:
        say(f"and {len(found.there) - 3} more")
    for why in sorted(set(found.passed)):
        say(f"passed over: {found.passed.count(why)} {why}")
    if found.added:
        joined = beside.Joined(store, [r for r, _ in found.added])
        moved = beside.changed(store, joined, {r.experiment for r, _ in found.added})
    if not dry_run and found.added:
        paths.writable("the project's folder of records", store.folder)
    for r, target in found.added:
        if not dry_run:
            _copy(r, target)
        say(f"{'would add' if dry_run else 'added'} {target.relative_to(root)}")
    if found.added:
        for claim, old, new in moved:
            say(f"verdict on {claim}: {old} -> {new}")
        say(f"{len(found.added)} records, {len(moved)} verdicts change; `make pages` draws the pages anew")
    return 0


def _copy(r: Record, target: Path) -> None:
    """Copy a record with its arrays, these first: a record that stands is whole."""
    assert r.path is not None
    target.parent.mkdir(parents=True, exist_ok=True)
    for suffix in (".npz", ".json"):
        file = r.path.with_suffix(suffix)
        if file.exists():
            part = target.with_name(f".{target.stem}{suffix}.part")
            shutil.copy2(file, part)
            part.replace(target.with_suffix(suffix))
