"""What `source.analysis.json` says, and its strict reader. It comes from elsewhere: what does not fit is refused.

Times are seconds from the start of the file as players show them; sizes are as a viewer sees the picture.
"""

from __future__ import annotations

import base64
import binascii
import math
import struct
from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictStr, ValidationError, model_validator

from protocol import codec
from protocol.errors import BadMessage
from protocol.kinds.kind import Medium

FORMAT: Literal["gpudrop-analysis"] = "gpudrop-analysis"
VERSION: Literal[1] = 1
MAX_BYTES = 64 << 20
MAX_SHOTS = 10_000
MAX_SPANS = 100_000
MAX_POINTS = 3600
"""Points of a curve: a longer file has a longer step, not more points."""

MAX_DIMENSIONS = 4096

Second = Annotated[float, Field(ge=0, le=200_000)]
Share = Annotated[float, Field(ge=0, le=1)]
Level = Annotated[float, Field(ge=-200, le=100)]
Amount = Annotated[float, Field(ge=0, le=1e9)]
Place = Annotated[int, Field(strict=True, ge=0, le=2**40)]
Count = Annotated[int, Field(strict=True, ge=1, le=2**40)]
Word = Annotated[StrictStr, Field(max_length=200)]
Colour = Annotated[StrictStr, Field(pattern=r"^#[0-9a-f]{6}$")]


class Record(BaseModel):
    """A part of the file: frozen, and nothing in it that this version does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class PictureFacts(Record):
    """The picture of the file, as a viewer sees it."""

    codec: Word
    width: Count
    height: Count
    fps: Amount | None  # None for a still picture
    steady: StrictBool  # whether that rate is constant
    frames: Count
    rotation: Annotated[int, Field(strict=True, ge=0, le=270)]  # degrees a viewer turns it by; already done here
    pixels: Word
    bits: Count
    hdr: StrictBool


class SoundFacts(Record):
    """The sound that was measured: the first of the file."""

    codec: Word
    channels: Count
    rate: Count
    language: Word | None = None


class MediaFacts(Record):
    """What the file is."""

    what: Medium
    container: Word
    seconds: Second | None
    picture: PictureFacts | None
    sound: SoundFacts | None
    sounds: Place


class Measured(Record):
    """How it was measured: figures of different settings are not to be compared."""

    width: Count
    height: Count
    sample_fps: Amount | None  # None: every picture
    detector: Word
    threshold: Amount


class Look(Record):
    """How a picture looks, or a shot on average.

    sharpness: variance of the Laplacian at the measured size; motion: mean difference from one picture to the next;
    colourfulness by Hasler and Suesstrunk; the others are shares of what there can be.
    """

    sharpness: Amount
    motion: Share
    brightness: Share
    contrast: Share
    saturation: Share
    colourfulness: Amount
    mean: Colour


class Dominant(Record):
    """A colour and how much of the picture is of about that colour."""

    colour: Colour
    share: Share


class Tag(Record):
    """A label and its probability among all labels that were asked for."""

    label: Word
    score: Share


class Shot(Record):
    """What lies between two cuts. A still picture is one shot of no length."""

    number: Count
    start_s: Second
    end_s: Second
    start_frame: Place | None  # None where not every picture was looked at
    end_frame: Place | None  # the first that is no longer in it
    representative_s: Second  # the sharpest picture near the middle
    look: Look
    dominant: Annotated[tuple[Dominant, ...], Field(max_length=8)]
    tags: Annotated[tuple[Tag, ...], Field(max_length=100)] = ()
    caption: Annotated[StrictStr, Field(max_length=2000)] | None = None
    embedding: Annotated[StrictStr, Field(max_length=MAX_DIMENSIONS * 3)] | None = None

    def vector(self) -> tuple[float, ...] | None:
        """Return the embedding's numbers. By numpy: `np.frombuffer(base64.b64decode(shot.embedding), "<f2")`."""
        return None if self.embedding is None else unpacked(self.embedding)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.start_s <= self.representative_s <= self.end_s:
            raise ValueError(f"shot {self.number} has its times in no order")
        return self


