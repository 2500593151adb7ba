"""Configurations: frozen, checked, and with an identity that names the run they describe."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from numbers import Integral, Real
from typing import Any, ClassVar, TypeVar

import numpy as np

from ssllib.errors import InputError, in_range, is_number, one_of, truth

KINDS: dict[str, type[RunConfig]] = {}
_LAZY = {
    "training": "ssllib.engine.train_config",
    "simulation:norm-and-angle": "ssllib.engine.simulations.norm_and_angle",
    "simulation:latent-classes": "ssllib.engine.simulations.latent_classes",
    "simulation:three-lines": "ssllib.engine.simulations.three_lines",
    "proof": "ssllib.theory.proofs",
}

C = TypeVar("C", bound="type[RunConfig]")


def register(kind: str) -> Callable[[C], C]:
    """Class decorator: make a configuration class known under `kind`, so that records can be read back."""

    def mark(cls: C) -> C:
        cls.kind = kind
        KINDS[kind] = cls
        return cls

    return mark


def kind(name: str) -> type[RunConfig]:
    """The configuration class registered as `name`."""
    if name not in KINDS and name in _LAZY:
        importlib.import_module(_LAZY[name])
    one_of("kind of run", name, sorted(set(KINDS) | set(_LAZY)))
    return KINDS[name]


@dataclass(frozen=True)
class RunConfig:
    """What a run is made from; every field can change the result.

    `runner` is the dotted path of the function that carries the run out, `run(config, **options) -> Result`.
    """

    kind: ClassVar[str] = "abstract"
    runner: ClassVar[str] = ""
    revision: ClassVar[int] = 1
    """Of the engine for this kind, raised when a change of it changes results; part of every run's identity."""

    seed: int = 0

    def __post_init__(self) -> None:
        """Hold the fields to their declared types: 1.0 is no count, 'false' no truth value, 0.1 no tuple."""
        for f in dataclasses.fields(self):
            value = getattr(self, f.name)
            if f.type == "bool":
                truth(f.name, value)
            elif f.type in ("int", "float"):
                if not is_number(value, Integral if f.type == "int" else Real):
                    what = "a whole number" if f.type == "int" else "a number"
                    raise InputError(f"{f.name} is {value!r}; allowed: {what}")
                if type(value) not in (int, float):  # numpy's scalars, which JSON would not take
                    object.__setattr__(self, f.name, int(value) if is_number(value, Integral) else float(value))
            elif f.type == "str" and not isinstance(value, str):
                raise InputError(f"{f.name} is {value!r}; allowed: a text")
            elif str(f.type).startswith("tuple") and not isinstance(value, (tuple, list)):
                raise InputError(f"{f.name} is {value!r}; allowed: a tuple")
        in_range("seed", self.seed, 0, 2**31 - 1)

    def to_dict(self) -> dict[str, Any]:
        """All fields with their values, tuples as lists (what a record stores)."""
        return json.loads(json.dumps(dataclasses.asdict(self)))

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Any:
        """The inverse of `to_dict`; an unknown name is an `InputError`."""
        fields = {f.name: f for f in dataclasses.fields(cls)}
        for name in values:
            one_of(f"setting of {cls.kind}", name, fields)
        return cls(**{k: _frozen(v) for k, v in values.items()})

    def replace(self, **changes: Any) -> Any:
        """A copy with other values, checked like a new one."""
        names = [f.name for f in dataclasses.fields(self)]
        for name in changes:
            one_of(f"setting of {self.kind}", name, names)
        return dataclasses.replace(self, **changes)

    def identity(self) -> str:
        """SHA-256 of kind, fields and the kind's engine revision: two runs with one identity have one result.

        A field that was added after records existed says `metadata={"later": True}` and counts only when it
        differs from its default, so that older records keep their identity.
        """
        values = self.to_dict()
        for f in dataclasses.fields(self):
            if f.metadata.get("later") and getattr(self, f.name) == f.default:
                del values[f.name]
        text = json.dumps([self.kind, self.revision, values], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def run(self, **options: Any) -> Any:
        """Carry the run out with its registered runner."""
        module, _, name = self.runner.partition(":")
        return getattr(importlib.import_module(module), name)(self, **options)


def _frozen(value: Any) -> Any:
    return tuple(_frozen(v) for v in value) if isinstance(value, list) else value


@dataclass
class Result:
    """What a runner returns. `speed` holds timings, which belong to the provenance, not to the result."""

    status: str
    history: list[dict[str, Any]] = field(default_factory=list)
    final: dict[str, Any] = field(default_factory=dict)
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    speed: dict[str, float] = field(default_factory=dict)
