"""A page's notebook: made from its `.py`, its declared parameters, and written so that diffs stay small."""

from __future__ import annotations

import ast
import hashlib
import json
import os
from collections.abc import Callable, Mapping
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


def stamp_of(path: Path) -> dict[str, Any]:
    """What `settle` or `mark` stamped on the notebook at `path`; empty when there is none."""
    try:
        return dict(json.loads(path.read_text(encoding="utf-8"))["metadata"].get("ssllib", {}))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):  # no notebook, or none of ours
        return {}


def mark(path: Path, stamp: Mapping[str, Any]) -> None:
    """Stamp the executed notebook at `path`, and leave it as it is otherwise."""
    import nbformat

    notebook = nbformat.read(path, as_version=4)
    notebook.metadata["ssllib"] = dict(stamp)
    write(notebook, path)


def write(notebook: Any, path: Path) -> None:
    """Write under a temporary name, then rename: nobody ever sees half a notebook."""
    import nbformat

    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(nbformat.writes(notebook).rstrip("\n") + "\n", encoding="utf-8")
    os.replace(part, path)


def failure(path: Path) -> str:
    """The message of the first error in the executed notebook at `path`; "" without one."""
    name, where, line = _first_error(path)
    return line if name == "InputError" else f"{where}: {line}".removesuffix(": ")


def refused(path: Path) -> bool:
    """Whether the first error in the executed notebook at `path` is an `InputError`."""
    return _first_error(path)[0] == "InputError"


def _first_error(path: Path) -> tuple[str, str, str]:
    """Name, place and first line of the first error in the notebook at `path`; empty without one."""
    import nbformat

    try:
        cells = nbformat.read(path, as_version=4).cells if path.exists() else []
    except (ValueError, AttributeError):  # half written by a process that was killed
        return "", "", ""
    for cell in cells:
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                line = (output.evalue.strip().splitlines() or [""])[0]
                return output.ename, f"{output.ename} in cell [{cell.execution_count}]", line
    return "", "", ""


def parameters(source: Path) -> dict[str, tuple[type, Any]]:
    """Name -> (type, default) of each assignment in the page's cell tagged `parameters`.

    Raises:
        InputError: if the cell holds anything but assignments of plain values.
    """
    declared: dict[str, tuple[type, Any]] = {}
    types = {kind.__name__: kind for kind in KINDS}
    for cell in fresh(source).cells:
        if "parameters" not in cell.metadata.get("tags", []):
            continue
        try:
            body = ast.parse(cell.source).body
        except SyntaxError as e:
            line = (e.text or "").strip()
            raise InputError(f"{source.name}: its parameters cell is no Python at `{line}`: {e.msg}") from e
        for node in body:
            target: ast.expr | None = node.target if isinstance(node, ast.AnnAssign) else None
            if isinstance(node, ast.Assign) and len(node.targets) == 1:
                target = node.targets[0]
            value = node.value if isinstance(node, (ast.Assign, ast.AnnAssign)) else None
            try:
                if not isinstance(target, ast.Name) or value is None:
                    raise ValueError
                default = ast.literal_eval(value)
            except (ValueError, TypeError) as e:
                said = (ast.get_source_segment(cell.source, node) or "").partition("\n")[0]
                raise InputError(
                    f"{source.name}: its parameters cell has `{said}`; allowed: one name and one plain value a line "
                    "(a number, a text, true or false, a list), such as `seed = 0`"
                ) from e
            annotation = ast.unparse(node.annotation) if isinstance(node, ast.AnnAssign) else ""
            declared[target.id] = types.get(annotation, type(default)), default
    return declared


def checks(source: Path) -> dict[str, Callable[[str, Any], None]]:
    """Name -> what the page's call of `page.begin` checks that parameter with; empty where there is no such call.

    Only the keywords of the call are evaluated, with the imports that they need: nothing else of the page runs.
    """
    code = "\n".join(c.source for c in fresh(source).cells if c.cell_type == "code" and "begin(" in c.source)
    try:
        body = ast.parse(code).body
    except SyntaxError:
        return {}  # the page will say it
    for node in body:
        call = node.value if isinstance(node, (ast.Assign, ast.Expr)) else None
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute) or call.func.attr != "begin":
            continue
        needed = {n.id for k in call.keywords for n in ast.walk(k.value) if isinstance(n, ast.Name)}
        space: dict[str, Any] = {}
        for line in body:
            if isinstance(line, (ast.Import, ast.ImportFrom)):
                line.names = [a for a in line.names if (a.asname or a.name).partition(".")[0] in needed]
                if line.names:
                    exec(compile(ast.Module([line], []), str(source), "exec"), space)
        trees = {k.arg: ast.Expression(k.value) for k in call.keywords if k.arg}
        return {name: eval(compile(tree, str(source), "eval"), space) for name, tree in trees.items()}
    return {}


def checked(page: str, source: Path, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values for a page's parameters, as the types it declares; text is read as YAML (`3`, `[a, b]`).

    Raises `InputError` for a name that the page does not declare, a value of another type, and one that the
    page's own `page.begin` would refuse.
    """
    declared = parameters(source)
    taken = {name: _typed(page, name, value, declared) for name, value in values.items()}
    own = checks(source) if taken else {}
    for name, value in taken.items():
        if name in own:
            own[name](name, value)
    return taken


def checker(page: str, source: Path) -> Callable[[str, Any], Any]:
    """`checked` for many values of one page: a function of a parameter's name and a value, read from the page once."""
    declared, own = parameters(source), checks(source)

    def check(name: str, value: Any) -> Any:
        taken = _typed(page, name, value, declared)
        if name in own:
            own[name](name, taken)
        return taken

    return check


def _typed(page: str, name: str, value: Any, declared: Mapping[str, tuple[type, Any]]) -> Any:
    one_of(f"parameter of page {page}", name, declared)
    return _coerce(f"parameter {name} of page {page}", value, *declared[name])


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
