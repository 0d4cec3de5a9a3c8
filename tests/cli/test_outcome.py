"""What a command of a kind prints at its end."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from dispatcher.cli.outcome import Outcome
from dispatcher.operations.batch import OperationResult


@pytest.mark.parametrize("folder", ["", "films", "../other"])
def test_a_chain_prints_its_paths_in_one_form(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str) -> None:
    """Relative ones where the source was named so, absolute ones where it was: the first step and those after it."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    made = cast(OperationResult, None)  # its paths are told beside it
    later = Path(tmp_path, "here", folder, "b.png").resolve()
    assert Outcome(made=[(made, [Path(folder, "a.png")])], placed=[later]).paths() == [
        Path(folder, "a.png"),
        Path(folder, "b.png"),
    ]
    first = tmp_path / "a.png"
    assert Outcome(made=[(made, [first])], placed=[later]).paths() == [first, later]
