"""Transcripts: what is said in a video or a sound, as subtitles, texts and tables."""

from __future__ import annotations

import math
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StrictStr,
    ValidationError,
    field_validator,
    model_validator,
)

from protocol import codec
from protocol.errors import BadMessage
from protocol.kinds.kind import SOURCE, Kind, Known

Format = Literal["srt", "vtt", "ass", "txt", "tsv", "json"]
ModelName = Annotated[StrictStr, Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]

MODELS = ("tiny", "base", "small", "medium", "large-v3", "large-v3-turbo", "turbo")
"""The Whisper models, as users call them; the last two are one. Any other name is that of an owner's model."""

MEDIA_TYPES: dict[Format, str] = {
    "srt": "text/x-subrip",
    "vtt": "text/vtt",
    "ass": "text/x-ssa",
    "txt": "text/plain",
    "tsv": "text/tab-separated-values",
    "json": "application/json",
}

_CODES = (
    "af am ar as az ba be bg bn bo br bs ca cs cy da de el en es et eu fa fi fo fr gl gu ha haw he hi hr ht hu hy id "
    "is it ja jw ka kk km kn ko la lb ln lo lt lv mg mi mk ml mn mr ms mt my ne nl nn no oc pa pl ps pt ro ru sa sd si "
    "sk sl sn so sq sr su sv sw ta te tg th tk tl tr tt uk ur uz vi yi yo yue zh"
)
LANGUAGES = frozenset(_CODES.split())
"""The languages that Whisper knows, by its codes."""

MAX_HINT = 2_000
"""Characters of a prompt; the model looks at the last 223 tokens of it."""

MAX_JSON_BYTES = 64 << 20
"""A day of talk, word by word, takes about 20 million."""

MAX_SECONDS = 100_000


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError("must be a finite number")
    return value


class Params(BaseModel):
    """Transcribe videos and sounds to subtitles and text."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    language: str = Field(
        default="auto",
        description="the spoken language as a code (en, de, fr, …), or auto: detected once per file",
    )
    task: Literal["transcribe", "translate"] = Field(
        default="transcribe", description="translate writes English, whatever the spoken language"
    )
    model: ModelName = Field(
        default="auto",
        description=f"the Whisper model: {', '.join(MODELS)}, or one that the worker's owner added; auto is turbo on a "
        "GPU, small elsewhere, or whichever is installed",
    )
    formats: tuple[Format, ...] = Field(
        default=("srt",), min_length=1, description="what to write: srt vtt ass txt tsv json"
    )
    prompt: str = Field(
        default="", max_length=MAX_HINT, description="a text in the expected style, with the expected names"
    )
    hotwords: str = Field(
        default="", max_length=MAX_HINT, description="words that are likely to occur: names, technical terms"
    )
    word_times: bool = Field(default=True, description="find the time of each word; without, cue times are estimated")
    vad: bool = Field(default=True, description="remove what is not speech before recognition")
    beam_size: int = Field(default=5, ge=1, le=20, description="how many hypotheses are kept; 1 is fastest")
    batch_size: int = Field(
        default=16, ge=1, le=128, description="pieces of speech recognised at once; fewer if memory runs out"
    )
    line_width: int = Field(
        default=42, ge=10, le=200, description="maximum columns per subtitle line (a CJK character counts as two)"
    )
    line_count: int = Field(default=2, ge=1, le=4, description="maximum lines per subtitle")
    reading_speed: float = Field(default=20.0, ge=5, le=100, description="maximum columns to read per second")
    min_cue_s: float = Field(
        default=1.0, ge=0.1, le=10, description="minimum duration of a subtitle, where there is room"
    )
    max_cue_s: float = Field(default=7.0, ge=1, le=60, description="maximum duration of a subtitle")
    gap_s: float = Field(default=0.08, ge=0, le=2, description="minimum seconds between two subtitles")
    track: int = Field(default=1, ge=1, le=64, description="which audio track of the file, from 1")

    @field_validator("language")
    @classmethod
    def _known(cls, value: str) -> str:
        code = value.strip().lower()
        if code != "auto" and code not in LANGUAGES:
            raise ValueError(f"{value!r} is no language code of Whisper's: auto, {', '.join(sorted(LANGUAGES))}")
        return code

    @model_validator(mode="after")
    def _go_together(self) -> Self:
        if len(set(self.formats)) != len(self.formats):
            raise ValueError("a format is asked for twice")
        if self.min_cue_s > self.max_cue_s:
            raise ValueError(f"min_cue_s {self.min_cue_s:g} is longer than max_cue_s {self.max_cue_s:g}")
        if self.task == "translate" and self.model in ("turbo", "large-v3-turbo"):
            raise ValueError("the turbo model was not taught to translate: use model large-v3, medium or small")
        return self


def result_path(form: Format) -> str:
    """Where a transcript in a format lies in the result."""
    return f"{SOURCE}.{form}"


def outputs(params: Params) -> dict[str, str]:
    """Return every path the result must hold, with its media type."""
    return {result_path(form): MEDIA_TYPES[form] for form in params.formats}


Second = Annotated[float, Field(strict=True, ge=0, le=MAX_SECONDS), AfterValidator(_finite)]
Score = Annotated[float, Field(strict=True, ge=0, le=1), AfterValidator(_finite)]


class _Entry(BaseModel):
    """What it has in common: it never changes, and keys it does not know are left to newer readers."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class WordEntry(_Entry):
    """One word of a transcript; the score says how sure the engine is, from 0 to 1."""

    word: StrictStr
    start: Second
    end: Second
    score: Score | None = None


class SegmentEntry(_Entry):
    """One sentence, or what comes closest to it."""

    start: Second
    end: Second
    text: StrictStr
    words: tuple[WordEntry, ...] = ()


class Transcript(_Entry):
    """The JSON output, in the shape that WhisperX writes."""

    segments: tuple[SegmentEntry, ...]
    word_segments: tuple[WordEntry, ...] = ()
    language: StrictStr | None = None
    rough: bool = False


def read_transcript(data: bytes) -> Transcript:
    """Return what a transcript in JSON says; BadMessage tells what is wrong with one."""
    try:
        return Transcript.model_validate(codec.loads(data, limit=MAX_JSON_BYTES))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "file"
        raise BadMessage(f"is no transcript: {where}: {first['msg']}") from error


KIND = Kind(
    name="transcribe",
    params=Params,
    outputs=outputs,
    takes=("film", "sound"),
    read_json=read_transcript,
    json_bytes=MAX_JSON_BYTES,
    checkpoints=True,
    hears=True,
    known={"model": Known(values=MODELS, needs="a worker with faster-whisper", extra="whisper")},
    extras={"faster-whisper": "whisper"},
)
