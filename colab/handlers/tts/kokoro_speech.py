"""From phonemes to speech: what all Kokoro engines share. They bring a model; splits, joins and word times are here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from colab.handlers.tts.engine import Samples, SpokenText, TimedWord
from colab.handlers.tts.phonemes import Phonemes, within_limit
from colab.handlers.tts.script import CLAUSE_S, CUT_S, SENTENCE_S
from colab.handlers.tts.sound import FRAME_S, faded, loud_frames
from colab.handlers.tts.times import fill

RATE = 24_000

FRAME = 600
"""Samples in one frame of the model's durations: 40 frames a second."""

LIMIT_CHARACTERS = 300
"""What `speak` takes at most. Kokoro hurries beyond some 400 of its 510 phonemes, and 300 letters seldom need more."""

_BEFORE_S, _AFTER_S = 0.010, 0.030
_PAUSES = {**dict.fromkeys(".!?…", SENTENCE_S), **dict.fromkeys(",;:—", CLAUSE_S)}


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a model said for some phonemes. `edges` holds, in seconds, where each begins, and the end of the last;
    None where the model does not tell."""

    samples: Samples
    edges: NDArray[np.float64] | None


Say = Callable[[Phonemes], Said]
"""A model: phonemes within its limit → what it said."""


@dataclass
class _Track:
    """Samples so far, and where each word sounds in them."""

    pieces: list[Samples] = field(default_factory=list)
    spans: dict[int, tuple[float, float]] = field(default_factory=dict)
    seconds: float = 0.0

    def silence(self, seconds: float) -> None:
        self.sound(np.zeros(max(0, round(seconds * RATE)), dtype=np.float32))

    def sound(self, samples: Samples) -> None:
        self.pieces.append(samples)
        self.seconds += len(samples) / RATE

    def place(self, phonemes: Phonemes, edges: NDArray[np.float64], begin_s: float) -> None:
        """Give each word the time from its first to its last phoneme, blanks apart."""
        for at, (mark, word) in enumerate(zip(phonemes.text, phonemes.words, strict=True)):
            if mark != " ":
                start_s, end_s = begin_s + float(edges[at]), begin_s + float(edges[at + 1])
                first_s, last_s = self.spans.get(word, (start_s, end_s))
                self.spans[word] = (max(0.0, min(first_s, start_s)), max(last_s, end_s))


def spoken(text: str, phonemes: Phonemes, say: Say, speed: float) -> SpokenText:
    """Speak a text whose phonemes are known, in as many parts as the model's limit asks for.

    `exact` is True when the model told durations and every word has sounds of its own.
    """
    track = _Track()
    parts = within_limit(phonemes)
    told = True
    for number, part in enumerate(parts):
        said = say(part)
        told &= said.edges is not None
        edges = said.edges if said.edges is not None else _guessed(said.samples, len(part.text))
        if len(parts) == 1:
            track.place(part, edges, 0.0)
            track.sound(said.samples)
        else:
            _append(track, part, said.samples, edges)
            if number < len(parts) - 1:
                track.silence(_PAUSES.get(part.text[-1], CUT_S) / speed - _BEFORE_S - _AFTER_S)
    words = text.split()
    return SpokenText(
        samples=np.concatenate([*track.pieces, np.zeros(0, dtype=np.float32)]),
        rate=RATE,
        words=_timed(words, track),
        exact=told and phonemes.sure and len(track.spans) == len(words),
    )


def _append(track: _Track, part: Phonemes, samples: Samples, edges: NDArray[np.float64]) -> None:
    """Add a part without the silence around it, rising from and falling to zero: no click at the join."""
    loud = loud_frames(samples, RATE)
    if not loud.size:
        return
    from_s = max(0.0, float(loud[0]) * FRAME_S - _BEFORE_S)
    to_s = float(loud[-1] + 1) * FRAME_S + _AFTER_S
    track.place(part, np.clip(edges, from_s, to_s), track.seconds - from_s)
    track.sound(faded(samples[round(from_s * RATE) : round(to_s * RATE)], RATE, _BEFORE_S / 2, _AFTER_S / 2))


def _guessed(samples: Samples, count: int) -> NDArray[np.float64]:
    """Share the time of sound evenly among the phonemes."""
    loud = loud_frames(samples, RATE)
    first_s, last_s = (float(loud[0]) * FRAME_S, float(loud[-1] + 1) * FRAME_S) if loud.size else (0.0, 0.0)
    return np.linspace(first_s, last_s, count + 1)


def edges_from_frames(frames: Sequence[int], samples: int) -> NDArray[np.float64]:
    """Return the edges in seconds from the model's durations: one for each token, with the pad before and after."""
    passed: NDArray[np.float64] = np.cumsum(np.asarray(frames, dtype=np.float64))
    return np.asarray(passed[:-1] / passed[-1] * (samples / RATE), dtype=np.float64)


def _timed(words: list[str], track: _Track) -> tuple[TimedWord, ...]:
    """Return every word in order; one without sounds of its own has the time up to its neighbour."""
    starts = [track.spans[place][0] if place in track.spans else None for place in range(len(words))]
    begins = fill(starts, [len(word) for word in words], track.seconds)
    nexts = [*begins[1:], track.seconds]
    ends = [track.spans[place][1] if place in track.spans else nexts[place] for place in range(len(words))]
    return tuple(
        TimedWord(text=word, start_s=begin, end_s=max(begin, end))
        for word, begin, end in zip(words, begins, ends, strict=True)
    )
