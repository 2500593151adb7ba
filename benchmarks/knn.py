"""k-NN of 10,000 queries among 50,000 features of 512 dimensions, k = 200, weights exp(cos / 0.1)."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.timing import Options, Report, profiled, take_turns
from ssllib.engine.evaluation.knn import knn_predict

TEMPERATURE = 0.1


def features(n: int, d: int, classes: int, seed: int) -> tuple[Tensor, Tensor]:
    """Features (n, d) with labels (n,): a noisy centre for each class."""
    centres = torch.randn(classes, d, generator=torch.Generator().manual_seed(0))
    g = torch.Generator().manual_seed(seed)
    labels = torch.randint(classes, (n,), generator=g)
    return centres[labels] + 5 * torch.randn(n, d, generator=g), labels


def sklearn_predict(bank: Tensor, labels: Tensor, queries: Tensor, k: int) -> NDArray[np.int64]:
    """The same vote by scikit-learn's brute force."""
    from sklearn.neighbors import KNeighborsClassifier

    def votes(distances: NDArray) -> NDArray:
        return np.exp(-distances / TEMPERATURE)  # its distance is 1 - cos: equal up to a common factor

    classifier = KNeighborsClassifier(k, weights=votes, metric="cosine", algorithm="brute", n_jobs=1)
    return classifier.fit(bank.numpy(), labels.numpy()).predict(queries.numpy())


def measure(options: Options) -> Report:
    n, m, d, k = (2000, 500, 32, 20) if options.tiny else (50_000, 10_000, 512, 200)
    repeats = 1 if options.tiny else options.repeats or 3
    (bank, labels), (queries, _) = features(n, d, 10, seed=1), features(m, d, 10, seed=2)
    found: dict[str, NDArray] = {}

    def ours() -> float:
        found["ours"] = knn_predict(bank, labels, queries, k, TEMPERATURE).numpy()
        return m

    def sklearn() -> float:
        found["theirs"] = sklearn_predict(bank, labels, queries, k)
        return m

    across = F.normalize(bank, dim=1).T
    out = torch.empty(min(m, 2048), n)

    def product() -> float:
        for part in queries.split(len(out)):
            torch.mm(part, across, out=out[: len(part)])
        return m

    sides = {"ssllib": ours, "scikit-learn": sklearn, "matrix product": product}
    rates = take_turns(sides, repeats, warmup=0, processor_time=options.processor_time)
    same = float((found["ours"] == found["theirs"]).mean())
    return Report(
        title=f"k-NN, {n:,} x {m:,} x {d}",
        unit="queries/s",
        ours="ssllib",
        rates=rates,
        goal=("ssllib / matrix product", 0.9),
        settings={"bank": n, "queries": m, "dimensions": d, "k": k, "turns": repeats},
        notes=[
            f"Both predict the same label for {100 * same:.2f} % of the queries.",
            "The matrix product is the limit: the cosines alone, of 2,048 queries at a time.",
        ],
        profile=profiled(ours, 6),
    )