class Span(Record):
    """From when to when."""

    start_s: Second
    end_s: Second

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.start_s > self.end_s:
            raise ValueError("a span ends before it starts")
        return self


class Curve(Record):
    """One value for every `step_s` seconds, from 0."""

    step_s: Annotated[float, Field(gt=0, le=200_000)]
    values: Annotated[tuple[Annotated[float, Field(ge=-1e9, le=1e9)], ...], Field(max_length=MAX_POINTS)]


class Loudness(Record):
    """EBU R128. None stands for what has no number: the loudness of silence."""

    integrated_lufs: Level | None
    range_lu: Annotated[float, Field(ge=0, le=200)]
    true_peak_dbfs: Level | None
    momentary: Curve  # the loudest of each step in LUFS; -70 stands for that and everything below


class Curves(Record):
    """How the picture changes over time: the mean of each step."""

    brightness: Curve
    motion: Curve
    sharpness: Curve


class Embeddings(Record):
    """What the embeddings of the shots are: of length 1, so that the dot product of two is their likeness."""

    model: Word
    model_sha256: Annotated[StrictStr, Field(pattern=r"^[0-9a-f]{64}$")]
    dimensions: Annotated[int, Field(strict=True, ge=1, le=MAX_DIMENSIONS)]
    dtype: Literal["<f2"] = "<f2"


class Analysis(Record):
    """The whole file."""

    format: Literal["gpudrop-analysis"] = FORMAT
    version: Literal[1] = VERSION
    media: MediaFacts
    measured: Measured | None
    shots: Annotated[tuple[Shot, ...], Field(max_length=MAX_SHOTS)]
    overall: Look | None
    dominant: Annotated[tuple[Dominant, ...], Field(max_length=8)]
    black: Annotated[tuple[Span, ...], Field(max_length=MAX_SPANS)]
    freeze: Annotated[tuple[Span, ...], Field(max_length=MAX_SPANS)]
    loudness: Loudness | None
    silence: Annotated[tuple[Span, ...], Field(max_length=MAX_SPANS)]
    curves: Curves | None
    embeddings: Embeddings | None
    notes: Annotated[tuple[Annotated[StrictStr, Field(max_length=1000)], ...], Field(max_length=50)]

    @model_validator(mode="after")
    def _shots_follow(self) -> Self:
        for before, after in pairwise(self.shots):
            if after.start_s < before.end_s or after.number != before.number + 1:
                raise ValueError(f"shot {after.number} does not follow shot {before.number}")
        return self

    @model_validator(mode="after")
    def _embeddings_fit(self) -> Self:
        for shot in self.shots:
            if (vector := shot.vector()) is None:
                continue
            if self.embeddings is None or len(vector) != self.embeddings.dimensions:
                raise ValueError(f"the embedding of shot {shot.number} is not as long as is said")
            if not all(map(math.isfinite, vector)):
                raise ValueError(f"the embedding of shot {shot.number} holds what is no number")
        return self


def packed(vector: tuple[float, ...] | list[float]) -> str:
    """Return numbers as base64 of 16-bit floats, little-endian."""
    return base64.b64encode(struct.pack(f"<{len(vector)}e", *vector)).decode("ascii")


def unpacked(text: str) -> tuple[float, ...]:
    """Return what `packed` made text of; ValueError for anything else."""
    try:
        data = base64.b64decode(text, validate=True)
        return struct.unpack(f"<{len(data) // 2}e", data)
    except (binascii.Error, struct.error) as error:
        raise ValueError(f"is no embedding: {error}") from error


def read_analysis(data: bytes) -> Analysis:
    """Return what an analysis says; BadMessage tells what is wrong with one."""
    told = codec.loads(data, limit=MAX_BYTES)
    if isinstance(told, dict) and told.get("format") == FORMAT and told.get("version") != VERSION:
        raise BadMessage(f"is an analysis of version {told.get('version')!r}; this gpudrop reads version {VERSION}")
    try:
        return Analysis.model_validate(told)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "file"
        raise BadMessage(f"is no analysis: {where}: {first['msg']}") from error
