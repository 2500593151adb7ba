"""Where our runs depart from a paper's own setting: computed, each with its reason.

    >>> [d.setting for d in of("simclr-arms", "paper") if d.source == "2502.09252 Table 2"][:2]
    ['images', 'optimizer']

`SETTINGS` translates a configuration into the words of `data/papers/*.yml`, field by field.
`data/deviations.yml` says which cells stand for which table or figure, and gives the reasons. A deviation
without a reason and a reason without a deviation fail a test.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ssllib.engine.data import CLASSES, SIZES, side
from ssllib.engine.evaluation.probes import HEADS, FineTune
from ssllib.engine.train_config import TrainConfig
from ssllib.errors import InputError, one_of
from ssllib.evidence import papers
from ssllib.paths import data_dir
from ssllib.runs import experiments
from ssllib.runs.experiments.grid import Cell

SCALES = ("cpu", "gpu", "paper")
METHODS = {
    "simclr": "SimCLR", "simsiam": "SimSiam", "byol": "BYOL", "moco-v2": "MoCo v2", "moco-v3": "MoCo v3",
    "dino": "DINO",
}  # fmt: skip
DATA = {
    "cifar10": "CIFAR-10", "cifar100": "CIFAR-100", "imagenet100": "ImageNet-100", "imagenette": "Imagenette",
    "flowers102": "Flowers-102",
}  # fmt: skip
COPIES = {"folder:imagenette-64": "imagenette"}
"""Sets that are another one at a smaller size."""
STANDS_FOR = {"Imagenette": "ImageNet-100", "Flowers-102": "Modified Flowers"}
"""The paper's data set that another of ours stands for, where the paper has more than one."""
NETWORKS = {"resnet18": "ResNet-18", "resnet50": "ResNet-50", "vit-small": "ViT-S"}
LOSSES = {
    "info-nce": "InfoNCE", "dcl": "DCL", "barlow-twins": "Barlow Twins", "vicreg": "VICReg",
    "triplet": "triplet", "attraction": "attraction alone", "repulsion": "repulsion alone", "none": "the anchors alone",
}  # fmt: skip


# --- our settings in the papers' words ----------------------------------------------------------------------


@dataclass(frozen=True)
class Rate:
    """A peak rate, and the batch it goes with: papers print it alone or "per 256 images"."""

    lr: float
    batch: int

    def per_256(self) -> float:
        return self.lr * 256 / self.batch


@dataclass(frozen=True)
class Field:
    """How a setting is read off a configuration: the fields of `TrainConfig` it comes from, and the value.

    The value is None where the configuration has no such setting.
    """

    fields: tuple[str, ...]
    value: Callable[[TrainConfig], Any]


def _network(c: TrainConfig) -> str:
    name = c.backbone.removesuffix("-large")
    if name in NETWORKS:
        wide = "" if c.width == 64 or name.startswith("vit") else f", width {c.width}"
        return NETWORKS[name] + wide
    return f"{name} ResNet, width {c.width}"


def _stem(c: TrainConfig) -> str | None:
    from ssllib.engine.methods.backbones import STAGES

    if c.backbone.startswith("vit"):
        return None
    if c.backbone.endswith("-large"):
        return "7x7, stride 2, max-pool"
    _, _, size, stride = STAGES[c.backbone]
    return f"{size}x{size}, stride {stride}, no max-pool"


def _features(c: TrainConfig) -> int:
    from ssllib.engine.methods.backbones import STAGES

    blocks, bottleneck, _, _ = STAGES[c.backbone]
    return int(c.width * 2 ** (len(blocks) - 1) * (4 if bottleneck else 1))


def _set(c: TrainConfig) -> str:
    return COPIES.get(c.dataset, c.dataset)


def _data(c: TrainConfig) -> str:
    return DATA.get(_set(c), c.dataset.removeprefix("folder:")) + (" imbalanced" if c.imbalance else "")


def _first_class(c: TrainConfig) -> int:
    return SIZES[c.dataset][0] // CLASSES[c.dataset]


def _images(c: TrainConfig) -> int | None:
    """Images trained on; see `datasets.load` for how they are chosen."""
    from ssllib.engine.data.imbalance import exponential_counts

    if c.train_images:
        return c.train_images
    if _set(c) not in SIZES:
        return None
    if c.imbalance:
        first, classes = _first_class(c), CLASSES[c.dataset]
        room = first - c.held_out // classes
        return sum(min(n, room) for n in exponential_counts(first, c.imbalance, classes))
    return SIZES[_set(c)][0] - c.held_out


