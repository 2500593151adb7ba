"""The files around the code agree with one another: dependencies, lock, environment, commands, automation."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import tomllib

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from ssllib import __main__ as commands
from ssllib import paths

ROOT = paths.project_dir()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
DECLARED = [Requirement(r) for r in PROJECT["dependencies"] + [r for extra in EXTRAS.values() for r in extra]]
MAKEFILE = (ROOT / "Makefile").read_text()


def locked() -> dict[str, list[Version]]:
    """The versions that requirements.txt names, one per platform or Python where they differ."""
    found: dict[str, list[Version]] = {}
    for line in (ROOT / "requirements.txt").read_text().splitlines():
        if line and not line.lstrip().startswith("#"):
            pin = Requirement(line)
            (exact,) = pin.specifier
            assert exact.operator == "==" and not pin.url, line
            found.setdefault(canonicalize_name(pin.name), []).append(Version(exact.version))
    return found


@pytest.mark.parametrize("wanted", DECLARED, ids=str)
def test_every_dependency_is_locked_at_a_version_it_allows(wanted: Requirement) -> None:
    versions = locked().get(canonicalize_name(wanted.name), [])
    assert versions and all(wanted.specifier.contains(v) for v in versions), "run `make lock`"


def test_one_oldest_python_everywhere() -> None:
    (oldest,) = SpecifierSet(PROJECT["requires-python"])
    assert oldest.operator == ">="
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    assert f"python>={oldest.version}" in environment["dependencies"]
    assert f"--python-version {oldest.version} " in (ROOT / "requirements.txt").read_text().splitlines()[1]
    assert f"sys.version_info < ({oldest.version.replace('.', ', ')})" in MAKEFILE
    assert tools["ruff"]["target-version"] == f"py{oldest.version.replace('.', '')}"


def test_conda_installs_the_same_lock() -> None:
    dependencies = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    (pip,) = [d["pip"] for d in dependencies if isinstance(d, dict)]
    assert pip == ["-r requirements.txt", "-e ."]


def test_the_lock_says_how_it_is_made_and_names_no_index() -> None:
    text = (ROOT / "requirements.txt").read_text()
    (command,) = re.findall(r"^#\s+(uv pip compile .*)$", text, re.MULTILINE)
    assert "--universal" in command and "--all-extras" in command
    assert "--index-url" not in text.replace(command, "") and "://" not in text


def test_automation_runs_the_documented_command() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK) and script.read_text().rstrip().endswith("make test")
    workflow = yaml.safe_load((ROOT / ".github/workflows/book.yml").read_text())
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    assert {".ci/run", "make book"} <= {step.get("run") for step in steps}
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@v\d+", step["uses"]) for step in steps if "uses" in step)


@pytest.mark.skipif(not shutil.which("git") or not (ROOT / ".git").exists(), reason="not a git checkout")
def test_what_the_commands_make_is_ignored_by_git() -> None:
    made = [".venv/x", "_build/x", ".smoke/x", ".mypy_cache/x", ".ruff_cache/x", ".pytest_cache/x"]
    made += [".hypothesis/x", "ssllib.egg-info/x", "ssllib/__pycache__/x", "book/.ipynb_checkpoints/x"]
    said = subprocess.run(["git", "check-ignore", *made], cwd=ROOT, capture_output=True, text=True).stdout
    assert said.split() == made


def lines(pattern: str) -> list[tuple[str, str]]:
    """(file, line) of each command line matching `pattern` in the code blocks that people copy from."""
    found = []
    for name in ("README.md", "CONTRIBUTING.md", "book/running.md"):
        text = (ROOT / name).read_text() if (ROOT / name).exists() else ""
        for block in re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
            joined = block.replace("\\\n", " ")
            found += [(name, line) for line in joined.splitlines() if re.match(pattern, line)]
    return found


@pytest.mark.parametrize(("file", "line"), lines(r"(\.venv/bin/)?(python -m )?ssllib "))
def test_commands_in_the_text_exist(file: str, line: str) -> None:
    words = shlex.split(line, comments=True)
    commands._parser().parse_args(words[words.index("ssllib") + 1 :])


@pytest.mark.parametrize(("file", "line"), lines(r"make "))
def test_make_targets_in_the_text_exist(file: str, line: str) -> None:
    targets = [w for w in shlex.split(line, comments=True)[1:] if "=" not in w]
    assert all(re.search(rf"^{t}:", MAKEFILE, re.MULTILINE) for t in targets)
