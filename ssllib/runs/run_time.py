"""How long a run will take here, from what like runs took: the speeds that records remember."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import dataclass, field

from ssllib.engine.config import RunConfig
from ssllib.engine.data import CLASSES, SIZES, side
from ssllib.engine.data.imbalance import exponential_counts
from ssllib.engine.train_config import TrainConfig
from ssllib.runs.provenance import device
from ssllib.runs.records import Record

Key = tuple[object, ...]


@dataclass
class Speeds:
    """Images/s of training, and seconds of all else, by what they depend on, as measured on one kind of device."""

    images: dict[Key, list[float]] = field(default_factory=dict)
    others: dict[Key, list[float]] = field(default_factory=dict)

    @classmethod
    def of(cls, records: Iterable[Record], where: str | None = None) -> Speeds:
        """What the records remember of the device `where` (default: this one)."""
        found, here = cls(), where or device()
        for r in records:
            known = r.provenance
            if r.kind != "training" or known.get("device") != here or "copy_of" in known:
                continue
            if not known.get("images_per_second"):  # no epoch
                continue
            config = TrainConfig.from_dict(r.config)
            found.images.setdefault(_step(config), []).append(float(known["images_per_second"]))
            if "other_seconds" in known:
                found.others.setdefault(_rest(config), []).append(float(known["other_seconds"]))
        return found

    def seconds(self, config: RunConfig) -> float | None:
        """Expected seconds of one training; None where no like run was measured, and for other kinds of run.

        Like is a run of the same method on the same network and size of image; what goes into evaluations and
        measures is taken from one that has the same of them, or, where none has, from any like run.
        """
        if not isinstance(config, TrainConfig) or config.dataset not in SIZES or _step(config) not in self.images:
            return None
        training = config.epochs * images(config)[0] / statistics.median(self.images[_step(config)])
        like = self.others.get(_rest(config)) or [
            x for key, values in self.others.items() if key[: len(_step(config))] == _step(config) for x in values
        ]
        return training + (statistics.median(like) if like else 0.0)


def _step(c: TrainConfig) -> Key:
    """What the time of a step an image depends on."""
    return (
        c.method, c.backbone, c.width, side(c), c.precision, c.micro_batch or c.batch_size, c.proj_layers,
        c.proj_hidden, c.proj_dim, c.pred_hidden, c.proj_norm, c.local_crops,
    )  # fmt: skip


def _rest(c: TrainConfig) -> Key:
    """What the time of evaluations and measures depends on, beyond that."""
    evaluations = c.epochs.bit_length() if c.evaluate_at == "powers of two" else c.epochs
    return (*_step(c), c.dataset, c.imbalance, c.train_images, c.measures, c.finetune_epochs, evaluations)


def images(config: TrainConfig) -> tuple[int, int, int]:
    """Training, held-out and test images of a configuration on one of the sets in `datasets.SIZES`."""
    whole, test = SIZES[config.dataset]
    train = config.train_images or whole - (0 if config.dataset == "shapes" else config.held_out)
    if config.imbalance:
        classes = CLASSES[config.dataset]
        train = sum(exponential_counts(whole // classes, config.imbalance, classes))
    return train, config.held_out, config.test_images or test
