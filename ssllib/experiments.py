"""The grids of runs, one short declaration per table or figure of the papers, at each scale."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ssllib.config import RunConfig, TrainConfig
from ssllib.errors import one_of
from ssllib.proofs import CHECKS, ProofConfig
from ssllib.simulation import PRINTED_ALPHAS, NormAndAngleConfig


@dataclass(frozen=True)
class Cell:
    """One configuration of a grid (its seed is replaced by each of `seeds`)."""

    name: str
    config: RunConfig
    seeds: tuple[int, ...] = (0, 1, 2)

    def configs(self) -> list[Any]:
        return [self.config.replace(seed=s) for s in self.seeds]


@dataclass(frozen=True)
class Experiment:
    """A named grid at each scale it is declared for."""

    name: str
    title: str
    scales: dict[str, list[Cell]] = field(default_factory=dict)

    def cells(self, scale: str) -> list[Cell]:
        one_of(f"scale of {self.name}", scale, self.scales)
        return self.scales[scale]

    def cell(self, scale: str, name: str) -> Cell:
        cells = {c.name: c for c in self.cells(scale)}
        one_of(f"cell of {self.name}", name, cells)
        return cells[name]


# --- SimCLR with the three interventions (2406.16468 Tables 1 and 3; 2502.09252 Table 2, Fig. 5) -----------

SMOKE = TrainConfig(
    dataset="shapes", train_images=1024, held_out=512, test_images=512, backbone="mini", width=16,
    proj_hidden=64, proj_dim=32, temperature=0.2, batch_size=64, epochs=6, schedule_epochs=6,
    warmup_epochs=0.12, lr=0.6, crop_min=0.5, jitter=0.6, gray=1.0, knn_k=50,
)  # fmt: skip

CPU = TrainConfig(
    dataset="cifar10", train_images=10_000, backbone="tiny", width=16, proj_hidden=64, proj_dim=128,
    proj_norm=False, batch_size=256, epochs=16, schedule_epochs=16, warmup_epochs=0.32,
)  # fmt: skip

GPU = TrainConfig(
    dataset="cifar10", backbone="resnet18", width=64, epochs=100, schedule_epochs=500, precision="bf16"
)

PAPER = TrainConfig(dataset="cifar10", backbone="resnet50", width=64, epochs=500, schedule_epochs=500)


def simclr_arms(base: TrainConfig) -> list[Cell]:
    """The default and the three ways of managing norms.

    GradScale has the paper's schedule: a sixth of the rate, and a fifth of the schedule (100 of 500 epochs)
    as warm-up; the others warm up over a fiftieth (10 of 500).
    """
    gradual = 0.2 * base.schedule_epochs
    return [
        Cell("default", base),
        Cell("weight-decay", base.replace(weight_decay=5e-4)),
        Cell("cut", base.replace(cut=3.0)),
        Cell("gradscale", base.replace(gradscale=1.0, lr=base.lr / 6, warmup_epochs=gradual)),
    ]


EXPERIMENTS: dict[str, Experiment] = {}


def declare(experiment: Experiment) -> Experiment:
    """Enter an experiment into the registry."""
    EXPERIMENTS[experiment.name] = experiment
    return experiment


declare(
    Experiment(
        "simclr-arms",
        "SimCLR with weight decay, cut-initialization and GradScale",
        {
            "smoke": [Cell(c.name, c.config, (0,)) for c in simclr_arms(SMOKE)],
            "cpu": simclr_arms(CPU),
            "gpu": simclr_arms(GPU),
            "paper": simclr_arms(PAPER),
        },
    )
)

# --- SimSiam and BYOL (2406.16468 Tables 1 and 3; 2502.09252 Table 2, Fig. 5, S4) ---------------------------
# Batch, rate and weight decay of both are 2502.09252's for SimSiam (C.1: 1024 images, 256 at a time; the rate is
# 0.05 x batch / 256), the heads each method's own. The small scales need more steps than SimCLR: smaller batches.

NON_CONTRASTIVE: dict[str, dict[str, Any]] = {
    "large": {"batch_size": 1024, "micro_batch": 256, "lr": 0.2, "weight_decay": 5e-4},
    "small": {"proj_norm": True, "proj_dim": 128, "weight_decay": 5e-4},
    "simsiam": {"proj_layers": 3, "proj_hidden": 2048, "proj_dim": 2048, "pred_hidden": 512},
    "byol": {"proj_hidden": 4096, "proj_dim": 256, "pred_hidden": 4096},
    "simsiam-small": {"proj_hidden": 128, "pred_hidden": 64, "lr": 0.1},
    "byol-small": {"proj_hidden": 256, "pred_hidden": 256, "lr": 0.2, "target_momentum": 0.95},
}


def non_contrastive(method: str) -> dict[str, TrainConfig]:
    """The default of `simsiam` or `byol` at each scale, on the data and with the backbone of SimCLR's."""
    small = NON_CONTRASTIVE["small"] | NON_CONTRASTIVE[f"{method}-small"] | {"method": method}
    large = NON_CONTRASTIVE["large"] | NON_CONTRASTIVE[method] | {"method": method}
    epochs = 10 if method == "simsiam" else 14
    smoke = SMOKE.replace(**small, batch_size=16, epochs=epochs, schedule_epochs=epochs)
    return {
        "smoke": smoke.replace(warmup_epochs=epochs / 50),
        "cpu": CPU.replace(**small, batch_size=64),
        "gpu": GPU.replace(**large),
        "paper": PAPER.replace(**large),
    }


