"""A long sound in pieces, cut at silence as it is decoded: no more than one is in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from colab.handlers.transcribe.silence import cut_near
from media.pcm import RATE, Samples, SampleStream

BLOCK_S = 30
"""How much is decoded between two looks around."""

WINDOW = 0.2
"""How far before the end of a piece its silence is searched, as a part of it."""


@dataclass(frozen=True, kw_only=True)
class SoundPiece:
    """Samples of the sound from `start` on, counted from the beginning of the file."""

    start: int
    samples: Samples
    last: bool

    @property
    def end(self) -> int:
        """The sample after the last one."""
        return self.start + self.samples.size


def pieces(stream: SampleStream, longest_s: float, *, begin: int, look_up: Callable[[], None]) -> Iterator[SoundPiece]:
    """Yield the pieces of a sound from the sample `begin` on; one without samples, if there are none.

    Where a piece ends depends on its beginning and the sound alone.
    """
    _skip(stream, begin, look_up)
    start, held = begin, np.empty(0, np.float32)
    longest = round(longest_s * RATE)
    while True:
        held = _filled(stream, held, longest, look_up)
        if held.size < longest:
            yield SoundPiece(start=start, samples=held, last=True)
            return
        end = cut_near(held, round(longest * (1 - WINDOW)), longest)
        yield SoundPiece(start=start, samples=held[:end], last=False)
        start, held = start + end, held[end:].copy()


def _skip(stream: SampleStream, samples: int, look_up: Callable[[], None]) -> None:
    while samples > 0 and (read := stream.read(min(samples, BLOCK_S * RATE)).size):
        samples -= read
        look_up()


def _filled(stream: SampleStream, held: Samples, longest: int, look_up: Callable[[], None]) -> Samples:
    """Return what was held and what comes after it, `longest` samples in all while there are so many."""
    parts, size = [held], held.size
    while size < longest and (read := stream.read(min(longest - size, BLOCK_S * RATE))).size:
        parts.append(read)
        size += read.size
        look_up()
    return np.concatenate(parts)
