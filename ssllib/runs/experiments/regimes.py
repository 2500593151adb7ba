"""Where the norms' effect is large or small: weight decays, imbalance, cut constants, batches, networks, ..."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ssllib.engine.data.imbalance import BASES
from ssllib.engine.train_config import PROTOCOLS, TrainConfig
from ssllib.runs.experiments.grid import Cell, Experiment, declare
from ssllib.runs.experiments.interventions import default_of, untrained, with_gradscale

SCALES = ("cpu", "gpu", "paper")
METHODS = ("simclr", "simsiam", "byol")
PAIR = ("simclr", "simsiam")
CUT = {"simclr": 3.0, "simsiam": 9.0, "byol": 9.0}
"""The papers' constant of the cut for each method."""


def enter(name: str, title: str, cells: Callable[[str], list[Cell]], scales: tuple[str, ...] = SCALES) -> None:
    """Declare an experiment by a function from a scale to its cells."""
    declare(Experiment(name, title, {scale: cells(scale) for scale in scales}))


def _until(config: TrainConfig, epochs: int) -> TrainConfig:
    """Stopped at `epochs` of the same schedule; a run that stops before is left as it is."""
    return config.replace(epochs=min(epochs, config.epochs))


# --- weight decay (2406.16468 Table 1; 2502.09252 Figure 5) ------------------------------------------------

DECAYS = {"0": 0.0, "1e-6": 1e-6, "5e-6": 5e-6, "1e-5": 1e-5, "5e-4": 5e-4, "5e-3": 5e-3, "5e-2": 5e-2}


def weight_decays(scale: str) -> list[Cell]:
    cells = []
    for method in METHODS:
        base = _until(default_of(method, scale), 256)
        chosen = {k: v for k, v in DECAYS.items() if method == "simclr" or k not in ("1e-6", "1e-5")}
        cells += [Cell(f"{method}-{name}", base.replace(weight_decay=value)) for name, value in chosen.items()]
        cells.append(Cell(f"{method}-0-gradscale", with_gradscale(base.replace(weight_decay=0.0))))
        cells.append(Cell(f"{method}-untrained", untrained(base)))
    simclr = _until(default_of("simclr", scale), 256)
    with_p1 = {decay: with_gradscale(simclr.replace(weight_decay=DECAYS[decay])) for decay in ("0", "5e-4")}
    cells.append(Cell("simclr-5e-4-gradscale", with_p1["5e-4"]))
    return [*cells, *(Cell(f"simclr-{d}-p0-schedule", c.replace(gradscale=0.0)) for d, c in with_p1.items())]


enter("weight-decay", "Weight decay from none to strong", weight_decays)

# --- imbalanced classes (2502.09252 Table 3, Figure 5) -----------------------------------------------------


def imbalanced_arms(scale: str, data: str) -> list[Cell]:
    cells = []
    for method in PAIR:
        base = default_of(method, scale, data)
        if data != "flowers":
            base = base.replace(imbalance=BASES[data]["text"], held_out=1000)
        cells += [
            Cell(f"{method}-default", base),
            Cell(f"{method}-cut", base.replace(cut=CUT[method])),
        ]
        if method == "simclr":
            cells.append(Cell("simclr-gradscale", with_gradscale(base)))
    return cells


for _data in ("cifar10", "cifar100", "flowers"):
    enter(
        f"imbalanced-{_data}",
        f"SimCLR and SimSiam on imbalanced classes, {_data}",
        lambda scale, data=_data: imbalanced_arms(scale, data),  # type: ignore[misc]
    )


def imbalanced_decays(scale: str) -> list[Cell]:
    chosen = {"simclr": ("0", "1e-5", "5e-2"), "simsiam": ("0", "5e-4", "5e-2")}
    cells = []
    for method, names in chosen.items():
        base = _until(default_of(method, scale), 256).replace(imbalance=BASES["cifar10"]["text"], held_out=1000)
        cells += [Cell(f"{method}-{name}", base.replace(weight_decay=DECAYS[name])) for name in names]
    return cells


