import json
from pathlib import Path

import numpy as np
import pytest

from ssllib.engine.config import kind
from ssllib.engine.train_config import TrainConfig
from ssllib.errors import InputError
from ssllib.runs import records
from ssllib.runs.records import Record, Store


def record(seed: int = 0, **final: float) -> Record:
    config = TrainConfig(dataset="shapes", seed=seed)
    return Record(
        "training", config.identity(), "simclr-arms", "default", "smoke", config.to_dict(), "finished",
        [{"epoch": 0, "loss": 1.5}, {"epoch": 1, "loss": 0.5, "knn_val": 30.0}], {"knn_test": 31.25} | final,
        {"date": "2026-01-01T00:00:00+00:00"},
    )  # fmt: skip


def put(folder: Path, r: Record, arrays: dict | None = None) -> Record:
    return records.write(Store(folder).path(r.scale, r.experiment, r.cell, r.seed, r.identity), r, arrays)


def test_a_record_comes_back_as_it_was_written(tmp_path: Path) -> None:
    arrays = {"norms": np.arange(5.0), "labels": np.array([1, 2])}
    written = put(tmp_path, record(), arrays)
    again = records.read(written.path)
    assert (
        again.equals(written) and again.config == record().config and again.provenance == record().provenance
    )
    assert np.array_equal(again.arrays["norms"], arrays["norms"])
    assert again.column("loss") == [1.5, 0.5] and again.column("knn_val") == [30.0]
    assert kind(again.kind).from_dict(again.config).identity() == again.identity
    assert not list(tmp_path.rglob("*.part"))


def test_equal_leaves_provenance_out(tmp_path: Path) -> None:
    a, b, c = record(), record(), record(knn_test=31.5)
    b.provenance = {"date": "2030-01-01"}
    assert a.equals(b) and not a.equals(c)


def test_a_store_finds_by_experiment_and_by_identity(tmp_path: Path) -> None:
    for seed in (2, 0, 1):
        put(tmp_path, record(seed))
    store = Store(tmp_path)
    assert [r.seed for r in store.find("simclr-arms")] == [0, 1, 2]
    assert store.find("simclr-arms", "cpu") == [] and store.find("no-such") == []
    found = store.get(record(1).identity)
    assert found is not None and found.seed == 1
    assert store.get("0" * 64) is None


@pytest.mark.parametrize("damage", ["cut", "edit", "key", "arrays", "no arrays"])
def test_damage_is_one_line_that_names_the_file(tmp_path: Path, damage: str) -> None:
    path = put(tmp_path, record(), {"x": np.zeros(3)}).path
    assert path is not None
    if damage == "cut":
        path.write_text(path.read_text()[:-30])
    elif damage == "edit":
        path.write_text(path.read_text().replace("31.25", "99.25"))
    elif damage == "key":
        body = json.loads(path.read_text())
        del body["history"]
        path.write_text(json.dumps(body))
    elif damage == "arrays":
        with open(path.with_suffix(".npz"), "ab") as f:
            f.write(b"x")
    else:
        path.with_suffix(".npz").unlink()
    with pytest.raises(InputError) as e:
        records.read(path)
    assert path.name in str(e.value) and "\n" not in str(e.value) and "run it again" in str(e.value)


def test_provenance_may_change_without_damage(tmp_path: Path) -> None:
    path = put(tmp_path, record()).path
    assert path is not None
    path.write_text(path.read_text().replace("2026-01-01", "2026-01-02"))
    assert records.read(path).provenance["date"].startswith("2026-01-02")


def test_every_committed_record_is_whole_and_a_declared_cell() -> None:
    from ssllib.runs import experiments

    for r in records.committed():
        config = kind(r.kind).from_dict(r.config)
        assert config.identity() == r.identity, r.path
        declared = experiments.get(r.experiment).cell(r.scale, r.cell)
        assert declared.declares(config), f"{r.path} is not the declared {r.experiment}/{r.cell}"
        assert r.path is not None and r.path.stat().st_size < 2**20


def test_arrays_with_holes_equal_themselves(tmp_path: Path) -> None:
    holes = {"steps": np.array([1.0, np.nan])}
    a, b = put(tmp_path / "a", record(), holes), put(tmp_path / "b", record(), holes)
    assert a.equals(b) and not a.equals(put(tmp_path / "c", record(), {"steps": np.array([1.0, 2.0])}))