def _loss(c: TrainConfig) -> str | None:
    if c.method in ("simsiam", "byol"):
        return "negative cosine"
    if c.method != "simclr":
        return None
    if c.released("loss") and c.loss == "info-nce":
        return "one direction, cross-view pairs, without the positive below"
    return LOSSES[c.loss]


def _rate(c: TrainConfig) -> Rate | str:
    rate = Rate(c.lr, c.batch_size)
    return f"{_text(rate)}, applied as its square" if c.released("rate") else rate


def _jitter(c: TrainConfig) -> str:
    return f"{0.8 * c.jitter:g} (hue {0.2 * c.jitter:g})"


def _projector(value: Callable[[TrainConfig], Any]) -> Callable[[TrainConfig], Any]:
    return lambda c: value(c) if c.proj_layers else None


def _projector_width(c: TrainConfig) -> Any:
    if c.proj_layers < 2:
        return None
    same = not c.backbone.startswith("vit") and c.proj_hidden == _features(c)
    return "the backbone's" if same else c.proj_hidden


def _projector_norm(c: TrainConfig) -> str | None:
    if not c.proj_layers:
        return None
    if not c.proj_norm:
        return "none"
    last = c.method in ("simsiam", "moco-v3")  # see `models`
    return "behind each layer" if last else "behind the hidden layers"


def _measured(name: str, value: Callable[[TrainConfig], Any]) -> Callable[[TrainConfig], Any]:
    return lambda c: value(c) if any(m.startswith(name) for m in c.measures) else None


def _fine_tuned(c: TrainConfig) -> tuple[str, ...] | None:
    kinds = {"finetune": "the whole network", "finetune-frozen": "the classifier alone"}
    return tuple(text for name, text in kinds.items() if name in c.measures) or None


def _predictor_rate(c: TrainConfig) -> str | None:
    if c.method not in _WITH_PREDICTOR:
        return None
    return "constant" if c.method == "simsiam" else "as the others"  # `SimSiam.constant_rate`


def _human_labels(c: TrainConfig) -> str | None:
    known = {
        "cifar10": "the consensus of CIFAR-10-N; CIFAR-10-H",
        "cifar100": "CIFAR-100-N, one annotator an image",
    }
    return known.get(c.dataset) if "people" in c.measures else None


def _bank(c: TrainConfig) -> str:
    return "clean training images" + (", and augmented ones beside" if c.released("bank") else "")


NO_TEMPERATURE = ("barlow-twins", "vicreg", "triplet", "none")
_WITH_PREDICTOR, _WITH_TARGET = ("simsiam", "byol", "moco-v3"), ("byol", "moco-v2", "moco-v3", "dino")
_TUNE = FineTune()

