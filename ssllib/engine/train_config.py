"""The configuration of a self-supervised training: every setting with its default, its range and what it goes with."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar

from ssllib.engine.config import RunConfig, register
from ssllib.errors import InputError, in_range, one_of

METHODS = ("simclr", "simsiam", "byol", "moco-v2", "moco-v3", "dino")
DATASETS = ("shapes", "cifar10", "cifar100", "flowers102", "imagenette", "imagenet100")
"""Besides `folder:NAME`, the class folders in `NAME/train` and `NAME/val` below the data root."""
BACKBONES = (
    "mini", "tiny", "small", "resnet18", "resnet50", "resnet18-large", "resnet50-large", "vit-mini", "vit-small",
)  # fmt: skip
DIFFERENCES = ("rate", "loss", "accumulation", "augmentation", "bank")
PROTOCOLS = {"text": frozenset[str](), "released": frozenset(DIFFERENCES)} | {
    f"released-{name}": frozenset({name}) for name in DIFFERENCES
}
"""Where the code released with 2502.09252 departs from its text, all at once or one by one.

rate: the schedule's value multiplies the rate instead of being it (a peak of lr^2), down to 1e-3 instead of 0,
    and its cosine is drawn from the first step on, so that it drops where the warm-up ends.
loss: SimCLR's is `losses.info_nce_released`, and each view has a pass of its own through batch norm.
accumulation: micro-batches' gradients are added, not averaged, and the schedule counts micro-batches but moves
    on once a step: stretched by their number.
