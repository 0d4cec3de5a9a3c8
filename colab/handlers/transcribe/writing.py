"""The formats: subtitles, texts and tables as Whisper's own command writes them, JSON as WhisperX's."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pysubs2

from colab.handlers.transcribe.engine import HeardUtterance, HeardWord
from media import captions
from media.captions import Cue
from protocol.kinds.transcribe import Format

NOTICE = "made by gpudrop"
STYLE = pysubs2.SSAStyle(fontname="Arial", fontsize=60.0, outline=3.0, shadow=1.0, marginl=120, marginr=120, marginv=60)
SIZE = {"PlayResX": "1920", "PlayResY": "1080"}
"""Sizes are of a film of 1080 lines; players scale them."""

LONGEST_ASS_S = 36_000
"""Its hours have one digit."""


@dataclass(frozen=True, kw_only=True)
class Written:
    """What is to be written down."""

    sentences: Sequence[HeardUtterance]
    cues: Sequence[Cue]
    language: str | None
    engine: Mapping[str, Any]  # name, version, tier
    remark: str | None = None  # what a reader must know: that it is rough


def srt(written: Written) -> str:
    """Return SubRip. It has no room for a remark."""
    return captions.srt(written.cues)


def vtt(written: Written) -> str:
    """Return WebVTT, the remark as a note."""
    return captions.vtt(written.cues, _remarks(written))


def ass(written: Written) -> str:
    """Return Advanced SubStation, the remark in its head."""
    subtitles = pysubs2.SSAFile()
    subtitles.events = [
        pysubs2.SSAEvent(
            start=cue.start_ms,
            end=cue.end_ms,
            text=r"\N".join(captions.mark_direction(captions.ass_text(line), leftward) for line in cue.lines),
        )
        for cue, leftward in captions.with_direction(written.cues)
    ]
    subtitles.info.update(SIZE | {"WrapStyle": "2", "ScaledBorderAndShadow": "yes"})
    subtitles.styles["Default"] = STYLE.copy()
    return subtitles.to_string("ass", header_notice="\n".join(_remarks(written)))


def txt(written: Written) -> str:
    """Return a line for each sentence."""
    return "".join(f"{sentence.text}\n" for sentence in written.sentences)


def tsv(written: Written) -> str:
    """Return a line for each sentence: start and end in milliseconds, and the text."""
    rows = [
        f"{round(1000 * one.start_s)}\t{round(1000 * one.end_s)}\t{' '.join(one.text.split())}\n"
        for one in written.sentences
    ]
    return "start\tend\ttext\n" + "".join(rows)


def as_json(written: Written) -> str:
    """Return segments and words. `rough` is true where the words are only about right."""
    whole = {
        "segments": [_segment(sentence) for sentence in written.sentences],
        "word_segments": [_word(word) for sentence in written.sentences for word in sentence.words],
        "language": written.language,
        "engine": dict(written.engine),
        "rough": written.remark is not None,
    }
    return json.dumps(whole, ensure_ascii=False) + "\n"


WRITERS: dict[Format, Callable[[Written], str]] = {
    "srt": srt, "vtt": vtt, "ass": ass, "txt": txt, "tsv": tsv, "json": as_json,
}  # fmt: skip


def _remarks(written: Written) -> list[str]:
    by = f"{NOTICE}, {written.engine['name']} {written.engine['version']}"
    return [by, *filter(None, [written.remark])]


def _segment(sentence: HeardUtterance) -> dict[str, Any]:
    told = {"start": round(sentence.start_s, 3), "end": round(sentence.end_s, 3), "text": sentence.text}
    return told | {"words": [_word(word) for word in sentence.words]}


def _word(word: HeardWord) -> dict[str, Any]:
    told: dict[str, Any] = {"word": word.text, "start": round(word.start_s, 3), "end": round(word.end_s, 3)}
    return told if word.score is None else told | {"score": word.score}
