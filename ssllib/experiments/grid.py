"""Cells, experiments and their registry."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ssllib.config import RunConfig
from ssllib.errors import one_of


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


EXPERIMENTS: dict[str, Experiment] = {}


def declare(experiment: Experiment) -> Experiment:
    """Enter an experiment into the registry."""
    EXPERIMENTS[experiment.name] = experiment
    return experiment


def get(name: str) -> Experiment:
    """The experiment `name`; an unknown one is an `InputError` that lists what there is."""
    one_of("experiment", name, sorted(EXPERIMENTS))
    return EXPERIMENTS[name]
