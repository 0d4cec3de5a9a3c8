"""What a job is before it is sent, how it stands while it is away, and what comes back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from protocol.messages import EngineRecord
from protocol.states import State


@dataclass(frozen=True, kw_only=True)
class Job:
    """One piece of work: a kind, its raw parameters and its input files by portable names."""

    kind: str
    params: Mapping[str, Any]
    inputs: Mapping[str, Path] = field(default_factory=dict)
    require_engine: str | None = None
    attempts: int = 3
    wall_s: float = 14_400
    stall_s: float = 1_800
    queue_s: float = 86_400
    lease_s: float | None = None  # None: the drop's own pace


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How a job stands, as well as this machine can see it. Seconds are this machine's own."""

    run: str
    state: State
    waited_s: float
    attempt: int = 0
    worker: str | None = None
    done: int = 0
    total: int = 0
    note: str = ""
    silent_s: float | None = None  # since the last sign of life of the worker at it
    text: str = ""  # one line for people, with the cure where something is wrong


@dataclass(frozen=True, kw_only=True)
class Result:
    """A verified result: every file was hashed here. `verified` is "legacy" for answers of the simple form."""

    run: str
    folder: Path
    files: Mapping[str, Path]
    engine: EngineRecord | None
    summary: Mapping[str, Any]
    verified: str
