"""A workbench without a worker: one job on local files, and a record of everything that its handler said.

For tests of handlers, for benchmarks, and for whoever writes a new kind. It checks what a real bench relies on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from colab.disk import link
from colab.handlers import HANDLERS
from colab.models import ModelPlaces, Models
from colab.work import Handler, StopWork, WorkResult
from protocol.kinds import KINDS
from protocol.kinds.kind import CHECKPOINTS
from protocol.messages import EngineRecord


@dataclass(kw_only=True)
class FakeWorkbench:
    """One job: `Work` for its handler, which `run` calls.

    `earlier` maps paths to files that an earlier attempt by an equal engine left. With `stop_after`, the progress
    report after that many raises `StopWork`.
    """

    kind: str
    raw: Mapping[str, Any] | BaseModel  # the parameters
    folder: Path
    sources: Mapping[str, Path] = field(default_factory=dict)  # the inputs, by name
    engine: str | None = None
    handler: Handler | None = None  # instead of the one in the table
    models: Models = None  # type: ignore[assignment]  # no files and offline, if none are given
    earlier: Mapping[str, Path] = field(default_factory=dict)
    stop_after: int | None = None
    published: list[str] = field(default_factory=list)
    checkpoints: list[str] = field(default_factory=list)  # in order
    progressed: list[tuple[int, int, str]] = field(default_factory=list)
    began: EngineRecord | None = None
    result: WorkResult | None = None

    def __post_init__(self) -> None:
        (self.folder / "out").mkdir(parents=True, exist_ok=True)
        raw = self.raw
        self.params = raw if isinstance(raw, BaseModel) else KINDS[self.kind].params.model_validate(dict(raw))
        if self.models is None:
            self.models = Models(ModelPlaces(folder=self.folder.parent / "models", offline=True))

    @property
    def inputs(self) -> Mapping[str, Path]:
        """Return the inputs."""
        return self.sources

    def output(self, path: str) -> Path:
        """Return the file for a result path."""
        target = self.folder / "out" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        return target

    def begin(self, engine: EngineRecord) -> frozenset[str]:
        """Note the engine, and put the files of an earlier attempt in place."""
        assert self.began is None, "the engine is named once"
        assert not self.published, "the engine is named before the first output"
        self.began = engine
        for path, file in self.earlier.items():
            link(file, self.output(path))  # as the bench does: the handler does not own these bytes
        return frozenset(self.earlier)

    def publish(self, path: str) -> None:
        """Note an output."""
        assert self.output(path).is_file(), f"{path} was published before it was written"
        assert path not in self.published, f"{path} was published twice"
        self.published.append(path)

    def checkpoint(self, path: str) -> None:
        """Note a checkpoint."""
        assert path.startswith(CHECKPOINTS), f"{path} is not a path for a checkpoint"
        assert KINDS[self.kind].checkpoints, f"the kind {self.kind} does not say that it saves checkpoints"
        assert self.output(path).is_file(), f"{path} was saved before it was written"
        self.checkpoints.append(path)

    def progress(self, done: int, total: int, note: str = "") -> None:
        """Note how far the work is."""
        self.progressed.append((done, total, note))
        if self.stop_after is not None and len(self.progressed) > self.stop_after:
            raise StopWork

    def run(self) -> WorkResult:
        """Have the handler do the work."""
        self.result = (self.handler or HANDLERS[self.kind]()).run(self)
        return self.result

    def outputs(self) -> dict[str, bytes]:
        """Return what was published, by path."""
        return {path: self.output(path).read_bytes() for path in sorted(self.published)}