SETTINGS: dict[str, Field] = {
    "network": Field(("backbone", "width", "patch"), _network),
    "stem": Field(("backbone",), _stem),
    "data": Field(("dataset", "imbalance"), _data),
    "images": Field(("dataset", "train_images", "held_out", "imbalance"), _images),
    "class sizes": Field(
        ("imbalance",), lambda c: f"{_first_class(c)} x {c.imbalance:g}^-i" if c.imbalance else "as they are"
    ),
    "image size": Field(("image_size",), side),
    "batch": Field(("batch_size",), lambda c: c.batch_size),
    "micro-batch": Field(("micro_batch",), lambda c: c.micro_batch or None),
    "loss": Field(("loss", "protocol"), _loss),
    "temperature": Field(
        ("temperature",),
        lambda c: None if c.method in ("simsiam", "byol") or c.loss in NO_TEMPERATURE else c.temperature,
    ),
    "optimizer": Field(("optimizer",), lambda c: {"sgd": "SGD", "adamw": "AdamW"}[c.optimizer]),
    "rate": Field(("lr", "batch_size", "protocol"), _rate),
    "momentum": Field(("momentum",), lambda c: c.momentum),
    "Nesterov": Field(
        ("nesterov",), lambda c: ("yes" if c.nesterov else "no") if c.optimizer == "sgd" else None
    ),
    "schedule": Field(
        (), lambda c: "linear warm-up, then a cosine" if c.warmup_epochs else "a cosine to zero"
    ),
    "schedule epochs": Field(("schedule_epochs",), lambda c: c.schedule_epochs),
    "warm-up epochs": Field(("warmup_epochs",), lambda c: c.warmup_epochs),
    "epochs": Field(("epochs",), lambda c: c.epochs),
    "weight decay": Field(("weight_decay",), lambda c: c.weight_decay),
    "crop from": Field(("crop_min",), lambda c: c.crop_min),
    "colour jitter": Field(("jitter",), _jitter),
    "jitter applied": Field(
        ("protocol",),
        lambda c: (
            "to 80 %, " + ("each operation by itself" if c.released("augmentation") else "all four at once")
        ),
    ),
    "grayscale": Field(("gray",), lambda c: c.gray),
    "flip": Field((), lambda c: 0.5),
    "blur": Field((), lambda c: 0.0),
    "normalized": Field((), lambda c: "no"),
    "projector layers": Field(("proj_layers",), lambda c: c.proj_layers),
    "projector width": Field(("proj_hidden",), _projector_width),
    "projector output": Field(("proj_dim",), lambda c: c.proj_dim if c.proj_layers else _features(c)),
    "batch norm in the projector": Field(("proj_norm",), _projector_norm),
    "predictor width": Field(
        ("pred_hidden",), lambda c: c.pred_hidden if c.method in _WITH_PREDICTOR else None
    ),
    "predictor's rate": Field(("method",), _predictor_rate),
    "target momentum": Field(
        ("target_momentum",), lambda c: c.target_momentum if c.method in _WITH_TARGET else None
    ),
    "cut": Field(("cut",), lambda c: c.cut),
    "parameters cut": Field(("cut_which",), lambda c: c.cut_which if c.cut != 1 else None),
    "GradScale p": Field(("gradscale",), lambda c: c.gradscale),
    "k-NN k": Field(("knn_k",), lambda c: c.knn_k),
    "k-NN votes": Field(("knn_temperature",), lambda c: f"exp(cos / {c.knn_temperature:g})"),
    "k-NN bank": Field(("protocol",), _bank),
    "human labels": Field(("measures", "dataset"), _human_labels),
    "anchor weight": Field(("anchor_weight",), lambda c: c.anchor_weight or None),
    "anchored labels": Field(("label_share",), lambda c: c.label_share if c.anchor_weight else None),
    "fine-tuned": Field(("measures",), _fine_tuned),
    "fine-tuning epochs": Field(("finetune_epochs",), _measured("finetune", lambda c: c.finetune_epochs)),
    "fine-tuning batch": Field((), _measured("finetune", lambda c: _TUNE.batch_size)),
    "fine-tuning rate": Field((), _measured("finetune", lambda c: "the best on held-out images")),
    "fine-tuning momentum": Field((), _measured("finetune", lambda c: _TUNE.momentum)),
    "fine-tuning schedule": Field(
        (), _measured("finetune", lambda c: "a cosine to zero" if _TUNE.anneal else "a constant rate")
    ),
    "fine-tuning images": Field(
        (), _measured("finetune", lambda c: "cropped and flipped" if _TUNE.augmented else "clean")
    ),
    "classifier": Field(
        ("dataset",), _measured("finetune", lambda c: ", ".join(map(str, HEADS.get(c.dataset, _TUNE.hidden))))
    ),
    "label shares": Field(("finetune_shares",), _measured("finetune", lambda c: c.finetune_shares)),
    "precision": Field(("precision",), lambda c: c.precision),
}
NOT_COMPARED = {
    "seed": "the papers give no seeds",
    "test_images": "0, the whole test set, wherever it counts",
    "rate_before_norm": "1, but in a control that no paper has",
    "evaluate_at": "when the history is measured does not change the run",
    "queue": "MoCo v2's own, of which 2406.16468 says nothing",
    "prototypes": "DINO's own",
    "teacher_temperature": "DINO's own",
    "center_momentum": "DINO's own",
    "local_crops": "DINO's own",
    "local_min": "DINO's own",
    "local_max": "DINO's own",
    "local_size": "DINO's own",
}
"""Fields of `TrainConfig` that no paper's setting stands against, and why."""


def ours(setting: str, cells: Iterable[Cell]) -> list[Any]:
    """The values of a setting over cells, each once, in their order; none where they have no such setting."""
    if setting == "seeds":
        return list(dict.fromkeys(len(c.seeds) for c in cells))
    one_of("setting", setting, [*SETTINGS, "seeds"])
    found: dict[Any, None] = {}
    for cell in cells:
        value = SETTINGS[setting].value(_config(cell))
        if setting == "epochs":
            value = (value, *cell.longer)
        for v in value if isinstance(value, tuple) else (value,):
            if v is not None:
                found[v] = None
    return list(found)


# --- the comparison -----------------------------------------------------------------------------------------


Key = tuple[str, str, str]
"""The method, the paper's data set, and the arm: what a paper's settings may depend on."""


