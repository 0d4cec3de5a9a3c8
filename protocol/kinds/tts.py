"""Speech: one WAV and one word-time file for each step of a narration."""

from __future__ import annotations

import math
from typing import Annotated, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictStr,
    ValidationError,
    model_validator,
)

from protocol import codec
from protocol.errors import BadMessage
from protocol.kinds.kind import Kind, OutputId

MAX_STEPS = 1000
MAX_CHARACTERS = 50_000
MAX_PAUSE_S = 60.0
MAX_ENTRIES, MAX_WRITTEN, MAX_SPOKEN = 500, 64, 200
"""A lexicon's entries, and the characters of each side of one."""

MAX_VOICE = 64
"""So many characters may a voice's name have."""

REF_AUDIO = "ref_audio"
"""The name of the input that holds a recording of the voice to clone: a WAV, one person speaking `ref_text`."""

MIN_REF_S, MAX_REF_S = 6.0, 12.0
"""How long that recording lasts. A longer one is cut silently by the model and bleeds into what it says."""

MAX_REF_TEXT = 1000
MAX_SEED = 2**32 - 1


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError("must be a finite number")
    return value


Written = Annotated[StrictStr, Field(min_length=1, max_length=MAX_WRITTEN)]
Respelled = Annotated[StrictStr, Field(min_length=1, max_length=MAX_SPOKEN)]
Place = Annotated[int, Field(strict=True, ge=0, le=MAX_CHARACTERS)]
"""A number of words of a narration; words are what stands between blanks."""

Pause = tuple[Place, Annotated[float, Field(ge=0, le=MAX_PAUSE_S), AfterValidator(_finite)]]
"""How many words come before it, and its seconds."""


class Step(BaseModel):
    """One clip: its id (which names the output) and the text to speak. An empty text gives a short silence.

    `pauses` are silences between words and `emphasis` the places of emphasised words, from 0. Whoever does not know
    them speaks the same words without them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Annotated[OutputId, Field(description="Base name of the clip's files.")]
    narration: Annotated[
        StrictStr, Field(max_length=MAX_CHARACTERS, description="The text; empty for a short silence.")
    ]
    pauses: Annotated[
        tuple[Pause, ...],
        Field(max_length=MAX_CHARACTERS, description="Silences between words: [words before it, seconds]."),
    ] = ()
    emphasis: Annotated[
        tuple[Place, ...], Field(max_length=MAX_CHARACTERS, description="Indices of the emphasised words, from 0.")
    ] = ()

    @model_validator(mode="after")
    def _marks_fit(self) -> Self:
        words = len(self.narration.split()) if self.pauses or self.emphasis else 0
        places = [place for place, _ in self.pauses]
        if places != sorted(set(places)) or places[-1:] > [words]:
            raise ValueError(f"pauses must rise, and there are only {words} words")
        if self.emphasis and max(self.emphasis) >= words:
            raise ValueError(f"emphasis is on word {max(self.emphasis)}, and there are only {words}, from 0")
        return self


class Params(BaseModel):
    """What to speak and how. `voice` may name a voice of any engine; the result says which one spoke.

    `lexicon` says how words sound that are written otherwise: {written: respelled}. With `ref_text` the voice of the
    input REF_AUDIO is cloned; the fields after it belong to that, and a request without it has none of them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    voice: Annotated[
        StrictStr,
        Field(min_length=1, max_length=MAX_VOICE, description="The voice's name, or default for the engine's own."),
    ] = "default"
    speed: Annotated[float, Field(ge=0.5, le=2.0, description="2 is twice as fast."), AfterValidator(_finite)] = 1.0
    language: Annotated[
        StrictStr, Field(min_length=2, max_length=32, description="The language of the text: en-us, de, pt-br, …")
    ] = "en-us"
    lexicon: Annotated[
        dict[Written, Respelled],
        Field(max_length=MAX_ENTRIES, description="Respellings of words to pronounce them: {written: respelled}."),
    ] = {}
    steps: Annotated[
        tuple[Step, ...], Field(min_length=1, max_length=MAX_STEPS, description="What to speak: one clip per step.")
    ]
    ref_text: Annotated[
        StrictStr | None,
        Field(min_length=1, max_length=MAX_REF_TEXT, description="The exact words of the recording."),
    ] = None
    consent: Annotated[
        StrictBool | None,
        Field(description="Must be true for a cloned voice: states that its owner has agreed."),
    ] = None
    seed: Annotated[
        int | None, Field(strict=True, ge=0, le=MAX_SEED, description="A different seed gives a different reading.")
    ] = None
    nfe_step: Annotated[
        int | None, Field(strict=True, ge=4, le=128, description="Model steps: more is better and slower.")
    ] = None
    cfg_strength: Annotated[
        float | None,
        Field(ge=0, le=10, description="How closely the model keeps to the text."),
    ] = None

    @model_validator(mode="after")
    def _cloning_is_whole(self) -> Self:
        if self.ref_text is None:
            told = [name for name in ("consent", "seed", "nfe_step", "cfg_strength") if getattr(self, name) is not None]
            if told:
                raise ValueError(
                    f"{' and '.join(told)}: only a cloned voice has that; give ref_text and {REF_AUDIO} too"
                )
        elif not self.ref_text.strip():
            raise ValueError("ref_text is blank; it must hold exactly what is said in the recording")
        elif not self.consent:
            raise ValueError("consent must be true: no voice is cloned without permission")
        return self

    @model_validator(mode="after")
    def _ids_differ(self) -> Self:
        seen: dict[str, str] = {}
        for step in self.steps:
            if (other := seen.get(step.id.casefold())) is not None:
                raise ValueError(f"two steps share the id {other!r} (ids are compared without case)")
            seen[step.id.casefold()] = step.id
        return self


def wav_path(step_id: str) -> str:
    """Where the clip of a step lies in the result: 24 kHz mono 16-bit WAV."""
    return f"audio/step-{step_id}.wav"


def words_path(step_id: str) -> str:
    """Where the word times of a step lie: `{"seconds", "exact", "words": [[text, start_s, end_s], …]}`.

    `silent: true` says that nothing is heard, `doubtful: [reason, …]` that it does not sound as its text should.
    """
    return f"audio/step-{step_id}.json"


Second = Annotated[float, Field(ge=0, le=100_000), AfterValidator(_finite)]


class Times(BaseModel):
    """What a words file says. It comes from elsewhere: what is not as it should be is refused, never guessed."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    seconds: Second
    exact: StrictBool
    words: tuple[tuple[StrictStr, Second, Second], ...]
    silent: StrictBool = False
    doubtful: tuple[StrictStr, ...] = ()


def read_times(data: bytes) -> Times:
    """Return what a words file says; BadMessage tells what is wrong with one."""
    try:
        return Times.model_validate(codec.loads(data))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "file"
        raise BadMessage(f"is no file of word times: {where}: {first['msg']}") from error


def outputs(params: Params) -> dict[str, str]:
    """Return every path the result must hold, with its media type."""
    return {wav_path(s.id): "audio/wav" for s in params.steps} | {
        words_path(s.id): "application/json" for s in params.steps
    }


KIND = Kind(
    name="tts",
    params=Params,
    outputs=outputs,
    read_json=read_times,
    independent_outputs=True,
    extras={"kokoro-onnx": "kokoro", "kokoro": "kokoro-torch", "f5": "f5"},
)
