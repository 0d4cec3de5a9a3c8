"""What an engine that sees can do: look at the pictures of shots and say what is on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from media.reading import Frame
from protocol.kinds.analysis import Embeddings, Tag
from protocol.messages import EngineRecord


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What was seen on one picture. What was not asked for is empty."""

    tags: tuple[Tag, ...] = ()
    caption: str | None = None
    embedding: str | None = None  # as `protocol.kinds.analysis.packed` makes it


class Eyes(Protocol):
    """An engine that sees, opened for what was asked of it."""

    batch: int  # how many pictures are looked at together

    def record(self) -> EngineRecord:
        """Say who looks, and on which device."""
        ...

    def embeddings(self) -> Embeddings | None:
        """Say what the embeddings are, None if there are none."""
        ...

    def look(self, pictures: Sequence[Frame]) -> list[Seen]:
        """Look at pictures together. Raises `JobFailed`: ENGINE, OUT_OF_MEMORY."""
        ...
