"""A page's notebook: made from its `.py`, its declared parameters, and written so that diffs stay small."""

from __future__ import annotations

import ast
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from ssllib.errors import InputError, one_of

METADATA: dict[str, Any] = {
    "jupytext": {"formats": "ipynb,py:percent"},
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python", "pygments_lexer": "ipython3"},
}
KINDS = {int: "a whole number", float: "a number", bool: "true or false", str: "a text", list: "a list"}


COLAB = """\
# On Colab this brings the rest of the book; where the library is installed it does nothing.
import importlib.util

if importlib.util.find_spec("ssllib") is None:
    import os
    import subprocess
    import sys

    subprocess.run(["git", "clone", "--quiet", "--depth", "1", "--branch", {branch!r}, {url!r}, "book"], check=True)
    os.chdir("book")
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "-r", "binder/requirements.txt"], check=True)
    sys.path.insert(0, os.getcwd())
    os.environ["PYTHONPATH"] = os.getcwd()"""


def colab_cell(source: Path) -> str:
    """The first cell of a page that can be opened on Colab; "" while `_config.yml` names no repository."""
    for folder in source.resolve().parents:
        if (folder / "_config.yml").exists():
            given = (yaml.safe_load((folder / "_config.yml").read_text(encoding="utf-8")) or {}).get("repository") or {}
            return COLAB.format(url=given["url"], branch=given.get("branch", "main")) if given.get("url") else ""
    return ""


def fresh(source: Path) -> Any:
    """The notebook without outputs that a `.py` (percent format) describes, with `colab_cell` in front if there is one.

    A cell's id depends on its text only, so that an edit changes one cell of the file.
    """
    import jupytext
    import nbformat

    notebook = jupytext.read(source, fmt="py:percent")
    first = colab_cell(source)
    if first and not any(cell.source.startswith(first.partition("\n")[0]) for cell in notebook.cells[:2]):
        cell = nbformat.v4.new_code_cell(first, metadata={"tags": ["remove-cell"]})
        notebook.cells.insert(1, cell)  # after the title, which Sphinx wants first
    seen: dict[str, int] = {}
    for cell in notebook.cells:
        key = hashlib.sha256(f"{cell.cell_type}\0{cell.source}".encode()).hexdigest()[:8]
        seen[key] = seen.get(key, 0) + 1
        cell["id"] = f"{key}-{seen[key]}"
    notebook.metadata = json.loads(json.dumps(METADATA), object_hook=type(notebook.metadata))
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    return notebook


def settle(notebook: Any, stamp: Mapping[str, str]) -> Any:
    """Take out of an executed notebook what differs from one execution to the next, and stamp it.

    Gone are papermill's and the kernel's notes (times, versions); pieces of one stream become one output.
    """
    for cell in notebook.cells:
        cell.metadata.pop("papermill", None)
        cell.metadata.pop("execution", None)
        if not cell.metadata.get("tags", True):
            del cell.metadata["tags"]
        outputs: list[Any] = []
        for output in cell.get("outputs", []):
            last = outputs[-1] if outputs else {}
            if output.output_type == "stream" and last.get("name") == output.name:
                last["text"] += output.text
            else:
                outputs.append(output)
        if cell.cell_type == "code":
            cell.outputs = outputs
    notebook.metadata.clear()
    notebook.metadata.update(METADATA, ssllib=dict(stamp))
    return notebook


def stamp_of(path: Path) -> dict[str, str]:
    """What `settle` stamped on the notebook at `path`; empty when there is none."""
    try:
        return dict(json.loads(path.read_text(encoding="utf-8"))["metadata"].get("ssllib", {}))
    except (OSError, ValueError, KeyError):
        return {}


def write(notebook: Any, path: Path) -> None:
    """Write under a temporary name, then rename: nobody ever sees half a notebook."""
    import nbformat

    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(nbformat.writes(notebook).rstrip("\n") + "\n", encoding="utf-8")
    os.replace(part, path)


def failure(path: Path) -> str:
    """The message of the first error in the executed notebook at `path`; "" without one."""
    import nbformat

    for cell in nbformat.read(path, as_version=4).cells if path.exists() else []:
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                line = (output.evalue.strip().splitlines() or [""])[0]
                where = f"{output.ename} in cell [{cell.execution_count}]"
                return line if output.ename == "InputError" else f"{where}: {line}".removesuffix(": ")
    return ""


def parameters(source: Path) -> dict[str, tuple[type, Any]]:
    """Name -> (type, default) of each assignment in the page's cell tagged `parameters`."""
    declared: dict[str, tuple[type, Any]] = {}
    types = {kind.__name__: kind for kind in KINDS}
    for cell in fresh(source).cells:
        if "parameters" not in cell.metadata.get("tags", []):
            continue
        for node in ast.parse(cell.source).body:
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
                default = ast.literal_eval(node.value)
                declared[node.target.id] = types.get(ast.unparse(node.annotation), type(default)), default
            elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                default = ast.literal_eval(node.value)
                declared[node.targets[0].id] = type(default), default
    return declared


def checked(page: str, source: Path, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values for a page's parameters, as the types it declares; text is read as YAML (`3`, `[a, b]`).

    Raises `InputError` for a name that the page does not declare and a value of another type. What range a
    value must lie in is for the page to say, in its first cell.
    """
    declared = parameters(source)
    taken = {}
    for name, value in values.items():
        one_of(f"parameter of page {page}", name, declared)
        kind, default = declared[name]
        taken[name] = _coerce(f"parameter {name} of page {page}", value, kind, default)
    return taken


def _coerce(what: str, value: Any, kind: type, default: Any) -> Any:
    read = value
    if isinstance(value, str) and kind is not str:
        try:
            read = yaml.safe_load(value)
        except yaml.YAMLError:
            read = value
        if kind is float and isinstance(read, str):  # YAML reads 1e-3 as text
            try:
                read = float(read)
            except ValueError:
                pass
    if kind is float and type(read) is int:
        read = float(read)
    if kind is list and isinstance(read, tuple):
        read = list(read)
    if kind is type(None) or type(read) is kind or (read is None and default is None):
        return read
    raise InputError(f"{what} is {value!r}; allowed: {KINDS.get(kind, kind.__name__)}, such as {default!r}")
