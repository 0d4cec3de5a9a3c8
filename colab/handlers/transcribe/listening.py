"""One file being listened to: piece after piece, from where an earlier attempt was."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from colab.handlers.transcribe import kept
from colab.handlers.transcribe.engine import HeardUtterance, Language, Recogniser
from colab.handlers.transcribe.silence import cut_near
from colab.handlers.transcribe.sound import Sound
from colab.work import Work
from media.pcm import RATE, Samples, SampleStream
from protocol.kinds.transcribe import Params


@dataclass(kw_only=True)
class Transcription:
    """One request being heard. `listen` gives what is said in the whole file."""

    work: Work
    engine: Recogniser
    params: Params
    sound: Sound
    checkpoint_s: float
    piece_s: float
    clock: Callable[[], float] = time.monotonic
    utterances: list[HeardUtterance] = field(default_factory=list)
    language: Language | None = None
    resumed_s: float = 0.0
    heard_s: float = 0.0
    _number: int = 0  # of the checkpoint to write
    _saved: int = 0  # the sample up to which checkpoints tell what is said
    _unsaved: int = 0  # the first utterance that none of them tells
    _saved_at: float = 0.0
    _furthest_s: float = 0.0

    def listen(self, left: Iterable[str]) -> None:
        """Hear the file to its end. `left` names what earlier attempts left."""
        if self.params.language != "auto":
            self.language = Language(code=self.params.language)
        begin = self._take_up(left)
        self._saved_at = self.clock()
        with self.sound.open() as stream:
            for piece in pieces(stream, self.piece_s, begin=begin, look_up=self._look_up):
                self._hear(piece)
                if not piece.last:
                    self._keep(piece.end)
        self.sound.check_whole(self.heard_s)
        total = self._total()
        self.work.progress(total, total, f"{_clock(self.heard_s)} heard")

    def _take_up(self, left: Iterable[str]) -> int:
        """Take what checkpoints tell, and return the sample from which on is to be heard."""
        heard = kept.read((name, self.work.output(name)) for name in left)
        self._number = heard.next_number
        if heard.end / RATE > self.sound.told_s + 1:
            return 0  # it tells of more than there is
        self.utterances = list(heard.utterances)
        self.language = self.language or heard.language
        self._unsaved, self._saved = len(self.utterances), heard.end
        self.resumed_s = self.heard_s = heard.end / RATE
        return heard.end

    def _hear(self, piece: SoundPiece) -> None:
        start_s, seconds = piece.start / RATE, piece.samples.size / RATE
        self._look_up()
        if self.language is None:
            self.language = self.engine.language(piece.samples)
        if self.language is not None:
            said = self.engine.hear(
                piece.samples,
                self.language.code,
                self.params,
                lambda share: self._progress(start_s + share * seconds),
            )
            self.utterances += [_moved(utterance, start_s) for utterance in said]
        self.heard_s = piece.end / RATE
        self._look_up()

    def _keep(self, end: int) -> None:
        """Leave a checkpoint, if enough work was done since the last."""
        if self.clock() - self._saved_at < self.checkpoint_s:
            return
        path = kept.path_of(self._number)
        kept.write(self.work.output(path), self._saved, end, self.language, self.utterances[self._unsaved :])
        self.work.checkpoint(path)
        self._number, self._saved, self._unsaved = self._number + 1, end, len(self.utterances)
        self._saved_at = self.clock()

    def _look_up(self) -> None:
        self._progress(self.heard_s)

    def _progress(self, at_s: float) -> None:
        self._furthest_s = max(self._furthest_s, at_s)
        total = self._total()
        self.work.progress(int(self._furthest_s), total, f"{_clock(self._furthest_s)} of {_clock(total)}")

    def _total(self) -> int:
        return max(1, math.ceil(max(self.sound.told_s, self._furthest_s)))


def _moved(utterance: HeardUtterance, by_s: float) -> HeardUtterance:
    """Return an utterance of a piece in the time of the file."""
    words = tuple(
        replace(word, start_s=_late(word.start_s, by_s), end_s=_late(word.end_s, by_s)) for word in utterance.words
    )
    return replace(utterance, start_s=_late(utterance.start_s, by_s), end_s=_late(utterance.end_s, by_s), words=words)


def _late(seconds: float, by_s: float) -> float:
    return round(max(0.0, seconds) + by_s, 3)


def _clock(seconds: float) -> str:
    hours, minutes = divmod(int(seconds) // 60, 60)
    return f"{hours}:{minutes:02}:{int(seconds) % 60:02}" if hours else f"{minutes}:{int(seconds) % 60:02}"


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
