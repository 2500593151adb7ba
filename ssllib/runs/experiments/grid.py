"""Cells, experiments and their registry."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ssllib.engine.config import RunConfig
from ssllib.errors import one_of


@dataclass(frozen=True)
class Cell:
    """One configuration of a grid (its seed is replaced by each of `seeds`), perhaps with several ends.

    The run goes to the configuration's `epochs`; where `longer` names further epochs, to those as well, on the
    same schedule: runs of their own, with records of their own.
    """

    name: str
    config: RunConfig
    seeds: tuple[int, ...] = (0, 1, 2)
    longer: tuple[int, ...] = ()

    def ends(self) -> list[Any]:
        """The configuration with each of its ends."""
        return [self.config, *(self.config.replace(epochs=e) for e in self.longer)]

    def configs(self) -> list[Any]:
        return [c.replace(seed=s) for c in self.ends() for s in self.seeds]

    def declares(self, config: RunConfig) -> bool:
        """Whether `config` is this cell, at any seed."""
        return config.replace(seed=self.config.seed) in self.ends()


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


EXPERIMENTS: dict[str, Experiment] = {}


def declare(experiment: Experiment) -> Experiment:
    """Enter an experiment into the registry."""
    EXPERIMENTS[experiment.name] = experiment
    return experiment


def get(name: str) -> Experiment:
    """The experiment `name`; an unknown one is an `InputError` that lists what there is."""
    one_of("experiment", name, sorted(EXPERIMENTS))
    return EXPERIMENTS[name]
