"""Only the part between the marks is written, and not without both marks."""

from pathlib import Path

import pytest

from benchmarks import table
from ssllib import paths
from ssllib.errors import InputError
from ssllib.pages import readme, score_board
from ssllib.runs import records

MARKS = ("<!-- begin -->", "<!-- end -->")
OLD = "before\n<!-- begin -->\nold\n<!-- end -->\nafter\n"
PART = "<!-- begin -->\nnew\n<!-- end -->"


def test_the_rest_of_the_file_stays(tmp_path: Path) -> None:
    file = tmp_path / "text.md"
    file.write_text(OLD)
    assert readme.update(file, MARKS, PART)
    assert file.read_text() == OLD.replace("old", "new")
    assert not readme.update(file, MARKS, PART), "nothing changed the second time"
    assert list(tmp_path.iterdir()) == [file], "no temporary file is left"


@pytest.mark.parametrize(
    "text",
    [
        "no mark",
        "<!-- begin -->\nold\n",
        "old\n<!-- end -->\n",
        "<!-- end -->\n<!-- begin -->\n",
        OLD + OLD,
        OLD + "<!-- end -->\n",
    ],
)
def test_lost_marks_are_named_and_the_file_is_left_alone(tmp_path: Path, text: str) -> None:
    file = tmp_path / "text.md"
    file.write_text(text)
    with pytest.raises(InputError, match=r"text.md has lost its marks; .* <!-- begin --> and <!-- end -->"):
        readme.update(file, MARKS, PART)
    assert file.read_text() == text


def test_an_interrupted_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "text.md"
    file.write_text(OLD)

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", stop)
    with pytest.raises(KeyboardInterrupt):
        readme.update(file, MARKS, PART)
    assert file.read_text() == OLD


def test_both_tables_of_the_readme_are_put_back_as_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, text = tmp_path / "README.md", (paths.project_dir() / "README.md").read_text(encoding="utf-8")
    emptied = text
    for first, last in (score_board.MARKS, table.MARKS):
        head, _, rest = emptied.partition(first)
        emptied = f"{head}{first}\n{last}{rest.partition(last)[2]}"
    file.write_text(emptied, encoding="utf-8")
    store, results = records.committed(), table.results()
    for module in (score_board, table):
        monkeypatch.setattr(module, "project_dir", lambda: tmp_path)
    assert emptied != text
    assert score_board.update_readme(store) and table.update_readme(results)
    assert file.read_text(encoding="utf-8") == text
    assert not score_board.update_readme(store) and not table.update_readme(results)