enter("imbalanced-weight-decay", "Weight decay on imbalanced CIFAR-10", imbalanced_decays)

# --- Flowers-102 with as many images as its official training split (2406.16468 section 4) ------------------


def original_flowers() -> list[Cell]:
    """SimCLR and SimSiam on ten images a class; SimSiam's batch of 1024 would be more than all of them."""
    small: dict[str, dict[str, Any]] = {"simclr": {}, "simsiam": {"batch_size": 256, "micro_batch": 256, "lr": 0.05}}
    cells = []
    for method in PAIR:
        base = default_of(method, "paper", "flowers").replace(train_images=1020, **small[method])
        cells += [Cell(f"{method}-default", base), Cell(f"{method}-untrained", untrained(base))]
    return cells


declare(Experiment("original-flowers", "Flowers-102 with ten images a class", {"paper": original_flowers()}))

# --- constants of the cut (2406.16468 Figure 5, Tables 5 and 6; 2502.09252 Figure S4) ----------------------


CONSTANTS = {
    "c-third": 1 / 3, "c1": 1.0, "c1-5": 1.5, "c2": 2.0, "c3": 3.0, "c5": 5.0, "c9": 9.0, "c15": 15.0,
}  # fmt: skip


def cut_constants(scale: str, data: str = "cifar10", methods: tuple[str, ...] = METHODS) -> list[Cell]:
    return [
        Cell(f"{method}-{name}", default_of(method, scale, data).replace(weight_decay=5e-4, cut=c))
        for method in methods
        for name, c in CONSTANTS.items()
    ]


enter("cut-constant", "Cuts from a third to 15 at weight decay 5e-4", cut_constants)
enter(
    "cut-constant-cifar100",
    "Cuts from a third to 15 at weight decay 5e-4, CIFAR-100",
    lambda scale: cut_constants(scale, "cifar100", PAIR),
)


def cuts_by_decays(scale: str) -> list[Cell]:
    """SimCLR on CIFAR-100 and SimSiam on ImageNet-100, read at epoch 100; below paper scale SimSiam on CIFAR-100."""
    simclr = _until(default_of("simclr", scale, "cifar100"), 100)
    name, data = ("simsiam", "imagenet100") if scale == "paper" else ("simsiam-cifar100", "cifar100")
    simsiam = _until(default_of("simsiam", scale, data), 100)
    grids = (
        ("simclr", simclr, ("1e-8", "1e-6", "5e-6", "1e-5")),
        (name, simsiam, ("5e-5", "1e-4", "5e-4", "1e-3")),
    )
    return [
        Cell(f"{arm}-c{c}-{decay}", base.replace(cut=float(c), weight_decay=float(decay)))
        for arm, base, decays in grids
        for c in (1, 2, 4, 8)
        for decay in decays
    ]


enter("cut-by-weight-decay", "Cut constants by weight decays", cuts_by_decays)

# --- batch sizes (2502.09252 Table S2) ---------------------------------------------------------------------


def batch_sizes(scale: str) -> list[Cell]:
    base = default_of("simsiam", scale, "cifar100")
    cells = []
    for batch in (256, 512, 1024):
        config = base.replace(batch_size=batch, micro_batch=256, lr=0.05 * batch / 256)
        cells += [Cell(f"default-{batch}", config), Cell(f"cut-{batch}", config.replace(cut=9.0))]
    return cells


enter("batch-size", "SimSiam's batch sizes with and without the cut", batch_sizes)

# --- positive pairs in opposite halves (2406.16468 Table 2; 2502.09252 Table S1) ---------------------------


def opposite_halves(scale: str) -> list[Cell]:
    cells = []
    for method in METHODS:
        for data in ("cifar100",) if scale == "cpu" else ("cifar100", "imagenet100"):
            base = _until(default_of(method, scale, data), 100)
            cells.append(Cell(f"{method}-{data}", base))
            if method != "simclr" and data == "cifar100":
                cells.append(Cell(f"{method}-{data}-no-bn", base.replace(proj_norm=False)))
    return cells


