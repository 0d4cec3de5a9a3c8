from __future__ import annotations

import ast
import json
import sys
from pathlib import Path
from typing import Any

import pytest

import colab
from colab.handlers import HANDLERS
from colab.install import ENGINES

NOTEBOOK = Path(colab.__file__).parent / "worker.ipynb"
FORBIDDEN = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.For, ast.AsyncFor, ast.While, ast.Lambda)


def _cells() -> list[dict[str, Any]]:
    cells: list[dict[str, Any]] = json.loads(NOTEBOOK.read_text("utf-8"))["cells"]
    return cells


def _code(tag: str) -> str:
    [source] = ["".join(cell["source"]) for cell in _cells() if tag in cell["metadata"].get("tags", [])]
    return source


def test_it_is_stored_without_outputs() -> None:
    """Nobody's run is in the repository: no outputs, no counts."""
    code = [cell for cell in _cells() if cell["cell_type"] == "code"]
    assert [cell["outputs"] for cell in code] == [[]] * len(code)
    assert [cell["execution_count"] for cell in code] == [None] * len(code)


@pytest.mark.parametrize("tag", ["parameters", "mount", "install", "engines", "run"])
def test_no_logic_lives_in_it(tag: str) -> None:
    """No function, class or loop is in any cell: what can be wrong is in the package, where it is tested."""
    assert not [node for node in ast.walk(ast.parse(_code(tag))) if isinstance(node, FORBIDDEN)]


def test_its_parameters_are_a_form() -> None:
    """Each parameter is a Colab form field, and consent is not given beforehand."""
    lines = [line for line in _code("parameters").splitlines() if line and not line.startswith("#")]
    assert all("# @param" in line for line in lines)
    values = {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in ast.parse(_code("parameters")).body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    assert values == {
        "DROP": "/content/drive/MyDrive/gpudrop",
        "INSTALL": True,
        "MOUNT_DRIVE": True,
        "ENGINES": "voices, whisper, upscale, vision",
        "KINDS": "",
        "IDLE_MINUTES": 30,
        "SESSION_HOURS": 12,
        "I_AGREE_TO_THE_TERMS": False,
    }


def test_it_installs_with_the_standard_library() -> None:
    """Before the worker is installed nothing of ours or of others can be imported."""
    imported = {
        name.split(".")[0]
        for node in ast.walk(ast.parse(_code("install")))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert imported <= sys.stdlib_module_names


def test_the_policy_is_the_first_thing_seen() -> None:
    """The first cell tells what free runtimes may not be used for."""
    assert "do not allow distributed computing workers" in " ".join(
        "".join(_cells()[0]["source"]).replace(">", "").split()
    )


def test_the_form_names_every_kind_and_every_engine() -> None:
    """What may be written into the form stands beside it."""
    form = _code("parameters").replace("# @markdown ", "")
    assert ", ".join(sorted(HANDLERS)) in form
    assert ", ".join(ENGINES) in form
