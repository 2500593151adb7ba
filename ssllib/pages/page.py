"""What the book's pages are written with: checked parameters, answers and cards, live runs, tables.

Everything shown is MyST Markdown, which the book renders (math, citations, cross references) and which
stays legible in a plain notebook.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ssllib.errors import InputError, in_range, one_of
from ssllib.evidence import claims, verdicts, words
from ssllib.pages import made
from ssllib.pages.boxes import card, duration, markdown_table, measured_text, untested_card
from ssllib.pages.boxes import mean_range as mean_range
from ssllib.pages.recorded import NOTHING, Recorded
from ssllib.runs import experiments, records
from ssllib.runs.records import Record

_NOT_SOURCES = ("evidence", "pages", "__main__.py")
"""Rooms and files of the library that change no run's result."""


# --- parameters -------------------------------------------------------------------------------------------

Check = Callable[[str, Any], None]


def choice(*allowed: Any) -> Check:
    """A parameter that is one of `allowed`."""
    return lambda name, value: one_of(f"value of parameter {name}:", value, allowed)


def integer(low: int, high: int) -> Check:
    """A whole number from `low` to `high`."""

    def check(name: str, value: Any) -> None:
        if not isinstance(value, int) or isinstance(value, bool):
            raise InputError(f"parameter {name} is {value!r}; allowed: a whole number from {low} to {high}")
        in_range(f"parameter {name}", value, low, high)

    return check


def number(low: float, high: float) -> Check:
    """A number from `low` to `high`."""
    return lambda name, value: in_range(f"parameter {name}", value, low, high)


def begin(name: str, namespace: dict[str, Any], **parameters: Check) -> Page:
    """Check a page's parameters and set up its style; call it in the first cell after `parameters`.

    Raises:
        InputError: on a parameter that the page does not have (papermill only warns), that is missing, or
            whose value is not allowed; before anything is computed.
    """
    simple = (str, int, float, bool, list, dict, tuple, type(None))
    ours = {"In", "Out"}
    given = [
        k for k, v in namespace.items() if not k.startswith("_") and k not in ours and isinstance(v, simple)
    ]
    for key in given:
        one_of(f"parameter of page {name}:", key, sorted(parameters))
    values = {}
    for key, check in parameters.items():
        if key not in namespace:
            raise InputError(f"page {name} has no value for its parameter {key}")
        check(key, namespace[key])
        values[key] = namespace[key]
    from ssllib.pages import plots

    plots.use()
    return Page(name, values)


# --- what pages show --------------------------------------------------------------------------------------


