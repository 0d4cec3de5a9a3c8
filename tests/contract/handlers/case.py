"""What each kind tells the contract suite of handlers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from colab.fake_workbench import FakeWorkbench
from colab.work import Handler
from protocol.kinds.kind import SOURCE


@dataclass(frozen=True, kw_only=True)
class HandlerCase:
    """A kind's small jobs, as the suite needs them. Everything is done by the embedded engine."""

    kind: str
    params: Mapping[str, Any]  # raw parameters of a small job
    source: Callable[[Path], Path] | None  # makes a good source in a folder; None for a kind that takes no file
    long_params: Mapping[str, Any] | None = None  # of a job that saves at least two checkpoints
    long_source: Callable[[Path], Path] | None = None
    long_handler: Handler | None = None  # with small units of work, for the long job
    for_other: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # what → parameters that suit it
    accepts: Mapping[str, str] = field(default_factory=dict)  # odd medium → the closed code that is right for it


def desk(case: HandlerCase, folder: Path, **more: Any) -> FakeWorkbench:
    """Return a workbench with the case's small job on it."""
    folder.mkdir(parents=True, exist_ok=True)
    sources = {SOURCE: case.source(folder)} if case.source and "sources" not in more else {}
    given = {"kind": case.kind, "raw": case.params, "folder": folder / "work", "sources": sources}
    return FakeWorkbench(**{**given, **more})
