"""Where the norms' effect is large or small: weight decays, imbalance, cut constants, batches, loss halves."""

from __future__ import annotations

from collections.abc import Callable

from ssllib.datasets.imbalance import BASES
from ssllib.experiments.grid import Cell, Experiment, declare
from ssllib.experiments.training import default_of, with_gradscale
from ssllib.train_config import TrainConfig

SCALES = ("gpu", "paper")
METHODS = ("simclr", "simsiam", "byol")


def _enter(name: str, title: str, cells: Callable[[str], list[Cell]]) -> None:
    """Declare an experiment by a function from a scale to its cells."""
    declare(Experiment(name, title, {scale: cells(scale) for scale in SCALES}))


def _until(config: TrainConfig, epochs: int) -> TrainConfig:
    """Stopped at `epochs` of the same schedule; a run that stops before is left as it is."""
    return config.replace(epochs=min(epochs, config.epochs))


# --- weight decay (2406.16468 Table 1; 2502.09252 Figure 5) ------------------------------------------------

DECAYS = {"0": 0.0, "5e-6": 5e-6, "1e-5": 1e-5, "5e-4": 5e-4, "5e-3": 5e-3, "5e-2": 5e-2}


def weight_decays(scale: str) -> list[Cell]:
    cells = []
    for method in METHODS:
        base = _until(default_of(method, scale), 256)
        chosen = DECAYS if method == "simclr" else {k: v for k, v in DECAYS.items() if k != "1e-5"}
        cells += [Cell(f"{method}-{name}", base.replace(weight_decay=value)) for name, value in chosen.items()]
        if method != "simclr":
            cells.append(Cell(f"{method}-0-gradscale", with_gradscale(base.replace(weight_decay=0.0))))
    return cells


_enter("weight-decay", "Weight decay from none to strong", weight_decays)

# --- imbalanced classes (2502.09252 Table 3, Figure 5) -----------------------------------------------------


def imbalanced_arms(scale: str, data: str) -> list[Cell]:
    cells = []
    for method in ("simclr", "simsiam"):
        base = default_of(method, scale, data)
        if data != "flowers":
            base = base.replace(imbalance=BASES[data]["text"], held_out=1000)
        cells += [
            Cell(f"{method}-default", base),
            Cell(f"{method}-cut", base.replace(cut=3.0 if method == "simclr" else 9.0)),
        ]
        if method == "simclr":
            cells.append(Cell("simclr-gradscale", with_gradscale(base)))
    return cells


for _data in ("cifar10", "cifar100", "flowers"):
    _enter(
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


_enter("imbalanced-weight-decay", "Weight decay on imbalanced CIFAR-10", imbalanced_decays)

# --- constants of the cut (2406.16468 Figure 5, Tables 5 and 6; 2502.09252 Figure S4) ----------------------


def cut_constants(scale: str) -> list[Cell]:
    constants = {"c-third": 1 / 3, "c1": 1.0, "c3": 3.0, "c9": 9.0}
    return [
        Cell(f"{method}-{name}", default_of(method, scale).replace(weight_decay=5e-4, cut=c))
        for method in METHODS
        for name, c in constants.items()
    ]


_enter("cut-constant", "Cuts by a third, 1, 3 and 9 at weight decay 5e-4", cut_constants)


def cuts_by_decays(scale: str) -> list[Cell]:
    """SimCLR on CIFAR-100 and SimSiam on ImageNet-100, read at epoch 100."""
    simclr = default_of("simclr", scale, "cifar100").replace(epochs=100)
    simsiam = default_of("simsiam", scale, "imagenet100").replace(epochs=100)
    grids = (
        ("simclr", simclr, ("1e-8", "1e-6", "5e-6", "1e-5")),
        ("simsiam", simsiam, ("5e-5", "1e-4", "5e-4", "1e-3")),
    )
    return [
        Cell(f"{method}-c{c}-{decay}", base.replace(cut=float(c), weight_decay=float(decay)))
        for method, base, decays in grids
        for c in (1, 2, 4, 8)
        for decay in decays
    ]


_enter("cut-by-weight-decay", "Cut constants by weight decays", cuts_by_decays)

# --- batch sizes (2502.09252 Table S2) ---------------------------------------------------------------------


def batch_sizes(scale: str) -> list[Cell]:
    base = default_of("simsiam", scale, "cifar100")
    cells = []
    for batch in (256, 512, 1024):
        config = base.replace(batch_size=batch, micro_batch=256, lr=0.05 * batch / 256)
        cells += [Cell(f"default-{batch}", config), Cell(f"cut-{batch}", config.replace(cut=9.0))]
    return cells


_enter("batch-size", "SimSiam's batch sizes with and without the cut", batch_sizes)

# --- positive pairs in opposite halves (2406.16468 Table 2; 2502.09252 Table S1) ---------------------------


def opposite_halves(scale: str) -> list[Cell]:
    cells = []
    for method in METHODS:
        for data in ("cifar100", "imagenet100"):
            base = _until(default_of(method, scale, data), 100)
            cells.append(Cell(f"{method}-{data}", base))
            if method != "simclr" and data == "cifar100":
                cells.append(Cell(f"{method}-{data}-no-bn", base.replace(proj_norm=False)))
    return cells


_enter("opposite-halves", "How many positive pairs lie in opposite halves", opposite_halves)

# --- the halves of InfoNCE (2502.09252 Figure 3, left) -----------------------------------------------------


def loss_halves(scale: str) -> list[Cell]:
    base = default_of("simclr", scale)
    halves = {"both": "info-nce", "attraction": "attraction", "repulsion": "repulsion"}
    return [Cell(name, base.replace(loss=loss)) for name, loss in halves.items()]


_enter("loss-halves", "Attraction alone, repulsion alone, and both", loss_halves)
