"""Checkpoints: what was heard of a long sound so far, so that another attempt goes on from there.

They come from the drop: whatever is not exactly as this code writes it is not used, and that part is heard again.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool, StrictStr, ValidationError

from colab.handlers.transcribe.engine import HeardUtterance, HeardWord, Language
from media.pcm import RATE
from protocol import codec
from protocol.errors import BadMessage
from protocol.kinds.kind import CHECKPOINTS
from protocol.kinds.transcribe import LANGUAGES, MAX_SECONDS, Score, Second

logger = logging.getLogger(__name__)

MAX_BYTES = 16 << 20
SLACK_S = 1.0
"""How far outside of its part an utterance may be: engines round, and words ring out."""


def _known(code: str) -> str:
    if code not in LANGUAGES:
        raise ValueError("is no language")
    return code


Sample = Annotated[int, Field(strict=True, ge=0, le=MAX_SECONDS * RATE)]
Text = Annotated[StrictStr, Field(min_length=1, max_length=100_000)]
WordRow = tuple[Text, Second, Second, Score | None, StrictBool]
UtteranceRow = tuple[Second, Second, Text, Annotated[tuple[WordRow, ...], Field(max_length=100_000)]]


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    v: Literal[1]
    start: Sample
    end: Sample
    language: Annotated[StrictStr, AfterValidator(_known)] | None
    probability: Score
    utterances: Annotated[tuple[UtteranceRow, ...], Field(max_length=100_000)]


@dataclass(frozen=True, kw_only=True)
class ResumedTranscript:
    """What is known of a sound up to the sample `end`."""

    end: int = 0
    language: Language | None = None
    utterances: tuple[HeardUtterance, ...] = ()
    next_number: int = 0  # of the checkpoint to write


def path_of(number: int) -> str:
    """Return where the checkpoint of a number lies."""
    return f"{CHECKPOINTS}{number:05}.json"


def write(target: Path, start: int, end: int, language: Language | None, utterances: Iterable[HeardUtterance]) -> None:
    """Write what was heard from the sample `start` to `end`."""
    file = _File(
        v=1,
        start=start,
        end=end,
        language=language.code if language else None,
        probability=language.probability if language else 0.0,
        utterances=tuple(_row(utterance) for utterance in utterances),
    )
    target.write_text(file.model_dump_json(), encoding="utf-8")


def read(paths: Iterable[tuple[str, Path]]) -> ResumedTranscript:
    """Return what the checkpoints tell, as far as each begins where the one before it ends."""
    heard = ResumedTranscript()
    for name, path in sorted(paths):
        number = _number(name)
        if number is None:
            continue
        heard = replace(heard, next_number=max(heard.next_number, number + 1))
        try:
            file = _read(path)
        except (BadMessage, ValueError, OSError) as problem:
            logger.warning("the checkpoint %s is not used, its part is heard again: %s", name, problem)
            continue
        if file.start == heard.end:
            heard = _longer(heard, file)
    return heard


def _read(path: Path) -> _File:
    with path.open("rb") as opened:
        data = opened.read(MAX_BYTES + 1)
    try:
        file = _File.model_validate(codec.loads(data, limit=MAX_BYTES))
    except ValidationError as error:
        first = error.errors()[0]
        raise BadMessage(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    earliest, latest = file.start / RATE - SLACK_S, file.end / RATE + SLACK_S
    spans = [(start, end) for start, end, _, words in file.utterances for start, end in [(start, end), *_spans(words)]]
    if file.end <= file.start or any(not earliest <= start <= end <= latest for start, end in spans):
        raise BadMessage("its times do not fit")
    return file


def _spans(words: tuple[WordRow, ...]) -> list[tuple[float, float]]:
    return [(start, end) for _, start, end, _, _ in words]


def _longer(heard: ResumedTranscript, file: _File) -> ResumedTranscript:
    language = heard.language or (Language(code=file.language, probability=file.probability) if file.language else None)
    utterances = (*heard.utterances, *(_utterance(row) for row in file.utterances))
    return replace(heard, end=file.end, language=language, utterances=utterances)


def _row(utterance: HeardUtterance) -> UtteranceRow:
    words = tuple((word.text, word.start_s, word.end_s, word.score, word.spaced) for word in utterance.words)
    return utterance.start_s, utterance.end_s, utterance.text, words


def _utterance(row: UtteranceRow) -> HeardUtterance:
    start, end, text, rows = row
    words = tuple(
        HeardWord(text=word, start_s=begin, end_s=stop, score=score, spaced=spaced)
        for word, begin, stop, score, spaced in rows
    )
    return HeardUtterance(start_s=start, end_s=end, text=text, words=words)


def _number(name: str) -> int | None:
    stem = name.removeprefix(CHECKPOINTS).removesuffix(".json")
    return int(stem) if len(stem) == 5 and stem.isascii() and stem.isdigit() else None
