"""Better words: the texts of a narration, or a prompt, rewritten without losing a name, a number or their length.

Texts come in one of two ways: as a text file, the input SOURCE, or as `texts` in the parameters (a tour's steps).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictStr, ValidationError, model_validator

from protocol import codec
from protocol.errors import BadMessage
from protocol.kinds.kind import SOURCE, Kind, Known, Medium, OutputId

Format = Literal["txt", "text", "md", "markdown"]

MAX_TEXTS = 1000
MAX_CHARACTERS = 50_000
"""Characters of one text."""

MAX_FILE_BYTES = 512 << 10
"""A text file: longer than a novel's chapter, and its answer still is one message of JSON."""

MAX_TERMS, MAX_TERM = 200, 100
MAX_INSTRUCTION = 1000
LONGEST_FACTOR = 4.0

TEXTS_JSON = "enhanced.json"

FORMATS: tuple[Format, ...] = get_args(Format)
"""Endings of texts whose parts are told apart. Captions are none: other words would not go with their times."""

FILE_JSON = f"{SOURCE}.enhanced.json"


def text_path(form: Format) -> str:
    """Where the whole text lies in the result."""
    return f"{SOURCE}.enhanced.{form}"


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError("must be a finite number")
    return value


def _term(value: str) -> str:
    if value != value.strip() or "\n" in value or not value.isprintable():
        raise ValueError("must be one line without blanks around it")
    return value


Term = Annotated[StrictStr, Field(min_length=1, max_length=MAX_TERM), AfterValidator(_term)]
ModelName = Annotated[StrictStr, Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]


class Text(BaseModel):
    """One text, and the id by which its answer is found."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: OutputId
    text: Annotated[StrictStr, Field(max_length=MAX_CHARACTERS)]


class Params(BaseModel):
    """Rewrite texts so that they read and sound better. Names, numbers, marks and the length are kept."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    purpose: Annotated[
        Literal["narration", "prompt"],
        Field(description="What the text is for: to be spoken, or to be given to an image or video model."),
    ] = "narration"
    instruction: Annotated[
        StrictStr,
        Field(max_length=MAX_INSTRUCTION, description='A wish in plain words, such as "friendly, for beginners".'),
    ] = ""
    language: Annotated[
        StrictStr,
        Field(min_length=2, max_length=32, description="The texts' language, such as en or de; auto looks."),
    ] = "auto"
    glossary: Annotated[
        tuple[Term, ...],
        Field(max_length=MAX_TERMS, description="Terms that must stay exactly as they are written here."),
    ] = ()
    max_words: Annotated[
        int | None, Field(ge=1, le=MAX_CHARACTERS, description="The most words that a text may have afterwards.")
    ] = None
    max_length_factor: Annotated[
        float | None,
        Field(
            ge=0.1,
            le=LONGEST_FACTOR,
            description="How long a text may become, as a multiple of its length; by itself 1.2 for narration, "
            "4 for prompts.",
        ),
    ] = None
    model: Annotated[
        ModelName,
        Field(description="The language model, by its name in the table of models; auto takes the best here."),
    ] = "auto"
    offload: Annotated[
        bool, Field(description="Keep in the machine's memory what of the model does not fit on the GPU: slower.")
    ] = False
    batch_size: Annotated[int, Field(ge=1, le=64, description="Texts that are written at the same time.")] = 4
    temperature: Annotated[
        float,
        Field(ge=0, le=2, description="0 takes the likeliest words; more varies them, the same way for the same seed."),
        AfterValidator(_finite),
    ] = 0.0
    seed: Annotated[int, Field(ge=0, le=2**31 - 1, description="Decides what a temperature above 0 comes to.")] = 0
    format: Annotated[
        Format,
        Field(description="The ending of the new text's name; without it that of the file, if it is one of these."),
    ] = "txt"
    texts: Annotated[
        tuple[Text, ...] | None,
        Field(
            min_length=1,
            max_length=MAX_TEXTS,
            description="The texts themselves, where there is no file.",
        ),
    ] = None

    @model_validator(mode="after")
    def _ids_differ(self) -> Self:
        seen: dict[str, str] = {}
        for text in self.texts or ():
            if (other := seen.get(text.id.casefold())) is not None:
                raise ValueError(f"two texts share the id {other!r} (ids are compared without case)")
            seen[text.id.casefold()] = text.id
        return self

    @property
    def longest_factor(self) -> float:
        """Return how long a text may become, as a multiple of its length."""
        return self.max_length_factor or (LONGEST_FACTOR if self.purpose == "prompt" else 1.2)


class Rewritten(BaseModel):
    """One text before and after. `kept` says why it was left as it was; empty where it was not, or nothing was wrong.

    `tries` counts the answers that were looked at.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: Annotated[StrictStr, Field(max_length=64)]
    original: Annotated[StrictStr, Field(max_length=MAX_FILE_BYTES)]
    enhanced: Annotated[StrictStr, Field(max_length=5 * MAX_FILE_BYTES)]
    kept: Annotated[StrictStr, Field(max_length=2000)] = ""
    tries: Annotated[int, Field(strict=True, ge=0, le=10)] = 0


class Enhanced(BaseModel):
    """What the JSON of a result says. It comes from elsewhere: what is not as it should be is refused."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    purpose: Literal["narration", "prompt"]
    texts: Annotated[tuple[Rewritten, ...], Field(max_length=MAX_FILE_BYTES)]


def read_enhanced(data: bytes) -> Enhanced:
    """Return what a JSON of pairs says; BadMessage tells what is wrong with one."""
    try:
        return Enhanced.model_validate(codec.loads(data, limit=KIND.json_bytes))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "file"
        raise BadMessage(f"is no file of enhanced texts: {where}: {first['msg']}") from error


def outputs(params: Params) -> dict[str, str]:
    """Return the JSON of pairs, and for a file also the whole rewritten text."""
    if params.texts is not None:
        return {TEXTS_JSON: "application/json"}
    return {text_path(params.format): "text/plain", FILE_JSON: "application/json"}


def fit(raw: Mapping[str, Any], what: Medium, container: str) -> Mapping[str, Any]:
    """Keep the ending of a text's name, unless another was asked for or it is none of a text's."""
    if raw.get("format") is None and container in FORMATS and container != "txt":
        return {**raw, "format": container}
    return raw


MODELS = ("qwen2.5-1.5b-instruct", "qwen3-4b-instruct-2507", "qwen2.5-7b-instruct")
"""The language models that are known by name."""

KIND = Kind(
    name="enhance",
    params=Params,
    outputs=outputs,
    takes=("text",),
    endings=frozenset(f".{form}" for form in FORMATS),
    fit=fit,
    read_json=read_enhanced,
    json_bytes=32 << 20,
    checkpoints=True,
    known={"model": Known(values=MODELS, needs="a worker with a language model", extra="llm")},
    extras={"llm": "llm"},
)