class Myst:
    """A piece of MyST Markdown as a cell's output."""

    def __init__(self, text: str) -> None:
        self.text = text

    def _repr_markdown_(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return self.text


def show(text: str) -> None:
    """Display MyST Markdown."""
    from IPython.display import display

    display(Myst(text))


say = show


def show_html(text: str) -> None:
    """Display HTML as it is."""
    from IPython.display import HTML, display

    display(HTML(text))


def table(
    rows: Iterable[Sequence[Any]],
    columns: Sequence[str],
    caption: str | None = None,
    name: str = "",
    *,
    fold: str = "",
    lead: str = "",
) -> None:
    """Display a table, numbered when it has a caption (`name` is its label for {numref}).

    `fold`: the title of a dropdown to fold it into; `lead`: what is said in front of it.
    """
    body = [list(row) for row in rows] or [[NOTHING, *[""] * (len(columns) - 1)]]
    text = markdown_table(body, columns)
    if caption:
        label = f":name: {name}\n" if name else ""
        text = f":::{{table}} {caption}\n{label}\n{text}\n:::"
    if lead:
        text = f"{lead}\n\n{text}"
    show(f"::::{{dropdown}} {fold}\n{text}\n::::" if fold else text)


@dataclass
class Page:
    """A page at work: its checked parameters and what it has run."""

    name: str
    parameters: dict[str, Any]
    _live: list[Record] = field(default_factory=list)
    _used: dict[str, list[Record]] = field(default_factory=dict)
    _pending: list[str] = field(default_factory=list)  # experiments without records that the page has not named yet
    _answered: bool = False
    _started: float = field(default_factory=time.perf_counter)

    # claims and verdicts

    def card(self, *ids: str) -> None:
        """Display a card for each claim with its verdict; those that nothing has tested share one at the end."""
        found = [verdicts.verdict(claims.get(claim_id), records.committed()) for claim_id in ids]
        waiting: list[verdicts.Verdict] = []
        for v in found:
            if v.word in (words.UNTESTED, words.OPEN):
                waiting.append(v)
            else:
                show(card(v))
        if waiting:
            show(untested_card(waiting))

    def answer(self, questions: Mapping[str, str]) -> None:
        """Display what the records say, a line for each question (question to claim)."""
        lines = []
        for question, claim_id in questions.items():
            v = verdicts.verdict(claims.get(claim_id), records.committed())
            lines.append(f"- {question} **{v.word[:1].upper()}{v.word[1:]}**{_behind(v)}")
        show("\n".join(lines))
        self._answered = True
        self._say_pending()

    # evidence

    def recorded(
        self, experiment: str, *, scale: str | None = None, arms: Sequence[str] = (), end: int | None = None
    ) -> Recorded:
        """The committed records of an experiment, by arm; see `Recorded`. Where there are none, the page says so."""
        experiments.get(experiment)
        found = Recorded(experiment, records.committed(), scale=scale, arms=arms, end=end)
        if found:
            self._used.setdefault(experiment, []).extend(found.all)
        else:
            self._pending.append(experiment)
            if self._answered:
                self._say_pending()
        return found

    def _say_pending(self) -> None:
        """Say of which experiments there are no records yet, once each."""
        if self._pending:
            show(pending_line(list(dict.fromkeys(self._pending))))
            self._pending.clear()

    def all_records(self) -> list[Record]:
        """Every committed record."""
        found = list(records.committed())
        for r in found:
            self._used.setdefault(r.experiment, []).append(r)
        return found

    def run(
        self, experiment: str, cell: str, seed: int = 0, scale: str | None = None, **changes: Any
    ) -> Record:
        """This execution: run one cell now, or read it from this machine's store when it has been run.

        The store is ignored by version control, locked per run and keyed by the library's sources too.
        """
        from ssllib.runs import jobs

        level = scale or self.parameters.get("scale", "smoke")
        (job,) = jobs.jobs(experiment, level, cells=[cell], seeds=[seed], **changes)
        base = records.smoke().folder / sources() if level == "smoke" else records.own().folder
        record = jobs.run_job(
            job, Path(base), threads=1 if level == "smoke" else None, progress=_say_progress
        )
        self._live.append(record)
        made.tell(record)
        return record

    # closing boxes

    def cost(self) -> None:
        """Display what the recorded evidence cost and what this execution took."""
        self._say_pending()
        rows = []
        for experiment, found in sorted(self._used.items()):
            made = [r for r in found if "copy_of" not in r.provenance]
            seconds = sum(float(r.provenance.get("seconds", 0)) for r in made)
            spent = duration(seconds) if made else "shared with another experiment"
            devices = ", ".join(sorted({str(r.provenance.get("device", "?")) for r in found}))
            rows.append([f"`{experiment}`, recorded", len(found), spent, devices])
        if self._live:
            seconds = sum(float(r.provenance.get("seconds", 0)) for r in self._live)
            devices = ", ".join(sorted({str(r.provenance.get("device", "?")) for r in self._live}))
            rows.append(["this execution's runs", len(self._live), duration(seconds), devices])
        spent = duration(time.perf_counter() - self._started)
        rows.append(["this page, start to here", "", spent, "runs found in the store are not run again"])
        body = markdown_table(rows, ["what", "runs", "time", "on"])
        show(f":::{{admonition}} What this page costs\n:class: cost\n\n{body}\n:::")

    def papermill(self, **example: Any) -> None:
        """Display the papermill line that runs this page with other parameters."""
        part, _, leaf = self.name.rpartition("/")
        chosen = example or self.parameters
        flags = " ".join(f"-p {k} {v}" for k, v in chosen.items())
        folder = f"book/{part}" if part else "book"
        lines = [
            f"papermill book/{self.name}.ipynb {leaf}-run.ipynb --cwd {folder} {flags}",
            "# the same, with the parameters checked before anything starts:",
            f"python -m ssllib page {self.name} {flags} -o {leaf}-run.ipynb",
        ]
        names = ", ".join(f"`{k}`" for k in self.parameters)
        show(f"The page takes the parameters {names}.\n\n```bash\n" + "\n".join(lines) + "\n```")


def _behind(v: verdicts.Verdict) -> str:
    """What stands behind a verdict's word: detail and where, and the effect where the claim has one cell."""
    behind = "; ".join(filter(None, [v.reading.detail, v.where]))
    text = f" ({behind})" if behind else ""
    if len(v.cells) == 1 and v.cells[0].estimate.n:
        unit = v.claim.criterion["unit"]
        text += f": {measured_text(v.cells[0].estimate, v.claim.estimands[0].target)} ({unit})"
    return f"{text}. The claim: {v.claim.ours}"


def pending_line(names: Sequence[str], scale: str = "cpu") -> str:
    """What a page says of experiments without records: their places in the queue, and how to run one."""
    from ssllib.runs import agenda

    queue = list(dict.fromkeys(job.experiment for job in agenda.queue(scale)))
    told = [f"`{n}` (place {queue.index(n) + 1})" if n in queue else f"`{n}` (not in the queue)" for n in names]
    declared = experiments.get(names[0]).scales
    chosen = scale if scale in declared else next(s for s in ("gpu", "paper", *declared) if s in declared)
    return (
        f"*Not recorded yet, with the place among the {len(queue)} experiments of the queue at `{scale}` scale: "
        f"{', '.join(told)}. `python -m ssllib run {names[0]} --scale {chosen}` makes the first one's records.*"
    )


def _say_progress(line: str) -> None:
    print(line, flush=True)


def sources() -> str:
    """A short hash of the library's sources that can change a run's result."""
    folder = Path(__file__).resolve().parents[1]
    h = hashlib.sha256()
    for path in sorted([*folder.rglob("*.py"), *folder.rglob("*.c")]):
        inside = path.relative_to(folder)
        if inside.parts[0] not in _NOT_SOURCES:
            h.update(inside.as_posix().encode() + path.read_bytes())
    return h.hexdigest()[:12]
