"""What an engine that sees can do: look at the pictures of shots and say what is on them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Protocol

from pydantic import Field, StrictStr

from media.sampling import Frame
from protocol.kinds.analysis import MAX_DIMENSIONS, Embeddings, Record, Tag
from protocol.messages import EngineRecord


class FrameContent(Record):
    """What was seen on one picture. What was not asked for is empty."""

    tags: Annotated[tuple[Tag, ...], Field(max_length=100)] = ()
    caption: Annotated[StrictStr, Field(max_length=2000)] | None = None
    embedding: Annotated[StrictStr, Field(max_length=3 * MAX_DIMENSIONS)] | None = None  # as `packed` makes it


class FrameViewer(Protocol):
    """An engine that sees, opened for what was asked of it."""

    batch: int  # how many pictures are looked at together

    def record(self) -> EngineRecord:
        """Say who looks, and on which device."""
        ...

    def embeddings(self) -> Embeddings | None:
        """Say what the embeddings are, None if there are none."""
        ...

    def look(self, pictures: Sequence[Frame]) -> list[FrameContent]:
        """Look at pictures together. Raises `JobFailed`: ENGINE, OUT_OF_MEMORY."""
        ...