augmentation: each colour operation has its own coin (p = 0.8), in a fixed order.
bank: k-NN with one augmented view of each training image as the bank is measured, too.
"""
OPTIMIZERS = ("sgd", "adamw")
LOSSES = ("info-nce", "attraction", "repulsion", "dcl", "vicreg", "barlow-twins", "triplet", "none")
MEASURES = (
    "knn", "linear", "finetune", "finetune-frozen", "spread", "confidence", "people", "samples", "transfer", "plane",
)  # fmt: skip
CUTS = ("all", "weights", "last", "all-but-last")
"""What the cut divides; see `ssllib.cut_init`."""
EVALUATE_AT = ("each epoch", "powers of two")


def _later(default: Any) -> Any:
    """A field that records made before it do not have; see `RunConfig.identity`."""
    return dataclasses.field(default=default, metadata={"later": True})


@register("training")
@dataclass(frozen=True)
class TrainConfig(RunConfig):
    """One self-supervised training, evaluated on the way (defaults: 2502.09252 C.1 for SimCLR)."""

    runner: ClassVar[str] = "ssllib.engine.loop:train"
    revision: ClassVar[int] = 2  # 2: k-NN and effective rank in fp32 also under bf16

    method: str = "simclr"
    protocol: str = "text"  # where a paper's text and its released code differ

    dataset: str = "cifar10"
    train_images: int = 0  # class-balanced subset of the training part; 0 = all
    held_out: int = 5000  # training images kept for selection and for the history's k-NN
    test_images: int = 0  # class-balanced subset of the test set; 0 = all

    backbone: str = "resnet18"
    width: int = 64  # channels of the first stage
    proj_hidden: int = 512
    proj_dim: int = 256
    proj_norm: bool = True  # batch norm in the head's hidden layer

    temperature: float = 0.5  # not in the papers' Eq. 1; 0.5 in the released code
    batch_size: int = 256
    epochs: int = 100  # where the run stops
    schedule_epochs: int = 500  # what the schedule is drawn for
    warmup_epochs: float = 10.0
    lr: float = 0.3  # SimCLR: 0.3 x batch / 256
    momentum: float = 0.9
    weight_decay: float = 1e-6

    cut: float = 1.0  # divide the parameters by this at the start (2502.09252 Listing 1)
    cut_which: str = "all"
    gradscale: float = 0.0  # power p of GradScale (2502.09252 Listing 2)

    crop_min: float = 0.08  # smallest area of the random crop
    jitter: float = 0.5  # strength s of SimCLR's colour jitter
    gray: float = 0.2

    precision: str = "fp32"
    knn_k: int = 200
    knn_temperature: float = 0.1

    optimizer: str = _later("sgd")  # with adamw, `momentum` is its first beta
    micro_batch: int = _later(0)  # images per forward pass, gradients averaged over the batch; 0 = all at once
    patch: int = _later(4)  # side of a vision transformer's patches, in pixels
    proj_layers: int = _later(2)  # linear layers of the projector; 0 = none (SimCLR): the loss sees the backbone
    pred_hidden: int = _later(512)  # SimSiam, BYOL, MoCo v3
    target_momentum: float = _later(0.996)  # BYOL, MoCo v3, DINO: where its rise to 1 starts; MoCo v2: constant
    queue: int = _later(4096)  # MoCo v2: keys kept
    prototypes: int = _later(4096)  # DINO: outputs
    teacher_temperature: float = _later(0.04)  # DINO; `temperature` is the student's
    center_momentum: float = _later(0.9)  # DINO
    local_crops: int = _later(0)  # DINO: small crops an image that the student alone sees
    local_min: float = _later(0.05)  # their smallest and largest area
    local_max: float = _later(0.4)
    local_size: int = _later(16)  # their side, in pixels
    nesterov: bool = _later(False)  # SimSiam in the released code
    imbalance: float = _later(0.0)  # base of the exponential class sizes; 0 = as the set is
    image_size: int = _later(0)  # pixels; 0 = 32 for shapes and CIFAR, 128 for the others (as released)
    loss: str = _later("info-nce")  # SimCLR's two branches under another loss
    anchor_weight: float = _later(0.0)  # of CLOA's orthonormal anchors (SimCLR)
    label_share: float = _later(0.1)  # labels that the anchors may use
    measures: tuple[str, ...] = _later(())  # what else is measured; see `ssllib.engine.evaluation.at_the_end`
    finetune_epochs: int = _later(100)  # 2403.18699, section 5
    finetune_shares: tuple[float, ...] = _later((0.1, 0.5, 1.0))  # of the labels
    evaluate_at: str = _later("each epoch")  # or at 0, 1, 2, 4, ..., each 100th and the last
    # Weights that feed a batch norm alone: their rate times this, their weight decay over it (decay per step stays)
    rate_before_norm: float = _later(1.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        one_of("method", self.method, METHODS)
        one_of("protocol", self.protocol, PROTOCOLS)
        if not self.dataset.startswith("folder:"):
            one_of("data set", self.dataset, (*DATASETS, "folder:NAME"))
        one_of("backbone", self.backbone, BACKBONES)
        one_of("cut_which", self.cut_which, CUTS)
        one_of("precision", self.precision, ("fp32", "bf16"))
        one_of("optimizer", self.optimizer, OPTIMIZERS)
        one_of("loss", self.loss, LOSSES)
        one_of("evaluate_at", self.evaluate_at, EVALUATE_AT)
        if not isinstance(self.measures, tuple):
            raise InputError(f"measures is {self.measures!r}; allowed: a tuple of {', '.join(MEASURES)}")
        for name in self.measures:
            one_of("measure", name, MEASURES)
        for name, low, high, open_low in _RANGES:
            in_range(name, getattr(self, name), low, high, open_low=open_low)
        if self.epochs > self.schedule_epochs:
            raise InputError(
                f"epochs is {self.epochs} but the schedule is drawn for schedule_epochs = "
                f"{self.schedule_epochs}; allowed: epochs <= schedule_epochs"
            )
        if self.warmup_epochs > self.schedule_epochs:
            raise InputError(
                f"warmup_epochs is {self.warmup_epochs:g}; allowed: at most schedule_epochs = {self.schedule_epochs}"
            )
        if self.micro_batch == 1 or (self.micro_batch and self.batch_size % self.micro_batch):
            raise InputError(
                f"micro_batch is {self.micro_batch}; allowed: 0 or a divisor, at least 2, of batch_size = "
                f"{self.batch_size}"
            )  # one image has neither a negative nor a variance
        if self.local_min > self.local_max:
            raise InputError(f"local_min is {self.local_min:g}; allowed: at most local_max = {self.local_max:g}")
        self._check_combinations()

    def _check_combinations(self) -> None:
        """Settings that only go together, so that none is dead."""
        if self.protocol != "text" and self.method not in ("simclr", "simsiam"):
            raise InputError(
                f"protocol {self.protocol!r} with method {self.method!r}: the released code trains simclr and "
                "simsiam (its BYOL crashes); allowed: protocol 'text'"
            )
        if self.method != "simclr" and (self.loss != "info-nce" or self.anchor_weight):
            raise InputError(
                f"loss and anchor_weight with method {self.method!r}, which has its own loss; allowed: method 'simclr'"
            )
        if self.loss == "none" and not self.anchor_weight:
            raise InputError("loss 'none' leaves nothing to learn from; allowed: with anchor_weight over 0")
        if self.imbalance and self.dataset not in ("cifar10", "cifar100", "shapes"):
            raise InputError(f"imbalance with {self.dataset}; allowed: with the balanced cifar10, cifar100 and shapes")
        if self.imbalance and self.train_images:
            raise InputError("imbalance decides how many training images there are; allowed: train_images = 0")
        if self.image_size and self.dataset == "shapes":
            raise InputError("image_size with shapes, which is 32 x 32; allowed: 0")
        if self.proj_layers == 0 and self.method != "simclr":
            raise InputError(f"proj_layers is 0 with method {self.method!r}; allowed: at least 1, or method 'simclr'")
        if self.local_crops and self.method != "dino":
            raise InputError(f"local_crops is {self.local_crops}; allowed for {self.method}: 0 (only DINO has them)")
        for share in self.finetune_shares:
            in_range("one of finetune_shares", share, 0, 1, open_low=True)
        for name in ("confidence", "people"):
            if name in self.measures and self.dataset not in ("cifar10", "cifar100", "shapes"):
                raise InputError(f"measure {name!r} with {self.dataset}; allowed: with cifar10, cifar100 and shapes")
        if "transfer" in self.measures and self.dataset not in ("cifar10", "cifar100"):
            raise InputError(f"measure 'transfer' with {self.dataset}; allowed: with cifar10 and cifar100")
        if "plane" in self.measures and self.proj_dim != 2:
            raise InputError(f"measure 'plane' with proj_dim = {self.proj_dim}; allowed: 2")

    def course(self) -> str:
        """The identity of the training without where it stops and what is measured after it.

        Two runs of one course share weights and history as far as both go: the schedule is drawn for
        `schedule_epochs`, and only the measures `knn` and `plane` add to the history.
        """
        seen = tuple(m for m in ("knn", "plane") if m in self.measures)
        fields = {f.name: f.default for f in dataclasses.fields(self) if f.name.startswith("finetune")}
        return self.replace(epochs=self.schedule_epochs, measures=seen, **fields).identity()

    def released(self, difference: str) -> bool:
        """Whether this run follows the released code in one of `DIFFERENCES`."""
        return difference in PROTOCOLS[self.protocol]


_RANGES = (
    ("train_images", 0, 10**7, False),
    ("held_out", 0, 10**6, False),
    ("test_images", 0, 10**6, False),
    ("width", 1, 1024, False),
    ("proj_hidden", 1, 2**16, False),
    ("proj_dim", 1, 2**16, False),
    ("temperature", 0, 100, True),
    ("batch_size", 2, 2**16, False),
    ("epochs", 0, 10**5, False),
    ("schedule_epochs", 1, 10**5, False),
    ("warmup_epochs", 0, 10**5, False),
    ("lr", 0, 1e4, True),
    ("momentum", 0, 0.9999, False),
    ("weight_decay", 0, 10, False),
    ("cut", 0, 1e6, True),
    ("gradscale", 0, 4, False),
    ("crop_min", 0, 1, True),
    ("jitter", 0, 2, False),
    ("gray", 0, 1, False),
    ("knn_k", 1, 10**5, False),
    ("knn_temperature", 0, 100, True),
    ("micro_batch", 0, 2**16, False),
    ("patch", 1, 1024, False),
    ("proj_layers", 0, 10, False),
    ("pred_hidden", 1, 2**16, False),
    ("target_momentum", 0, 1, False),
    ("queue", 1, 2**20, False),
    ("prototypes", 2, 2**20, False),
    ("teacher_temperature", 0, 100, True),
    ("center_momentum", 0, 1, False),
    ("local_crops", 0, 64, False),
    ("local_min", 0, 1, True),
    ("local_max", 0, 1, True),
    ("local_size", 1, 4096, False),
    ("imbalance", 0, 100, False),
    ("image_size", 0, 4096, False),
    ("anchor_weight", 0, 1e6, False),
    ("finetune_epochs", 1, 10**5, False),
    ("label_share", 0, 1, True),
    ("rate_before_norm", 0, 1e6, True),
)
