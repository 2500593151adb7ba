"""`python -m benchmarks [NAME ...]`: measure, write `benchmarks/results/NAME.json`, update the README's table."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks import table
from benchmarks.timing import Options, Unavailable, Witness, record
from ssllib.errors import InputError, one_of


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit status (2 for bad input, with one line on standard error)."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(table.NAMES)} (default all)")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads, and DataLoader workers (default 2)")
    parser.add_argument("--repeats", type=int, default=0, help="turns of each side (default: 3 to 9)")
    parser.add_argument(
        "--processor-time", action="store_true", help="in place of wall time, for a busy machine; with --threads 1"
    )
    parser.add_argument("--peer", type=Path, help="gpu: a checkout of dkobak/simclr-cifar10")
    parser.add_argument("--into", type=Path, help="folder of the results; the README is then left alone")
    parser.add_argument("--tiny", action="store_true", help="see that everything works; nothing is kept but --into")
    args = parser.parse_args(argv)
    try:
        for name in args.names:
            one_of("benchmark", name, table.NAMES)
        if args.processor_time and (args.threads != 1 or "gpu" in (args.names or table.NAMES)):
            raise InputError("--processor-time goes with --threads 1, and not with gpu (threads wait by spinning)")
        options = Options(args.tiny, args.threads, args.repeats, args.processor_time, args.peer)
        for name in args.names or table.NAMES:
            _one(name, options, args.into or (None if args.tiny else table.RESULTS))
        if not args.tiny and args.into is None and table.update_readme(table.results()):
            print("README.md: table of benchmarks updated")
    except InputError as e:
        print(f"benchmarks: {e}", file=sys.stderr)
        return 2
    return 0


def _one(name: str, options: Options, folder: Path | None) -> None:
    """Measure one comparison, say what was found, and write it."""
    before = torch.get_num_threads()
    torch.set_num_threads(options.threads)
    witness = Witness()
    try:
        report = importlib.import_module(f"benchmarks.{name}").measure(options)
    except Unavailable as e:
        print(f"{name}: skipped ({e})", flush=True)
        return
    finally:
        torch.set_num_threads(before)
    result = record(name, report, witness, options)
    _say(result)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def _say(r: dict[str, Any]) -> None:
    print(f"{r['name']}: {r['title']} ({r['seconds']:g} s; {table.machine(r)})")
    for side, rate in r["rates"].items():
        spread = f"{table.number(rate['min'])} to {table.number(rate['max'])}"
        print(f"  {side:<40} {table.number(rate['median']):>9} {r['unit']}  ({spread})")
    for name, ratio in r["ratios"].items():
        goal = r["goal"] if r["goal"] and r["goal"]["ratio"] == name else None
        aim = f"  goal {goal['at least']:g} {table.judged(r)}" if goal else ""
        spread = f"{table.number(ratio['min'])} to {table.number(ratio['max'])}"
        print(f"  {name:<40} {table.number(ratio['median']):>9}  ({spread}){aim}")
    for side, why in r["skipped"].items():
        print(f"  {side}: skipped ({why})")
    for note in r["notes"]:
        print(f"  {note}")
    print("  time: " + ", ".join(f"{part} {share:g} %" for part, share in r["profile"]), flush=True)


if __name__ == "__main__":
    sys.exit(main())
