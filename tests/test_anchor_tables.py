"""The tables of the anchors beside the paper's: the same numbers as the claims read, whatever has been run."""

from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pytest

from ssllib.evidence import claims, papers
from ssllib.pages import anchor_tables, page
from ssllib.pages.recorded import NOTHING, Recorded
from ssllib.runs import experiments, records
from ssllib.runs.records import Record, Store

EXPERIMENT = "anchors-cifar10"


def made(folder: Path, arms: list[str], seeds: int = 3, experiment: str = EXPERIMENT) -> Store:
    """A store with a record for each arm and seed, whose numbers differ by arm, seed and share."""
    s = Store(folder)
    for cell in experiments.get(experiment).cells("cpu"):
        for seed in range(seeds) if cell.name in arms else ():
            x = (sum(map(ord, cell.name)) * (7 + 4 * seed)) % 40
            kind = "finetune_frozen" if cell.name == "random-frozen" else "finetune"
            final: dict[str, Any] = {f"{kind}_{share}": x + share / 10 for share in anchor_tables.SHARES}
            final |= {f"{kind}_10_val": 39.0 - x, f"{kind}_10_top5": 50.0 + x}
            config = cell.config.replace(seed=seed)
            known: Any = (experiment, cell.name, "cpu", config.to_dict(), "finished", [], final, {})
            r = Record("training", config.identity(), *known)
            records.write(s.path("cpu", experiment, cell.name, seed, r.identity), r)
    return s


def every(experiment: str = EXPERIMENT) -> list[str]:
    return [c.name for c in experiments.get(experiment).cells("cpu")]


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    texts: list[str] = []
    monkeypatch.setattr(page, "show", texts.append)
    return texts


def test_the_gains_are_those_of_the_claim(tmp_path: Path) -> None:
    store = made(tmp_path, every())
    found = Recorded(EXPERIMENT, store)
    cells = claims.get("anchors-raise-cifar10").estimands
    assert len(cells) == len(anchor_tables.LOSSES) * len(anchor_tables.SHARES)
    for estimand in cells:
        title, _, rest = estimand.name.partition(", ")
        loss = {name: key for key, name in anchor_tables.LOSSES.items()}[title]
        ours = anchor_tables.gains(found, loss, anchor_tables.TRIED, int(rest.split()[0]))
        assert ours == pytest.approx(estimand.measure(store, "cpu").sample.values), estimand.name
        assert len(ours) == 3


def test_the_best_is_chosen_on_held_out_images(tmp_path: Path) -> None:
    """Held-out accuracies fall as test accuracies rise here, so that a choice by the test would be seen."""
    found = Recorded(EXPERIMENT, made(tmp_path, every(), seeds=1))
    names = anchor_tables.arms("dcl", "", anchor_tables.TRIED)
    ten = {name: anchor_tables.accuracy(found[name][0], 10) for name in names}
    assert len(set(ten.values())) > 1
    assert anchor_tables.numbers(found, names, 10) == {0: min(x for x in ten.values() if x is not None)}


def test_a_rate_that_is_missing_leaves_the_entry_open(tmp_path: Path, shown: list[str]) -> None:
    arms = [a for a in every() if a.endswith("infonce-1e-2") or a.startswith(("dcl", "cloa-dcl"))]
    found = Recorded(EXPERIMENT, made(tmp_path, arms))
    assert anchor_tables.gains(found, "infonce", anchor_tables.TRIED, 10) == []
    table = papers.load("2403.18699").table("3")
    anchor_tables.side_by_side(found, table, anchor_tables.TRIED, caption="c", name="tab-c")
    rows = {line.split(" | ")[0].strip("| "): line for line in shown[0].splitlines() if line.startswith("| ")}
    assert rows["InfoNCE, without anchors"].count("–") == 3 and "31.5" in rows["InfoNCE, without anchors"]
    assert "–" not in rows["DCL, with anchors"] and "(" in rows["DCL, with anchors"].split("|")[-2]
    assert rows["*DCL, gain*"].count("+30.1") == 1


def test_all_parts_stand_without_a_run(tmp_path: Path, shown: list[str]) -> None:
    found = Recorded("anchors-cifar100", Store(tmp_path))
    table = papers.load("2403.18699").table("4")
    rates = anchor_tables.TRIED
    anchor_tables.side_by_side(found, table, rates, caption="c", name="tab-c", metric="top5", suffix="_top5")
    anchor_tables.controls(found, name="tab-d")
    anchor_tables.parts(found, anchor_tables.TRIED, caption="e", name="tab-e")
    assert "35.1" in shown[0] and NOTHING in shown[1] and shown[2].count("–") == 8
    fig, axes = plt.subplots(2, 4)
    anchor_tables.draw(axes[0], found, table, anchor_tables.TRIED, metric="top1")
    anchor_tables.over_rates(axes[1], found)
    assert [len(ax.lines) for ax in axes[0]] == [2] * 4  # the paper's alone
    assert [t.get_text() for ax in axes[1] for t in ax.texts] == [NOTHING] * 4
    plt.close(fig)


def test_the_controls_and_the_parts_add_up(tmp_path: Path, shown: list[str]) -> None:
    found = Recorded(EXPERIMENT, made(tmp_path, every(), seeds=1))
    anchor_tables.controls(found, name="tab-d")
    frozen = found["random-frozen"][0].final["finetune_frozen_50"]
    assert f"| {frozen:.1f} |" in next(line for line in shown[0].splitlines() if "frozen random" in line)
    anchor_tables.parts(found, anchor_tables.TRIED, caption="e", name="tab-e")
    for loss, title in anchor_tables.LOSSES.items():
        line = next(x for x in shown[1].splitlines() if x.startswith(f"| {title}"))
        both = [float(x.replace("−", "-")) for x in line.strip("| ").split(" | ")[1:]]
        assert sum(both) == pytest.approx(anchor_tables.gains(found, loss, anchor_tables.TRIED, 10)[0], abs=0.11)
