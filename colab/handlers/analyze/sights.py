"""What was seen in the shots so far, left for another attempt now and then."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

from colab.handlers.analyze import resume
from colab.handlers.analyze.engine import FrameContent
from colab.handlers.analyze.resume import Saving
from colab.work import Work
from protocol.kinds.analysis import Embeddings, unpacked


class ShotContents:
    """What was seen by the pictures at `places`, in their order."""

    def __init__(self, work: Work, places: Sequence[int], embeddings: Embeddings | None, saving: Saving) -> None:
        self._work, self._places, self._saving = work, list(places), saving
        self._dimensions = None if embeddings is None else embeddings.dimensions
        self.seen: list[FrameContent] = []
        self._number, self._left, self._told = 1, 0, time.monotonic()

    def restore(self, kept: frozenset[str], *, trusted: bool = True) -> None:
        """Take over what an earlier attempt saw of the same pictures; if it is not trusted, only leave its names be."""
        for number in resume.seen_numbers(kept):
            self._number = number + 1
            if not trusted:
                continue
            found = resume.read_seen(self._work.output(resume.seen_path(number)))
            if found is None or found.first not in (0, len(self.seen)):
                continue
            there = self._places[found.first : found.first + len(found.places)]
            if list(found.places) == there and all(map(self._fits, found.seen)):
                self.seen[found.first :] = found.seen
        self._left = len(self.seen)

    def add(self, seen: Sequence[FrameContent]) -> None:
        """Add what was seen by the next pictures."""
        self.seen += seen
        now = time.monotonic()
        if now - self._told < self._saving.every_s:
            return
        path, part = resume.seen_path(self._number), slice(self._left, len(self.seen))
        looked = resume.SavedContents(first=self._left, places=tuple(self._places[part]), seen=tuple(self.seen[part]))
        self._work.output(path).write_bytes(resume.as_json(looked))
        self._work.checkpoint(path)
        self._number, self._left, self._told = self._number + 1, len(self.seen), now

    def _fits(self, one: FrameContent) -> bool:
        """Say whether its embedding is one of this engine."""
        if one.embedding is None or self._dimensions is None:
            return one.embedding is None and self._dimensions is None
        try:
            vector = unpacked(one.embedding)
            return len(vector) == self._dimensions and all(map(math.isfinite, vector))
        except ValueError:
            return False