def non_contrastive_arms(base: TrainConfig) -> list[Cell]:
    """The default, the cut with c = 9, and the weight decays below and above the default (5e-4)."""
    return [
        Cell("default", base),
        Cell("cut", base.replace(cut=9.0)),
        Cell("weight-decay", base.replace(weight_decay=5e-3)),
        Cell("no-weight-decay", base.replace(weight_decay=0.0)),
    ]


for _method, _name in (("simsiam", "SimSiam"), ("byol", "BYOL")):
    _bases = non_contrastive(_method)
    declare(
        Experiment(
            f"{_method}-arms",
            f"{_name} with cut-initialization and other weight decays",
            {
                scale: [Cell(c.name, c.config, (0,) if scale == "smoke" else c.seeds) for c in non_contrastive_arms(b)]
                for scale, b in _bases.items()
            },
        )
    )

# --- steps to convergence against norm and angle (2406.16468 Fig. 2; 2502.09252 Fig. 2a) -------------------


def norm_and_angle_arms(base: NormAndAngleConfig) -> list[Cell]:
    """What the notebook does, what the text says (and its other readings), and GradScale with p = 0, 1, 2."""
    ends = base.replace(alphas=(-0.96, 0.0))
    seeds = tuple(range(10))
    return [
        Cell("released", base.replace(first_step="dot"), seeds),
        Cell(
            "text",
            base.replace(moving="one", scaled="one", renormalise=False, alphas=(-1.0, *base.alphas)),
            seeds,
        ),
        *(Cell(f"p{p}", base.replace(power=float(p)), seeds) for p in (0, 1, 2)),
        Cell("text-both-move", ends.replace(scaled="one", renormalise=False), seeds),
        Cell("rate-per-pair", ends.replace(rate=base.rate * base.pairs), seeds),
    ]


declare(
    Experiment(
        "norm-and-angle",
        "Steps of gradient descent that align pairs of points, by norm and angle",
        {
            "smoke": [
                Cell(c.name, c.config, (0,))
                for c in norm_and_angle_arms(
                    NormAndAngleConfig(norms=(0.25, 0.5, 1.0, 2.0, 3.0, 4.0, 5.0), alphas=PRINTED_ALPHAS[::4])
                )
            ],
            "paper": norm_and_angle_arms(NormAndAngleConfig()),
        },
    )
)

# --- the machine checks of printed statements (2406.16468 and 2502.09252, section 3 and the appendices) ----

declare(
    Experiment(
        "proofs",
        "Machine checks of the papers' statements",
        {"paper": [Cell(name, ProofConfig(check=name), (0,)) for name in CHECKS]},
    )
)


def get(name: str) -> Experiment:
    """The experiment `name`; an unknown one is an `InputError` that lists what there is."""
    one_of("experiment", name, sorted(EXPERIMENTS))
    return EXPERIMENTS[name]
