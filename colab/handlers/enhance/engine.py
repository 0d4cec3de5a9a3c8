"""What an engine that writes texts anew is. Model libraries stay inside the engines' own files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from protocol.messages import Choices, EngineRecord
from speech.faithful import Bounds


@dataclass(frozen=True, kw_only=True)
class RewriteOptions:
    """What the user asks for, the same for every text of a job."""

    purpose: str
    instruction: str
    bounds: Bounds
    temperature: float
    seed: int
    offload: bool


@dataclass(frozen=True, kw_only=True)
class RewriteRequest:
    """One text to write anew. `language` is two letters, or None where it does not show.

    `glossary` has the terms that stand in it, `complaints` what was wrong with the answer before.
    """

    text: str
    language: str | None
    glossary: tuple[str, ...]
    complaints: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Unable:
    """Why an engine has no answer for one text. The others are not concerned."""

    why: str


Answer = str | Unable


class Rewriter(Protocol):
    """One engine, open in this process. The same asks, in the same batches, have the same answers."""

    name: str
    batch: int  # so many texts at once take it no more memory than one
    retries: int  # how often it is worth asking again with what was wrong

    def record(self) -> EngineRecord:
        """Say who writes: engine, version, model, provider and device really in use, tier."""
        ...

    def choices(self) -> Choices:
        """Return the models that may be asked for."""
        ...

    def pick(self, model: str) -> None:
        """Settle on a model. Raises `JobFailed` UNSUPPORTED, listing what there is, for one that is not known."""
        ...

    def files(self) -> tuple[str, ...]:
        """Return the model files that the model needs, by their names in the table of models."""
        ...

    def unheeded(self, wish: RewriteOptions) -> list[str]:
        """Return the names of wishes that this engine cannot follow."""
        ...

    def write(self, asks: Sequence[RewriteRequest], wish: RewriteOptions, look_up: Callable[[], None]) -> list[Answer]:
        """Return an answer for each ask, calling `look_up` all the while: it raises when the job must end."""
        ...