enter("opposite-halves", "How many positive pairs lie in opposite halves", opposite_halves)

# --- the halves of InfoNCE (2502.09252 Figure 3, left) -----------------------------------------------------


def loss_halves(scale: str) -> list[Cell]:
    base = default_of("simclr", scale)
    halves = {"both": "info-nce", "attraction": "attraction", "repulsion": "repulsion"}
    return [Cell(name, base.replace(loss=loss)) for name, loss in halves.items()]


enter("loss-halves", "Attraction alone, repulsion alone, and both", loss_halves)

# --- the papers' settings against the released code's (2502.09252, its repository) --------------------------

NO_DIFFERENCE = {"simclr": "accumulation", "simsiam": "loss"}
"""What of the released code does not touch a method: SimCLR's batch is not accumulated, SimSiam's loss is printed."""


def protocols(scale: str) -> list[Cell]:
    """SimCLR and SimSiam with and without the cut: as printed, as released, and with each single difference."""
    cells = []
    for method in PAIR:
        base = default_of(method, scale)
        for protocol in PROTOCOLS:
            if protocol != f"released-{NO_DIFFERENCE[method]}":
                own = base.replace(protocol=protocol)
                cells.append(Cell(f"{method}-default-{protocol}", own))
                cells.append(Cell(f"{method}-cut-{protocol}", own.replace(cut=CUT[method])))
    return cells


enter("protocol", "The released code's differences from the text, one by one", protocols)

# --- other data than the network was trained on -------------------------------------------------------------


def transfer(scale: str) -> list[Cell]:
    """SimCLR and SimSiam with and without the cut on either CIFAR, asked about both."""
    measures = ("knn", "linear", "finetune", "transfer")
    cells = []
    for method in PAIR:
        for data in ("cifar10", "cifar100"):
            base = default_of(method, scale, data).replace(measures=measures, finetune_shares=(0.1,))
            base = base.replace(finetune_epochs=20 if scale == "cpu" else base.finetune_epochs)
            cells.append(Cell(f"{method}-{data}-default", base))
            cells.append(Cell(f"{method}-{data}-cut", base.replace(cut=CUT[method])))
    return cells


enter("transfer", "What the representations are worth on the other CIFAR", transfer)

# --- batch norm in the heads --------------------------------------------------------------------------------


def batch_norm(scale: str) -> list[Cell]:
    """SimSiam and BYOL with and without batch norm in their heads, each with and without the cut."""
    cells = []
    for method in ("simsiam", "byol"):
        for name, norm in (("bn", True), ("no-bn", False)):
            base = default_of(method, scale).replace(proj_norm=norm)
            cells.append(Cell(f"{method}-{name}-default", base))
            cells.append(Cell(f"{method}-{name}-cut", base.replace(cut=CUT[method])))
    return cells


enter("batch-norm", "Batch norm in the heads, with and without the cut", batch_norm)

# --- the best cut for other networks ------------------------------------------------------------------------

NETWORKS: dict[str, dict[str, dict[str, Any]]] = {
    "cpu": {"small": {}, "small-w32": {"width": 32}, "mini": {"backbone": "mini", "width": 16}},
    "gpu": {"resnet18": {}, "resnet50": {"backbone": "resnet50"}},
    "paper": {"resnet50": {}, "resnet18": {"backbone": "resnet18"}},
}


def best_cuts(scale: str) -> list[Cell]:
    """SimCLR and SimSiam on networks of several sizes, cut by 1, 3 and 9."""
    return [
        Cell(f"{method}-{name}-c{c}", default_of(method, scale).replace(**changes, cut=float(c)))
        for method in PAIR
        for name, changes in NETWORKS[scale].items()
        for c in (1, 3, 9)
    ]


enter("best-cut", "Whether the best cut depends on the network", best_cuts)
