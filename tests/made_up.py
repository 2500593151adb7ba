"""Claims and records for tests of what is concluded from them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ssllib.engine.train_config import TrainConfig
from ssllib.evidence.claims import Claim
from ssllib.runs import records
from ssllib.runs.records import Record, Store

RULE: dict[str, Any] = {
    "declared": "2026-01-01", "experiment": "simclr-arms", "direction": ">", "smallest": 1.0, "unit": "k-NN points",
    "cells": [{
        "name": "all",
        "value": {"arm": "cut", "metric": "knn_test"},
        "minus": {"arm": "default", "metric": "knn_test"},
        "paper_effect": {"value": 79.6, "minus": 75.7},
    }],
}  # fmt: skip


def claim(kind: str = "experiment", revised: list | None = None, **rule: Any) -> Claim:
    return Claim(
        "made-up", ["2406.16468"], "Table 0", "training", "o", kind, "p/q", RULE | rule,
        quote={"2406.16468": "q"}, revised=revised or [],
    )  # fmt: skip


def store(
    folder: Path, scale: str, numbers: dict[str, list[float]], *, stamp: str | None = None, status: str = "finished",
    epochs: int = 2, experiment: str = "simclr-arms", **final: Any,
) -> Store:  # fmt: skip
    """A store with one record for each number: its k-NN accuracy, on the way half of it, and its norm at the end."""
    s = Store(folder)
    for arm, values in numbers.items():
        for seed, value in enumerate(values):
            config = TrainConfig(seed=seed, cut=3.0 if arm == "cut" else 1.0, epochs=epochs)
            ends = {"knn_test": value, "spearman_norm_correct": value} | final if status == "finished" else {}
            history = [
                {"epoch": e, "norm_projector": 2.0 if e == 0 else value, "knn_val": value / 2, "loss": 1.0}
                for e in range(epochs + 1)
            ]
            r = Record(
                "training", config.identity(), experiment, arm, scale, config.to_dict(), status, history, ends,
                {"date": f"2026-02-0{seed + 1}", "criteria": {"made-up": stamp} if stamp else {}},
            )  # fmt: skip
            records.write(s.path(scale, experiment, arm, seed, r.identity), r)
    return s
