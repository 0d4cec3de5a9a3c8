"""PocketSphinx: the embedded recogniser. It works offline from its wheel, in English only, and its words are rough."""

from __future__ import annotations

import functools
import importlib.util
import io
import re
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from colab.handlers.transcribe.engine import HeardUtterance, HeardWord, Language, LookUp
from colab.handlers.transcribe.silence import windows
from media.pcm import RATE, Samples
from protocol.errors import JobFailed
from protocol.kinds.transcribe import Params
from protocol.messages import EngineRecord
from usertext import installing

PIECE_S = 90.0
"""Half a minute of work, about."""

LONGEST_S = 15.0
NEAR_S = 0.6
PAD_S = 0.2
"""Speech with pauses below `NEAR_S` is decoded at one go, up to `LONGEST_S`, with so much silence around it: the
language model works on whole phrases, and first words are lost at a bare edge."""

SHORTEST_S = 0.1
"""Less is no word, and the decoder refuses some of it."""

BLOCK_S = 0.5
"""What is decoded between two looks around: the decoder holds the whole process meanwhile."""

_FRAME_S = 0.01
_NO_WORD = re.compile(r"<.*>|\[.*\]|\+\+.*\+\+")
_VARIANT = re.compile(r"\(\d+\)$")

Span = tuple[int, int]


class PocketSphinx:
    """The decoder with the English model of its wheel, opened by the first piece."""

    name = "pocketsphinx"

    def __init__(self) -> None:
        if importlib.util.find_spec("pocketsphinx") is None:
            raise JobFailed(
                f"pocketsphinx is not installed here: {installing.install('pocketsphinx==5.0.4')}", code="UNSUPPORTED"
            )

    @property
    def piece_s(self) -> float:
        """How much sound it is given at once."""
        return PIECE_S

    def files(self) -> tuple[str, ...]:
        """Return nothing: its model is in its package."""
        return ()

    def record(self) -> EngineRecord:
        """Say who listens."""
        return EngineRecord(
            name=self.name,
            version=version("pocketsphinx"),
            voice="en-us",
            rate=RATE,
            provider="pocketsphinx",
            device="cpu",
            tier="embedded",
        )

    def language(self, piece: Samples) -> Language | None:
        """Return English, which is all it knows."""
        return Language(code="en")

    def hear(self, piece: Samples, language: str, params: Params, look_up: LookUp) -> tuple[HeardUtterance, ...]:
        """Return what is said, an utterance for each stretch of speech."""
        data = (np.clip(piece, -1, 1) * 32767).astype("<i2")
        spans = speech(data) if params.vad else windows(piece, LONGEST_S)
        heard = []
        for start, end in spans:
            words = self._words(data[start:end], start / RATE, lambda at: look_up(at / data.size), start)
            if words:
                text = " ".join(word.text for word in words)
                heard.append(HeardUtterance(start_s=words[0].start_s, end_s=words[-1].end_s, text=text, words=words))
        return tuple(heard)

    def remarks(self) -> tuple[str, ...]:
        """Return nothing: there is one way only."""
        return ()

    def _words(self, data: Any, offset_s: float, look_up: Any, at: int) -> tuple[HeardWord, ...]:
        """Decode one utterance in blocks. It begins afresh, so that its words depend on its samples alone."""
        if data.size < SHORTEST_S * RATE:
            return ()
        decoder, block = _decoder(), round(BLOCK_S * RATE)
        mean = _mean(data)
        decoder.reinit_feat()  # forgets the noise of the utterance before
        decoder.set_cmn(mean)
        decoder.start_utt()
        try:
            for begin in range(0, data.size, block):
                look_up(at + begin)
                decoder.process_raw(data[begin : begin + block].tobytes(), no_search=False, full_utt=False)
        finally:
            decoder.end_utt()
        return tuple(_word(segment, offset_s) for segment in decoder.seg() or () if not _NO_WORD.match(segment.word))


@functools.cache
def _decoder() -> Any:
    """Return the decoder of this process: it takes a quarter of a second to load."""
    import pocketsphinx

    return pocketsphinx.Decoder(samprate=RATE, cmn="live", loglevel="FATAL")


@functools.cache
def _measure() -> Any:
    """Return a decoder that searches as good as nothing: it is asked for the mean of a spectrum.

    It knows one word, and so it is there at once; where that word is said takes it the least time to find.
    """
    import pocketsphinx

    with tempfile.TemporaryDirectory() as folder:
        words = Path(folder) / "one.dict"
        words.write_text("a AH\n", encoding="ascii")
        cheap = {"dict": str(words), "lm": None, "ds": 16, "topn": 1}
        decoder = pocketsphinx.Decoder(samprate=RATE, cmn="batch", loglevel="FATAL", **cheap)
    decoder.set_align_text("a")
    return decoder


def _mean(data: Any) -> str:
    """Return the spectrum's mean over a whole utterance, as the decoder takes it: its words depend on no other."""
    decoder = _measure()
    decoder.reinit_feat()  # forgets the noise of the utterance before
    decoder.start_utt()
    decoder.process_raw(data.tobytes(), no_search=True, full_utt=True)
    mean = str(decoder.get_cmn(False))
    decoder.end_utt()
    return mean


def speech(data: Any) -> list[Span]:
    """Return the stretches of speech as samples from and to, near ones joined, long ones cut where it is quiet."""
    import pocketsphinx

    segmenter = pocketsphinx.Segmenter(sample_rate=RATE)
    sound = data.tobytes()
    if len(sound) % segmenter.frame_bytes == 0:
        sound += b"\0\0"  # it ends a stretch of speech at the end of the sound only within a frame
    found = segmenter.segment(io.BytesIO(sound))
    spans: list[Span] = []
    for one in found:
        start, end = round(one.start_time * RATE), min(round(one.end_time * RATE), data.size)
        if spans and start - spans[-1][1] < NEAR_S * RATE and end - spans[-1][0] <= LONGEST_S * RATE:
            spans[-1] = (spans[-1][0], end)
        elif end > start:
            spans.append((start, end))
    return [part for span in _padded(spans, data.size) for part in _parts(data, span)]


def _padded(spans: list[Span], size: int) -> list[Span]:
    """Return the spans with some silence around each, which no two of them share."""
    pad, padded = round(PAD_S * RATE), []
    for place, (start, end) in enumerate(spans):
        before = (spans[place - 1][1] + start) // 2 if place else 0
        after = (end + spans[place + 1][0]) // 2 if place + 1 < len(spans) else size
        padded.append((max(start - pad, before), min(end + pad, after)))
    return padded


def _parts(data: Any, span: Span) -> list[Span]:
    start, end = span
    floats = data[start:end].astype(np.float32) / 32767
    return [(start + begin, start + stop) for begin, stop in windows(floats, LONGEST_S)]


def _word(segment: Any, offset_s: float) -> HeardWord:
    return HeardWord(
        text=_VARIANT.sub("", segment.word),
        start_s=round(offset_s + segment.start_frame * _FRAME_S, 3),
        end_s=round(offset_s + (segment.end_frame + 1) * _FRAME_S, 3),
        score=round(min(1.0, max(0.0, segment.prob)), 3),
    )
