"""Settings are held to their types, and to what can be trained, before any work."""

import dataclasses
import json

import numpy as np
import pytest

from ssllib.engine import loop
from ssllib.engine.simulations.latent_classes import LatentClassesConfig
from ssllib.engine.simulations.norm_and_angle import NormAndAngleConfig
from ssllib.engine.simulations.three_lines import ThreeLinesConfig
from ssllib.engine.train_config import TrainConfig
from ssllib.errors import InputError
from ssllib.theory.proofs import ProofConfig

SMALL = TrainConfig(
    dataset="shapes", backbone="mini", width=4, train_images=64, held_out=16, test_images=16, batch_size=16,
    proj_hidden=16, proj_dim=8, epochs=1, schedule_epochs=1, warmup_epochs=0,
)  # fmt: skip


@pytest.mark.parametrize(
    "kind", [TrainConfig, NormAndAngleConfig, LatentClassesConfig, ThreeLinesConfig, ProofConfig]
)
def test_every_field_of_every_configuration(kind) -> None:
    """No field takes a value of another type: a float for a count, a text for a truth value, a number for a tuple."""
    wrong = {"int": 1.0, "bool": "false", "float": "0.1", "str": 3}
    seen = 0
    for f in dataclasses.fields(kind):
        bad = wrong.get(str(f.type), 0.1 if str(f.type).startswith("tuple") else None)
        if bad is None:
            continue
        seen += 1
        for value in (bad, None):
            with pytest.raises(InputError, match=f"{f.name} is {value!r}; allowed: "):
                kind(**{f.name: value})
    assert seen == len(dataclasses.fields(kind))


def test_numpys_numbers_are_taken_as_pythons() -> None:
    ours = SMALL.replace(batch_size=np.int64(16), lr=np.float64(0.3), epochs=np.int32(1))
    assert ours.identity() == SMALL.identity() and json.dumps(ours.to_dict()) == json.dumps(SMALL.to_dict())


@pytest.mark.parametrize("method", ["simclr", "byol", "moco-v2"])
def test_a_micro_batch_of_one_image_is_refused(method: str) -> None:
    with pytest.raises(InputError, match="micro_batch is 1; allowed: 0 or a divisor, at least 2, of batch_size"):
        SMALL.replace(method=method, micro_batch=1, queue=32)


def test_without_held_out_images() -> None:
    result = loop.train(SMALL.replace(held_out=0), device="cpu")
    assert result.status == "finished" and "knn_test" in result.final
    assert not any("val" in name for row in result.history for name in row)
    for measure in ("linear", "finetune", "finetune-frozen"):
        with pytest.raises(InputError, match="chooses on held-out images, and held_out is 0"):
            loop.train(SMALL.replace(held_out=0, measures=(measure,)), device="cpu")
