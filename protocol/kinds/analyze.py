"""Analysing a video, an image or a sound: shots, loudness, colours and, with models, what it shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictStr, model_validator

from protocol.kinds.analysis import MAX_BYTES, read_analysis
from protocol.kinds.kind import Kind, Medium

ANALYSIS, SHEET = "source.analysis.json", "source.contact.png"
MAX_LABELS = 500

Wanted = Literal["auto", "on", "off"]
"""`auto`: where the model is at hand, without downloading it."""

Label = Annotated[StrictStr, Field(min_length=1, max_length=80)]


class Params(BaseModel):
    """Analyse videos, images and sounds: shots, loudness, colours, motion and, with models, what they show."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    detector: Literal["adaptive", "content"] = Field(
        default="adaptive",
        description="how cuts are found: against the frames around them (adaptive: right for moving cameras), or by "
        "the change alone (content)",
    )
    threshold: float | None = Field(
        default=None,
        ge=0.1,
        le=255,
        description="how large a change is a cut; 3 for adaptive and 27 for content if not given",
    )
    min_shot: float = Field(default=0.6, ge=0, le=600, description="the shortest shot in seconds")
    size: int = Field(
        default=320, ge=64, le=1280, description="longer side, in pixels, of the frames that are measured"
    )
    sample_fps: float | None = Field(
        default=None,
        ge=0.1,
        le=240,
        description="measure at most this many frames a second; every frame if not given",
    )
    black_level: float = Field(
        default=0.1, ge=0, le=1, description="a pixel that is at most this bright counts as black"
    )
    black_share: float = Field(default=0.98, ge=0.5, le=1, description="how much of a black frame is black")
    black_seconds: float = Field(default=0.5, ge=0, le=600, description="the shortest black part in seconds")
    freeze_noise: float = Field(default=0.001, ge=0, le=1, description="a frame that changes by at most this is still")
    freeze_seconds: float = Field(default=2.0, ge=0.1, le=600, description="the shortest frozen part in seconds")
    silence_level: float = Field(
        default=-50.0, ge=-120, le=0, description="what is quieter than this is silence, in dB"
    )
    silence_seconds: float = Field(default=0.5, ge=0.05, le=600, description="the shortest silence in seconds")
    sheet: StrictBool | None = Field(
        default=None,
        description="make a contact sheet, an image with a thumbnail of each shot; the default for videos and images",
    )
    sheet_columns: int = Field(default=4, ge=1, le=12, description="thumbnails in a row of the contact sheet")
    sheet_width: int = Field(default=320, ge=64, le=1280, description="width of a thumbnail in pixels")
    sheet_most: int = Field(
        default=60, ge=1, le=400, description="how many thumbnails at most, taken evenly from all shots"
    )
    tags: Wanted = Field(default="auto", description="say what is to be seen in each shot, by labels (needs CLIP)")
    captions: Wanted = Field(default="auto", description="describe each shot in a sentence (needs BLIP)")
    embeddings: Wanted = Field(
        default="auto", description="give each shot a vector to search and compare by (needs CLIP)"
    )
    labels: tuple[Label, ...] = Field(default=(), max_length=MAX_LABELS, description="labels to look for, in English")
    general_labels: StrictBool = Field(default=True, description="look for a list of general labels too")
    tags_most: int = Field(default=5, ge=1, le=100, description="how many labels of a shot are kept at most")

    @model_validator(mode="after")
    def _something_to_tag(self) -> Self:
        if self.tags == "on" and not (self.labels or self.general_labels):
            raise ValueError("tags need labels: give some, or leave the general ones on")
        return self

    @property
    def cut_threshold(self) -> float:
        """Return the threshold to use: the one given, or the detector's own."""
        return self.threshold if self.threshold is not None else {"adaptive": 3.0, "content": 27.0}[self.detector]


def outputs(params: Params) -> dict[str, str]:
    """Return the analysis and, if it is asked for, the contact sheet."""
    return {ANALYSIS: "application/json"} | ({SHEET: "image/png"} if params.sheet else {})


def fit(raw: Mapping[str, Any], what: Medium, container: str) -> Mapping[str, Any]:
    """Ask for a contact sheet of what can be seen, unless that was decided; what is only heard has none."""
    if what != "sound":
        return {**raw, "sheet": True} if raw.get("sheet") is None else raw
    if raw.get("sheet"):
        raise ValueError("a sound has no contact sheet; leave it out")
    if asked := [name for name in ("tags", "captions", "embeddings") if raw.get(name) == "on"]:
        raise ValueError(f"a sound shows nothing: leave out {' and '.join(asked)}")
    return {**raw, "sheet": False}


KIND = Kind(
    name="analyze",
    params=Params,
    outputs=outputs,
    takes=("film", "picture", "sound"),
    fit=fit,
    read_json=read_analysis,
    json_bytes=MAX_BYTES,
    checkpoints=True,
    only_looks=True,
    extras={"clip-blip": "vision"},
)
