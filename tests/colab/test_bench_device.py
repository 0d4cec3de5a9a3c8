"""A device that fails where no handler looks: the bench itself knows what that means."""

from __future__ import annotations

from multiprocessing import Pipe
from pathlib import Path
from typing import Any

import pytest

from colab import bench
from colab.handlers import HANDLERS
from colab.models import ModelPlaces, Models


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("CUDA out of memory. Tried to allocate 2.00 GiB", "OUT_OF_MEMORY"),
        ("CUDA error: an illegal memory access was encountered", "ENGINE"),
        ("mat1 and mat2 shapes cannot be multiplied", "INTERNAL"),
    ],
)
def test_what_a_handler_did_not_map_has_its_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, code: str
) -> None:
    """So that a job is tried without other kinds' models, and a process that lost its GPU is replaced."""

    class Broken:
        def run(self, work: Any) -> None:
            raise RuntimeError(said)

    monkeypatch.setitem(HANDLERS, "echo", Broken)
    task = {"kind": "echo", "params": {"text": "hi"}, "engine": None, "inputs": {}, "folder": str(tmp_path), "kept": {}}
    ours, theirs = Pipe()
    try:
        event = bench._answer_task(theirs, Models(ModelPlaces(folder=tmp_path, offline=True)), task)
    finally:
        ours.close()
        theirs.close()
    assert (event["code"], event["message"]) == (code, f"RuntimeError: {said}")
    assert "RuntimeError" in event["trace"]
