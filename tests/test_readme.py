"""The README tells the truth: its summary of verdicts is the computed one, and its code runs."""

import re

from ssllib import paths
from ssllib.pages import score_board
from ssllib.runs import records

README = (paths.project_dir() / "README.md").read_text(encoding="utf-8")


def test_summary_of_verdicts_is_the_computed_one() -> None:
    assert score_board.readme_block(records.committed()) in README, "run `make pages`"


def test_code_runs() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", README, flags=re.S)
    names: dict = {}
    exec(code, names)
    assert len(names["monitor"].means) == 2
    assert names["projector"][0].weight.grad.abs().sum() > 0