@dataclass(frozen=True)
class Deviation:
    """A setting in which our cells depart from what a paper says (`kind` as `papers.Setting.source`)."""

    setting: str
    source: str  # "2502.09252 Table 2"
    group: Key  # which of its runs
    paper: str
    place: str
    ours: str
    kind: str
    reason: str


@dataclass(frozen=True)
class Unstated:
    """A setting of which a paper says nothing, with ours and where it is from."""

    setting: str
    source: str
    group: Key
    ours: str
    reason: str


@lru_cache
def _data_file() -> dict[str, Any]:
    import yaml

    return yaml.safe_load((data_dir() / "deviations.yml").read_text(encoding="utf-8"))


def sources(experiment: str) -> dict[str, str]:
    """Which cells of an experiment stand for what: from a table or figure, or `ours`, to a pattern of names."""
    for names, found in _data_file()["experiments"].items():
        if re.fullmatch(names, experiment):
            return dict(found)
    raise InputError(f"data/deviations.yml does not say which tables or figures {experiment} stands for")


def compared() -> list[tuple[str, str]]:
    """Each training experiment with each of its scales but smoke."""
    return [
        (name, scale)
        for name, e in experiments.EXPERIMENTS.items()
        for scale in SCALES
        if isinstance(next((c.config for c in e.scales.get(scale, [])), None), TrainConfig)
    ]


def _same(paper: Any, mine: Any) -> bool:
    """Whether a paper's value is ours: numbers to a part in a thousand, a rate as the paper prints it."""
    if isinstance(mine, Rate):
        scaled = re.fullmatch(r"(\S+) x batch/256", str(paper))
        paper, mine = (float(scaled[1]), mine.per_256()) if scaled else (paper, mine.lr)
    if isinstance(paper, int | float) and isinstance(mine, int | float):
        return math.isclose(paper, mine, rel_tol=1e-3)
    return bool(paper == mine)


def _agree(setting: str, paper: tuple[Any, ...], mine: list[Any]) -> bool:
    if setting == "data":  # one of the paper's sets
        return all(any(_same(p, m) for p in paper) for m in mine)
    if setting == "epochs":  # a run that goes on passes the paper's epochs
        return min(mine) >= max(paper)
    return all(any(_same(p, m) for p in paper) for m in mine) and all(
        any(_same(p, m) for m in mine) for p in paper
    )


def _text(value: Any) -> str:
    if isinstance(value, Rate):
        return f"{_text(value.lr)} at batch {value.batch}"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if isinstance(value, int) or (value >= 10_000 and value == int(value)):
        return f"{int(value):,}" if abs(value) >= 10_000 else str(int(value))
    if 0 < abs(value) < 0.001:
        return re.sub(r"e([+-])0*", r"e\1", f"{value:.1e}").replace(".0e", "e")
    return f"{value:.3g}"


def _texts(values: Iterable[Any]) -> str:
    return ", ".join(_text(v) for v in values)


@dataclass(frozen=True)
class _Group:
    """Cells that share a row of a source: the paper's settings for them are one."""

    source: str
    key: Key
    cells: tuple[Cell, ...]
    settings: dict[str, papers.Setting]


def _arm(c: TrainConfig) -> str:
    if c.gradscale:
        return "GradScale"
    if c.anchor_weight:
        return "anchors"
    return "loss halves" if c.loss in ("attraction", "repulsion") else "other"


def _config(cell: Cell) -> TrainConfig:
    if not isinstance(cell.config, TrainConfig):
        raise InputError(
            f"cell {cell.name} is no training; allowed: {', '.join(sorted({n for n, _ in compared()}))}"
        )
    return cell.config


def _groups(experiment: str, scale: str) -> list[_Group]:
    cells = experiments.get(experiment).cells(scale)
    found: list[_Group] = []
    for source, pattern in sources(experiment).items():
        if source == "ours":
            continue
        name, _, part = source.partition(" ")
        paper = papers.load(name)
        rows: dict[Key, list[Cell]] = {}
        chosen = [c for c in cells if re.fullmatch(pattern, c.name)]
        halves = any(_arm(_config(c)) == "loss halves" for c in chosen)
        for cell in chosen:
            c = _config(cell)
            method, arm = METHODS[c.method], "loss halves" if halves else _arm(c)
            sets = _values(paper.settings(part, method=method, arm=arm).get("data"))
            mine = _data(c)
            theirs = [d for d in (mine, STANDS_FOR.get(mine), *sets[:1]) if not sets or d in sets][0]
            rows.setdefault((method, str(theirs), arm), []).append(cell)
        for key, group in rows.items():
            says = paper.settings(part, **dict(zip(("method", "dataset", "arm"), key, strict=True)))
            found.append(_Group(source, key, tuple(group), says))
    return found


