"""What each kind tells the contract suite of handlers, and the desk that a handler works at there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from colab.disk import link
from colab.handlers import HANDLERS
from colab.handlers.work import Result, StopWork
from colab.models import ModelPlaces, Models
from protocol.kinds import KINDS
from protocol.kinds.kind import CHECKPOINTS, SOURCE
from protocol.messages import EngineRecord


@dataclass(frozen=True, kw_only=True)
class HandlerCase:
    """A kind's small jobs, as the suite needs them. Everything is done by the embedded engine."""

    kind: str
    params: Mapping[str, Any]  # raw parameters of a small job
    source: Callable[[Path], Path] | None  # makes a good source in a folder; None for a kind that takes no file
    long_params: Mapping[str, Any] | None = None  # of a job that leaves at least two checkpoints
    long_source: Callable[[Path], Path] | None = None
    shorten: Callable[[Any], None] | None = None  # given pytest's monkeypatch: makes units small, for the long job
    for_other: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # what → parameters that suit it
    accepts: Mapping[str, str] = field(default_factory=dict)  # odd medium → the closed code that is right for it


@dataclass
class Desk:
    """`Work` at a desk of its own: local files, and a record of everything that the handler said."""

    kind: str
    raw: Mapping[str, Any]
    folder: Path
    sources: dict[str, Path] = field(default_factory=dict)
    engine: str | None = None
    stop_after: int | None = None  # progress calls
    published: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)  # checkpoints, in order
    progressed: list[tuple[int, int, str]] = field(default_factory=list)
    began: EngineRecord | None = None
    leftover: Mapping[str, Path] = field(default_factory=dict)  # what an earlier attempt left, by an equal engine

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "out").mkdir(exist_ok=True)
        self.params: BaseModel = KINDS[self.kind].params.model_validate(dict(self.raw))
        self.inputs = self.sources
        self.models = Models(ModelPlaces(folder=self.folder.parent / "models", offline=True))

    def output(self, path: str) -> Path:
        target = self.folder / "out" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        return target

    def kept(self, engine: EngineRecord) -> frozenset[str]:
        assert self.began is None, "the engine is told once"
        assert not self.published, "the engine is told before the first output"
        self.began = engine
        for path, file in self.leftover.items():
            link(file, self.output(path))  # as the bench does it: what is kept is not the handler's own
        return frozenset(self.leftover)

    def publish(self, path: str) -> None:
        assert self.output(path).is_file(), f"{path} was published before it was written"
        assert path not in self.published, f"{path} was published twice"
        self.published.append(path)

    def checkpoint(self, path: str) -> None:
        assert path.startswith(CHECKPOINTS), f"{path} is not a place for a checkpoint"
        assert KINDS[self.kind].checkpoints, "the kind does not say that it leaves checkpoints"
        assert self.output(path).is_file(), f"{path} was left before it was written"
        self.left.append(path)

    def progress(self, done: int, total: int, note: str = "") -> None:
        self.progressed.append((done, total, note))
        if self.stop_after is not None and len(self.progressed) > self.stop_after:
            raise StopWork

    def run(self) -> Result:
        """Have the handler do its work."""
        return HANDLERS[self.kind]().run(self)

    def outputs(self) -> dict[str, bytes]:
        """Return what was published."""
        return {path: self.output(path).read_bytes() for path in sorted(self.published)}


def desk(case: HandlerCase, folder: Path, **more: Any) -> Desk:
    """Return a desk with the case's small job on it."""
    folder.mkdir(parents=True, exist_ok=True)
    sources = {SOURCE: case.source(folder)} if case.source and "sources" not in more else {}
    return Desk(**{"kind": case.kind, "raw": case.params, "folder": folder / "work", "sources": sources} | more)
