"""Deviations from the papers' settings: all found, all explained, and read off the declared runs."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import pytest
import torch

from ssllib.augment import augment
from ssllib.engine.methods.byol import BYOL
from ssllib.engine.methods.simsiam import SimSiam
from ssllib.engine.train_config import PROTOCOLS, TrainConfig
from ssllib.errors import InputError
from ssllib.evidence import deviations, papers
from ssllib.pages import deviation_table
from ssllib.runs import experiments
from ssllib.runs.experiments.grid import Cell

PAPERS = ("2406.16468", "2502.09252", "2403.18699")
COMPARED = deviations.compared()


def the(experiment: str, scale: str, setting: str, source: str) -> list[deviations.Deviation]:
    found = [d for d in deviations.of(experiment, scale) if (d.setting, d.source) == (setting, source)]
    assert found, f"{experiment} at {scale} scale: no deviation in {setting} from {source}"
    return found


# --- the file is complete, and says nothing in vain ---------------------------------------------------------


def test_every_deviation_and_every_choice_has_its_reason() -> None:
    assert [(r.setting, r.source, r.group, r.ours) for r in deviations.unexplained()] == []


def test_no_reason_is_left_over() -> None:
    assert deviations.unused() == []


def test_a_missing_reason_and_an_idle_one_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    data = deviations._data_file()
    kept = [e for e in data["reasons"] if e["setting"] != "optimizer"]
    idle = {"setting": "batch", "source": "2403.18699 .*", "reason": "None: the batch is the paper's."}
    monkeypatch.setattr(deviations, "_data_file", lambda: data | {"reasons": [*kept, idle]})
    assert {d.setting for d in deviations.unexplained()} == {"optimizer"}
    assert len(deviations.unused()) == 1 and "the batch is the paper's" in deviations.unused()[0]


def test_each_cell_stands_for_a_table_or_figure_or_is_ours() -> None:
    for experiment, scale in COMPARED:
        found = deviations.sources(experiment)
        for cell in experiments.get(experiment).cells(scale):
            stands_for = {s for s, pattern in found.items() if re.fullmatch(pattern, cell.name)}
            assert stands_for, f"{experiment} {cell.name}: neither a source nor ours"
            assert stands_for == {"ours"} or "ours" not in stands_for, f"{experiment} {cell.name}: both"


def test_each_entry_names_experiments_cells_and_sources_that_there_are() -> None:
    names = {name for name, _ in COMPARED}
    for pattern, found in deviations._data_file()["experiments"].items():
        mine = [name for name in names if re.fullmatch(pattern, name)]
        assert mine, f"{pattern} names no experiment"
        cells = {c.name for n, s in COMPARED if n in mine for c in experiments.get(n).cells(s)}
        for source, arms in found.items():
            assert any(re.fullmatch(arms, c) for c in cells), f"{pattern}: {source} has no cell {arms}"
            if source != "ours":
                name, _, part = source.partition(" ")
                kind, _, number = part.partition(" ")
                paper = papers.load(name)
                assert number in (paper.tables if kind == "Table" else paper.figures), source


def test_an_experiment_matches_one_entry() -> None:
    for name in {name for name, _ in COMPARED}:
        assert sum(bool(re.fullmatch(p, name)) for p in deviations._data_file()["experiments"]) == 1, name


# --- the papers' settings -----------------------------------------------------------------------------------


@pytest.mark.parametrize("paper", PAPERS)
def test_a_paper_speaks_of_every_setting_or_says_that_it_does_not(paper: str) -> None:
    base = papers.load(paper)._layers[0]
    assert "of" not in base and "where" not in base
    assert set(base["says"]) == {*deviations.SETTINGS, "seeds"}
    named = {name for layer in papers.load(paper)._layers for name in layer["says"]}
    assert named <= {*deviations.SETTINGS, "seeds"}


@pytest.mark.parametrize("paper", PAPERS)
def test_every_value_has_its_place(paper: str) -> None:
    load = papers.load(paper)
    parts = [*(f"Table {t}" for t in load.tables), *(f"Figure {f}" for f in load.figures)]
    keys = {
        "method": set(deviations.METHODS.values()),
        "dataset": {""},
        "arm": {"other", "GradScale", "anchors"},
    }
    for layer in load._layers:
        for part, values in layer.get("where", {}).items():
            keys[part] |= set(values if isinstance(values, list) else [values])
    for part in parts:
        for method in keys["method"]:
            for dataset in keys["dataset"]:
                for arm in keys["arm"]:
                    for s in load.settings(part, method=method, dataset=dataset, arm=arm).values():
                        assert s.place or s.value is None


def test_what_is_printed_is_read() -> None:
    later, earlier = papers.load("2502.09252"), papers.load("2406.16468")
    for paper, part, key, setting, value, source in (
        (later, "Table 2", {"method": "SimSiam"}, "batch", 1024, "stated"),
        (later, "Table 2", {"method": "SimCLR"}, "batch", 256, "stated"),
        (earlier, "Table 3", {"method": "SimCLR"}, "batch", 128, "stated"),
        (earlier, "Table 3", {"method": "BYOL"}, "batch", None, "not stated"),
        (later, "Table 2", {"method": "SimCLR"}, "optimizer", "LARS", "cited"),
        (later, "Table 2", {"method": "SimCLR", "arm": "GradScale"}, "warm-up epochs", 100, "stated"),
        (later, "Figure 3", {"method": "SimCLR"}, "schedule epochs", 512, "stated"),
        (later, "Table 2", {"method": "SimCLR"}, "schedule epochs", None, "released"),
        (earlier, "Table 4", {"method": "MoCo v3"}, "network", "ViT-S", "stated"),
        (earlier, "Table 4", {"method": "DINO"}, "crop from", None, "not stated"),
    ):
        found = paper.settings(part, **key)[setting]
        assert (found.value, found.source) == (value, source), (part, setting)
    assert later.settings("Table 2", method="SimCLR")["batch"].released == 512  # kept below the text's own


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        ({"says": {"batch": {"value": "256"}}}, "no place"),
        ({"says": {"batch": {"valve": "256", "place": "C.1"}}}, "part of setting 'batch'"),
        ({"of": "Table 9", "says": {}}, "table or figure"),
        ({"if": "Table 1", "says": {}}, "part of the settings"),
    ],
)
def test_a_wrong_layer_is_an_error(layer: dict[str, Any], message: str) -> None:
    data = {"meta": {}, "tables": {"1": papers_table()}, "settings": [layer]}
    with pytest.raises(InputError, match=message):
        papers.Paper("made up", data).settings("Table 1")


def papers_table() -> dict[str, Any]:
    return {
        "caption": "c",
        "unit": "u",
        "reads": "r",
        "columns": {"epoch": ["1"]},
        "rows": [{"cells": ["2"]}],
    }


# --- our settings in the papers' words ----------------------------------------------------------------------


def test_each_field_of_a_training_is_compared_or_says_why_not() -> None:
    fields = {f.name for f in dataclasses.fields(TrainConfig)}
    read = {name for field in deviations.SETTINGS.values() for name in field.fields}
    assert read | set(deviations.NOT_COMPARED) == fields
    assert not read & set(deviations.NOT_COMPARED)


# For each setting a change that must be seen in it; without a change: the same in every run.
CHANGES: dict[str, dict[str, Any]] = {
    "network": {"backbone": "resnet50"},
    "stem": {"backbone": "resnet18-large"},
    "data": {"dataset": "cifar100"},
    "images": {"train_images": 100},
    "class sizes": {"imbalance": 1.5},
    "image size": {"image_size": 64},
    "batch": {"batch_size": 512},
    "micro-batch": {"micro_batch": 128},
    "loss": {"loss": "dcl"},
    "temperature": {"temperature": 0.1},
    "optimizer": {"optimizer": "adamw"},
    "rate": {"lr": 0.1},
    "momentum": {"momentum": 0.5},
    "Nesterov": {"nesterov": True},
    "schedule": {"warmup_epochs": 0.0},
    "schedule epochs": {"schedule_epochs": 600},
    "warm-up epochs": {"warmup_epochs": 20.0},
    "epochs": {"epochs": 7},
    "weight decay": {"weight_decay": 0.0},
    "crop from": {"crop_min": 0.2},
    "colour jitter": {"jitter": 1.0},
    "jitter applied": {"protocol": "released"},
    "grayscale": {"gray": 0.5},
    "flip": {},
    "blur": {},
    "normalized": {},
    "projector layers": {"proj_layers": 3},
    "projector width": {"proj_hidden": 100},
    "projector output": {"proj_dim": 100},
    "batch norm in the projector": {"proj_norm": False},
    "predictor width": {"method": "simsiam"},
    "predictor's rate": {"method": "simsiam"},
    "target momentum": {"method": "byol"},
    "cut": {"cut": 3.0},
    "parameters cut": {"cut": 3.0, "cut_which": "last"},
    "GradScale p": {"gradscale": 1.0},
    "k-NN k": {"knn_k": 10},
    "k-NN votes": {"knn_temperature": 1.0},
    "k-NN bank": {"protocol": "released-bank"},
    "human labels": {"measures": ("people",)},
    "anchor weight": {"anchor_weight": 1.0},
    "anchored labels": {"anchor_weight": 1.0, "label_share": 0.5},
    "fine-tuned": {"measures": ("finetune-frozen",)},
    "fine-tuning epochs": {"finetune_epochs": 3, "measures": ("finetune",)},
    "fine-tuning batch": {"measures": ("finetune",)},
    "fine-tuning rate": {"measures": ("finetune",)},
    "fine-tuning momentum": {"measures": ("finetune",)},
    "fine-tuning schedule": {"measures": ("finetune",)},
    "fine-tuning images": {"measures": ("finetune",)},
    "classifier": {"dataset": "cifar100", "measures": ("finetune",)},
    "label shares": {"measures": ("finetune",), "finetune_shares": (0.5,)},
    "precision": {"precision": "bf16"},
}


@pytest.mark.parametrize("setting", deviations.SETTINGS)
def test_a_change_of_the_configuration_is_seen(setting: str) -> None:
    one = TrainConfig()
    other = one.replace(**CHANGES[setting])
    before, after = (deviations.ours(setting, [Cell("c", c)]) for c in (one, other))
    assert (before == after) == (not CHANGES[setting])


def test_numbers_that_are_derived() -> None:
    def one(setting: str, **changes: Any) -> Any:
        (value,) = deviations.ours(setting, [Cell("c", TrainConfig(**changes))])
        return value

    assert one("images") == 45_000 and one("images", held_out=0) == 50_000
    assert one("images", imbalance=1.5, held_out=0) == 14_736  # 5000 x 1.5^-i
    assert one("images", dataset="cifar100", imbalance=1.034, held_out=0) == 14_620  # 500 x 1.034^-i
    assert (
        one("projector output", proj_layers=0) == 512
        and one("projector output", proj_layers=0, backbone="resnet50") == 2048
    )
    assert one("projector width") == "the backbone's" and one("projector width", backbone="resnet50") == 512
    assert one("colour jitter", jitter=0.25) == "0.2 (hue 0.05)"
    assert one("network", backbone="mini", width=16) == "mini ResNet, width 16"
    cells = [Cell("a", TrainConfig(epochs=16), longer=(100,)), Cell("b", TrainConfig(epochs=16))]
    assert deviations.ours("epochs", cells) == [16, 100] and deviations.ours("seeds", cells) == [3]


def test_rates_are_compared_as_the_paper_prints_them() -> None:
    assert deviations._same("0.3 x batch/256", deviations.Rate(0.6, 512))
    assert not deviations._same("0.3 x batch/256", deviations.Rate(0.3, 512))
    assert deviations._same(0.3, deviations.Rate(0.3, 512)) and not deviations._same(
        "0.3, squared", deviations.Rate(0.3, 512)
    )


def test_flip_blur_and_normalization_are_the_augmentation_s() -> None:
    g = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (400, 3, 8, 8), generator=g, dtype=torch.uint8)
    out = augment(images, g, crop_min=1.0, jitter=0.0, gray=0.0)
    plain = images.float() / 255
    same = [torch.allclose(a, b, atol=1e-4) for a, b in zip(out, plain, strict=True)]
    turned = [torch.allclose(a, b.flip(-1), atol=1e-4) for a, b in zip(out, plain, strict=True)]
    (flip,), (blur,), (normalized,) = (
        deviations.ours(s, [Cell("c", TrainConfig())]) for s in ("flip", "blur", "normalized")
    )
    assert (
        sum(same) + sum(turned) == 400 and blur == 0 and normalized == "no"
    )  # whole images in [0, 1], unblurred
    assert abs(sum(turned) / 400 - flip) < 0.1


# --- the comparison -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("experiment", "scale", "setting", "source", "paper", "ours"),
    [
        ("simclr-arms", "paper", "images", "2502.09252 Table 2", "50,000", "45,000"),
        ("simclr-arms", "gpu", "images", "2406.16468 Table 3", "50,000", "45,000"),
        ("simclr-arms", "paper", "optimizer", "2502.09252 Table 2", "LARS", "SGD"),
        ("simclr-arms", "paper", "batch", "2406.16468 Table 3", "128", "256"),
        ("simsiam-arms", "paper", "crop from", "2502.09252 Table 2", "0.2", "0.08"),
        (
            "simclr-arms-imagenet100",
            "paper",
            "colour jitter",
            "2502.09252 Table 2",
            "0.8 (hue 0.2)",
            "0.4 (hue 0.1)",
        ),
        (
            "imbalanced-flowers",
            "paper",
            "colour jitter",
            "2502.09252 Table 3",
            "0.8 (hue 0.2)",
            "0.4 (hue 0.1)",
        ),
        ("simclr-arms-imagenet100", "paper", "blur", "2502.09252 Table 2", "0.5", "0"),
        ("simsiam-arms-imagenet100", "gpu", "blur", "2502.09252 Table 2", "0.5", "0"),
        ("confidence", "paper", "schedule epochs", "2502.09252 Figure 3", "512", "500"),
        ("confidence", "paper", "epochs", "2502.09252 Figure 4", "512", "500"),
        ("anchors-cifar10", "paper", "anchor weight", "2403.18699 Table 3", "0.1", "1"),
        ("over-fusion", "gpu", "anchor weight", "2403.18699 Figure 2", "0.1", "1"),
        ("over-fusion", "paper", "colour jitter", "2403.18699 Figure 2", "0.2 (hue 0.1)", "0.2 (hue 0.05)"),
        ("other-methods", "gpu", "data", "2406.16468 Table 4", "ImageNet-100", "CIFAR-10"),
        ("simclr-arms", "gpu", "network", "2406.16468 Table 3", "ResNet-50", "ResNet-18"),
        ("anchors-cifar100", "paper", "projector output", "2403.18699 Table 4", "512", "2048"),
    ],
)
def test_known_deviations_come_out(
    experiment: str, scale: str, setting: str, source: str, paper: str, ours: str
) -> None:
    for d in the(experiment, scale, setting, source):
        assert (d.paper, d.ours) == (paper, ours)
        assert d.reason and d.place


def test_the_jitter_of_imbalanced_cifar_follows_the_text_and_not_the_code() -> None:
    cited = papers.load("2502.09252").settings(
        "Table 3", method="SimCLR", dataset="CIFAR-10 imbalanced", arm="other"
    )
    assert (cited["colour jitter"].value, cited["colour jitter"].released) == (
        "0.4 (hue 0.1)",
        "0.8 (hue 0.2)",
    )
    assert not [d for d in deviations.of("imbalanced-cifar10", "paper") if d.setting == "colour jitter"]


def test_batch_1024_where_the_earlier_paper_says_nothing() -> None:
    for method in ("simsiam", "byol"):
        found = [u for u in deviations.not_stated(f"{method}-arms", "paper") if u.setting == "batch"]
        assert [(u.source, u.ours) for u in found] == [("2406.16468 Table 3", "1024")]
        assert "2502.09252" in found[0].reason


def test_the_paper_scale_departs_in_neither_network_nor_epochs() -> None:
    for experiment in ("simclr-arms", "simsiam-arms", "cut-by-weight-decay", "weight-decay"):
        assert not {d.setting for d in deviations.of(experiment, "paper")} & {
            "network",
            "epochs",
            "data",
            "weight decay",
        }


def test_arms_are_compared_as_lists() -> None:
    cells = [Cell(f"c{c}", TrainConfig(cut=c)) for c in (1.0, 3.0)]
    mine = deviations.ours("cut", cells)
    assert deviations._agree("cut", (1, 3), mine)
    assert not deviations._agree("cut", (1,), mine) and not deviations._agree("cut", (1, 3, 9), mine)
    assert deviations._agree("epochs", (1, 16), [100]) and not deviations._agree(
        "epochs", (100, 500), [16, 500]
    )


# --- what pages show ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("experiment", "scale"), COMPARED)
def test_markdown_shows_each_deviation(experiment: str, scale: str) -> None:
    text = deviation_table.markdown(experiment, scale)
    table, _, folded = text.partition(":::{dropdown}")
    for d in deviations.of(experiment, scale):
        assert f"| {d.setting} |" in table and d.ours in table and d.paper in table and d.reason in table
    for u in deviations.not_stated(experiment, scale):
        assert f"| {u.setting} |" in folded and u.ours in folded
    for line in text.splitlines():
        if line.startswith("| "):
            assert line.count(" | ") == (4 if line in table else 3), line


def test_groups_are_named_as_shortly_as_tells_them_apart() -> None:
    text = deviation_table.markdown(["simclr-arms", "simsiam-arms", "byol-arms"], "gpu").partition(
        ":::{dropdown}"
    )[0]
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    assert {row[1] for row in rows if row[0] == "images"} == {"all"}
    assert {row[1] for row in rows if row[0] == "optimizer"} == {"SimCLR"}
    assert {row[1] for row in rows if row[0] == "rate"} == {"SimCLR", "SimSiam"}
    assert "rate | anchors" in deviation_table.markdown("anchors-cifar10", "gpu")
    assert "rate | without anchors" in deviation_table.markdown("anchors-cifar10", "gpu")


def test_arms_of_no_table_say_so() -> None:
    assert deviations.of("transfer", "gpu") == []
    assert "No table or figure" in deviation_table.markdown("transfer", "gpu")


def test_one_clear_line_when_the_question_is_wrong() -> None:
    with pytest.raises(InputError, match="allowed: cpu, gpu, paper"):
        deviations.of("simclr-arms", "smoke")
    with pytest.raises(InputError, match="unknown experiment"):
        deviations.of("simclr-harms", "gpu")
    with pytest.raises(InputError, match="does not say"):
        deviations.of("norm-and-angle", "paper")
    with pytest.raises(InputError, match="unknown setting"):
        deviations.ours("colour", [])


def test_the_predictor_s_rate_is_the_method_s() -> None:
    for method, parts in (("simsiam", SimSiam.constant_rate), ("byol", BYOL.constant_rate)):
        (rate,) = deviations.ours("predictor's rate", [Cell("c", TrainConfig(method=method))])
        assert (rate == "constant") == ("predictor" in parts)


def test_released_protocols_are_told_apart() -> None:
    for protocol in PROTOCOLS:
        c = TrainConfig(protocol=protocol)
        (rate,), (loss,) = (deviations.ours(s, [Cell("c", c)]) for s in ("rate", "loss"))
        assert isinstance(rate, str) == c.released("rate") and (loss != "InfoNCE") == c.released("loss")
