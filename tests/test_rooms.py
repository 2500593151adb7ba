"""Where things stand: imports point one way, and no two files of the package bear one name."""

import ast
from collections import Counter
from pathlib import Path

import pytest

from ssllib.paths import project_dir

ROOMS = ("root", "engine", "theory", "runs", "evidence", "pages")
"""Each may import from itself and from those before it."""
PACKAGE = project_dir() / "ssllib"


def room(module: str) -> str:
    inside = module.split(".")[1:2]
    return inside[0] if inside and inside[0] in ROOMS else "root"


def upward(file: Path) -> list[str]:
    """The imports of a file, wherever they stand in it, that run up."""
    module = ".".join(file.relative_to(PACKAGE.parent).with_suffix("").parts)
    found = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        names += [a.name for a in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module == "ssllib":
            names = [f"ssllib.{a.name}" for a in node.names]
        for name in names:
            if name.startswith("ssllib") and ROOMS.index(room(name)) > ROOMS.index(room(module)):
                found.append(f"{module} imports {name}")
    return found


def test_imports_point_one_way() -> None:
    files = [f for f in PACKAGE.rglob("*.py") if f.name != "__main__.py"]
    assert len(files) > 100 and [line for f in files for line in upward(f)] == []


def test_an_import_that_runs_up_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "PACKAGE", tmp_path / "ssllib")
    made = tmp_path / "ssllib" / "engine" / "made_up.py"
    made.parent.mkdir(parents=True)
    made.write_text("def f():\n    from ssllib.pages import boxes\n")
    assert upward(made) == ["ssllib.engine.made_up imports ssllib.pages"]


def test_every_room_says_what_it_is_for() -> None:
    for name in ROOMS[1:]:
        text = ast.get_docstring(ast.parse((PACKAGE / name / "__init__.py").read_text(encoding="utf-8")))
        assert text and text.splitlines()[0].endswith(".")


def test_no_two_files_bear_one_name() -> None:
    count = Counter(f.name for f in PACKAGE.rglob("*.py") if f.name != "__init__.py")
    assert [name for name, n in count.items() if n > 1] == []
