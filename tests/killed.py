"""What a process that is to be killed runs; apart from the tests, so that it starts quickly."""

from multiprocessing.connection import Connection
from pathlib import Path

import torch

from ssllib.engine.loop import train
from ssllib.engine.train_config import TrainConfig


def train_and_tell(config: TrainConfig, folder: Path, told: Connection) -> None:
    """Train and send each epoch's line; before the checkpoint of epoch 4, wait for ever."""
    torch.set_num_threads(1)

    def tell(line: str) -> None:
        told.send(line)
        if line.startswith("epoch   4/"):
            told.recv()

    train(config, checkpoints=folder, progress=tell)
