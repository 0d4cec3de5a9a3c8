"""A new kind of work is a module in `protocol/kinds/` and a folder in `colab/handlers/`, and nothing else."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gpudrop_start import PACKAGES
from tests.support.drops import make_drop

ROOT = Path(__file__).parent.parent.parent

KIND = '''
"""Shouting: a text in capitals."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from protocol.kinds.kind import Kind


class Params(BaseModel):
    """Write a text in capitals.

    The second paragraph is for those who ask for help.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    marks: Annotated[int, Field(ge=0, le=9, description="Exclamation marks at the end")] = 1


KIND = Kind(
    name="shout", params=Params, outputs=lambda _: {"source.loud.txt": "text/plain"}, takes=("text",), neural=False
)
'''

HANDLER = '''
"""Shouts."""

from __future__ import annotations

from typing import cast

from colab.models import Models
from colab.work import Work, WorkResult
from protocol.kinds.kind import SOURCE
from protocol.kinds.shout import Params
from protocol.messages import Choices, EngineRecord

ENGINE = EngineRecord(name="throat", version="1", provider="python", device="cpu", tier="embedded")


class ShoutHandler:
    kind = "shout"

    def engines(self, models: Models) -> tuple[EngineRecord, ...]:
        return (ENGINE,)

    def choices(self, models: Models) -> dict[str, Choices]:
        return {}

    def run(self, work: Work) -> WorkResult:
        params = cast(Params, work.params)
        work.begin(ENGINE)
        text = work.inputs[SOURCE].read_text(encoding="utf-8").upper().rstrip() + "!" * params.marks
        work.output("source.loud.txt").write_text(text, encoding="utf-8")
        work.publish("source.loud.txt")
        return WorkResult(engine=ENGINE)


HANDLER = ShoutHandler()
'''

Run = Callable[..., str]


@pytest.fixture
def product(tmp_path: Path) -> Path:
    """Return a copy of the product with one more kind, in exactly two places."""
    copy = tmp_path / "product"
    copy.mkdir()
    for package in PACKAGES:
        shutil.copytree(ROOT / package, copy / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "gpudrop_start.py", copy)
    (copy / "protocol" / "kinds" / "shout.py").write_text(KIND, encoding="utf-8")
    folder = copy / "colab" / "handlers" / "shout"
    folder.mkdir()
    (folder / "__init__.py").write_text(HANDLER, encoding="utf-8")
    return copy


@pytest.fixture
def run(product: Path, tmp_path: Path) -> Run:
    """Return a function that runs Python with the copy, and returns what it printed."""
    here = {
        **os.environ,
        "PYTHONPATH": str(product),
        "GPUDROP_DATA_DIR": str(tmp_path / "data"),
        "GPUDROP_CONFIG_DIR": str(tmp_path / "config"),
        "NO_COLOR": "1",
        "COLUMNS": "120",
    }
    (tmp_path / "notes.txt").write_text("wake up\n", encoding="utf-8")

    def start(*arguments: str) -> str:
        command = [sys.executable, "-P", *arguments]
        done = subprocess.run(command, cwd=tmp_path, env=here, capture_output=True, text=True, timeout=240, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return start


def test_its_command_runs_it_on_this_machine(run: Run, tmp_path: Path) -> None:
    """The worker that a command starts does it through its private drop; the help has its options."""
    assert "shout" in run("-m", "dispatcher.cli", "--help")
    assert "Exclamation marks at the end" in run("-m", "dispatcher.cli", "shout", "--help")
    printed = run("-m", "dispatcher.cli", "shout", "notes.txt", "--marks", "3", "--out", "made", "--json")
    (made,) = json.loads(printed)["made"]
    assert made["engine"]["name"] == "throat"
    assert (tmp_path / "made" / "notes.loud.txt").read_text(encoding="utf-8") == "WAKE UP!!!"


def test_a_worker_of_a_shared_folder_does_it(run: Run, tmp_path: Path) -> None:
    """Sent and awaited by a script, done by a worker of its own, known by its card."""
    drop = make_drop(tmp_path / "drop")
    script = f"""
import subprocess, sys
from dispatcher import connect, shout
worker = subprocess.Popen([sys.executable, "-P", "-m", "colab", "--drop", {str(drop)!r}, "--kinds", "shout"])
try:
    with connect("colab", drop={str(drop)!r}) as gpu:
        made = shout(gpu, "notes.txt", marks=2)
        print(made.engine.name, made.save("made"))
finally:
    worker.terminate()
    worker.wait(60)
"""
    (tmp_path / "script.py").write_text(script, encoding="utf-8")
    assert run("script.py").startswith("throat")
    assert (tmp_path / "made" / "notes.loud.txt").read_text(encoding="utf-8") == "WAKE UP!!"
