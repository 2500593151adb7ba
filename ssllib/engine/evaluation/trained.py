"""A trained model with its data: what every measure at the end of a run starts from."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor

from ssllib.engine import data as datasets
from ssllib.engine.data import ImageSet, Splits
from ssllib.engine.evaluation import knn
from ssllib.engine.methods.method import Method
from ssllib.engine.step import autocast
from ssllib.engine.train_config import TrainConfig
from ssllib.engine.views import view

Features = dict[str, Tensor]
"""Features (n, d) of a set at each place: backbone, projector, and predictor where there is one."""


@dataclass
class Trained:
    """A trained model in evaluation mode with its data; features are computed once for each set."""

    model: Method
    splits: Splits
    config: TrainConfig
    root: str | None
    device: torch.device
    _features: dict[str, Features] = field(default_factory=dict)

    def features(self, name: str, data: ImageSet) -> Features:
        """Clean features of `data` at each place, on the device; `name` says which set it is."""
        if name not in self._features:
            with autocast(self.config, self.device):
                self._features[name] = knn.features(self.model.embed, data, device=self.device)
        return self._features[name]

    @property
    def train(self) -> Features:
        return self.features("train", self.splits.train)

    @property
    def test(self) -> Features:
        return self.features("test", self.splits.test)

    @property
    def place(self) -> str:
        """Where the loss acts: norms are the papers' there."""
        return self.model.embedding

    @cached_property
    def votes(self) -> Tensor:
        """The votes (n, classes) of k-NN (the configuration's own) on the test images."""
        k = min(self.config.knn_k, len(self.splits.train))
        bank, asked = self.train["backbone"], self.test["backbone"]
        return knn.knn_scores(bank, self.splits.train.labels, asked, k, self.config.knn_temperature)

    @property
    def right(self) -> Tensor:
        """Whether these votes name each test image rightly, (n,) bool."""
        return self.votes.argmax(dim=1) == self.splits.test.labels


def length(z: Tensor) -> Tensor:
    """Norms (n,) of embeddings (n, d)."""
    return torch.linalg.vector_norm(z.float(), dim=1)


@torch.no_grad()
def two_views(
    model: Method, data: ImageSet, config: TrainConfig, g: torch.Generator
) -> tuple[Features, Features]:
    """Features, at each place, of two random views of each image."""
    found: list[list[Features]] = [[], []]
    order = torch.arange(len(data), device=data.images.device)
    for images in datasets.batches(data, order, 512, g.device):
        for parts in found:
            seen = view(images, config, g)
            with autocast(config, seen.device):
                parts.append(model.embed(seen))
    one, two = ({place: torch.cat([p[place].float() for p in parts]) for place in parts[0]} for parts in found)
    return one, two