def _values(setting: papers.Setting | None) -> tuple[Any, ...]:
    if setting is None or setting.value is None:
        return ()
    return setting.value if isinstance(setting.value, tuple) else (setting.value,)


def _reason(part: str, experiment: str, scale: str, group: _Group, setting: str) -> tuple[int, str]:
    """The first entry of `part` in the file that fits: its place in the file, its words (-1 and "" if none).

    An entry names `setting` (one or a list) and may ask for `experiment`, `scale`, `source`, `method` or
    `dataset` (the paper's), each by a pattern.
    """
    method, dataset, _ = group.key
    key = {
        "experiment": experiment,
        "scale": scale,
        "source": group.source,
        "method": method,
        "dataset": dataset,
    }
    for i, entry in enumerate(_data_file()[part]):
        names = entry["setting"] if isinstance(entry["setting"], list) else [entry["setting"]]
        if setting in names and all(re.fullmatch(str(entry[k]), v) for k, v in key.items() if k in entry):
            return i, str(entry["reason"])
    return -1, ""


@dataclass
class Comparison:
    deviations: list[Deviation]
    unstated: list[Unstated]
    used: set[tuple[str, int]]  # entries of the file: which part, and the place in it
    keys: dict[str, set[Key]]  # of all groups, by source


def compare(names: Sequence[str], scale: str) -> Comparison:
    one_of("scale", scale, SCALES)
    found = Comparison([], [], set(), {})
    for experiment in names:
        for group in _groups(experiment, scale):
            found.keys.setdefault(group.source, set()).add(group.key)
            for setting in group.settings:
                _compare_one(found, experiment, scale, group, setting)
    order = [*SETTINGS, "seeds"]
    found.deviations.sort(key=lambda row: order.index(row.setting))
    found.unstated.sort(key=lambda row: order.index(row.setting))
    return found


def _compare_one(found: Comparison, experiment: str, scale: str, group: _Group, setting: str) -> None:
    """Enter one setting of a group where it belongs: among the deviations, the unstated, or nowhere."""
    says, mine = group.settings[setting], ours(setting, group.cells)
    if not mine:
        return
    if says.source == "released" and _agree(setting, (says.released,), mine):
        found.unstated.append(
            Unstated(setting, group.source, group.key, _texts(mine), "as in the released code")
        )
    elif says.source == "not stated":
        entry, reason = _reason("unstated", experiment, scale, group, setting)
        found.used.add(("unstated", entry))
        found.unstated.append(Unstated(setting, group.source, group.key, _texts(mine), reason))
    elif not _agree(setting, _values(says) or (says.released,), mine):
        entry, reason = _reason("reasons", experiment, scale, group, setting)
        found.used.add(("reasons", entry))
        values = (group.key[1],) if setting == "data" else _values(says) or (says.released,)
        place = says.place + (f", which points to {says.cited}" if says.cited else "")
        text = _texts(mine)
        if any("x batch/256" in str(v) for v in values):
            text = ", ".join(dict.fromkeys(f"{_text(m.per_256())} x batch/256" for m in mine))
        found.deviations.append(
            Deviation(setting, group.source, group.key, _texts(values), place, text, says.source, reason)
        )


def of(experiment: str, scale: str) -> list[Deviation]:
    """The settings in which an experiment's cells at a scale depart from the papers' tables and figures.

    Compared are the text, what the text cites, and, where both are silent, the released code. A setting that
    arms vary is compared as the list of its values.

    Raises:
        InputError: if the experiment or the scale is unknown, or the experiment has no entry in the file.
    """
    return compare([experiment], scale).deviations


def not_stated(experiment: str, scale: str) -> list[Unstated]:
    """The settings of which the papers say nothing, with ours; those of the released code among them."""
    return compare([experiment], scale).unstated


def unexplained() -> list[Deviation | Unstated]:
    """What data/deviations.yml has no reason for, over all experiments and scales."""
    rows: list[Deviation | Unstated] = []
    for experiment, scale in compared():
        found = compare([experiment], scale)
        rows += [*found.deviations, *found.unstated]
    return [row for row in rows if not row.reason]


def unused() -> list[str]:
    """The entries of data/deviations.yml that no experiment's deviation at any scale uses."""
    used: set[tuple[str, int]] = set()
    for experiment, scale in compared():
        used |= compare([experiment], scale).used
    return [
        f"{part}: {entry}"
        for part in ("reasons", "unstated")
        for i, entry in enumerate(_data_file()[part])
        if (part, i) not in used
    ]
