"""The fields of a spec's `output` in combination: defaults that depend on other fields, and contradictions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from media.encoding import AUDIO_CODECS, CONTAINERS, DEFAULT_CRF, MAX_CRF, VIDEO_CODECS

MIN_KBIT = 16
MAX_KBIT = 512


def ending(path: str) -> str:
    """Return the format that a path's extension names; "" for any other extension."""
    found = PurePath(path).suffix.casefold().removeprefix(".")
    return found if found in CONTAINERS else ""


def video_path(value: str) -> str:
    """Return the path of a video. Raises ValueError for any other extension."""
    if not ending(value):
        raise ValueError(f"{value!r} does not end in {', '.join(f'.{name}' for name in CONTAINERS)}; use one of them")
    return value


def completed(raw: Any) -> Any:
    """Return `output` with defaults that fit the given fields: a .webm needs other codecs than a .mp4."""
    if not isinstance(raw, dict):
        return raw
    filled = dict(raw)
    path = filled.get("path")
    container = filled.setdefault("format", ending(path) or "mp4" if isinstance(path, str) else "mp4")
    if isinstance(container, str) and container in CONTAINERS:
        filled.setdefault("video_codec", CONTAINERS[container].video[0])
        filled.setdefault("audio_codec", CONTAINERS[container].audio[0])
    codec = filled.get("video_codec")
    if isinstance(codec, str) and codec in VIDEO_CODECS:
        filled.setdefault("video_crf", DEFAULT_CRF[VIDEO_CODECS[codec]])
    return filled


def problem(output: Mapping[str, Any]) -> str | None:
    """Return which two fields contradict each other, with a fix; None if none do."""
    path, container = output["path"], output["format"]
    if path is not None and ending(path) != container:
        return f"path {path!r} and format {container!r} disagree; leave format out, or let path end in .{container}"
    for field, codecs, kind in (
        ("video_codec", VIDEO_CODECS, CONTAINERS[container].video),
        ("audio_codec", AUDIO_CODECS, CONTAINERS[container].audio),
    ):
        if codecs[output[field]] not in kind:
            return f"format {container!r} cannot contain {field} {output[field]!r}; it can contain: {', '.join(kind)}"
    highest = MAX_CRF[VIDEO_CODECS[output["video_codec"]]]
    if output["video_crf"] > highest:
        return (
            f"video_crf {output['video_crf']} is too high for video_codec {output['video_codec']!r}: at most {highest}"
        )
    return None


def bitrate(value: Any) -> str:
    """Return a bit rate in ffmpeg's notation: "192k" for "192k", "192 kbit/s", 192 (kbit/s) or 192000 (bit/s)."""
    text = str(value).casefold().replace(" ", "") if isinstance(value, str | int) and type(value) is not bool else ""
    for unit in ("kbit/s", "kbps", "kb/s", "kbit", "k"):
        text = text.removesuffix(unit)
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 8 else 0
    kbit = number // 1000 if number >= 1000 * MIN_KBIT else number
    if not MIN_KBIT <= kbit <= MAX_KBIT:
        raise ValueError(f'must be a bit rate from "{MIN_KBIT}k" to "{MAX_KBIT}k", such as "192k", not {value!r}')
    return f"{kbit}k"


def clip(value: Any) -> Any:
    """Return an intro or outro clip as an object; a string is its path."""
    if value is None or isinstance(value, dict):
        return value
    if not isinstance(value, str):
        raise ValueError('is not a clip; write its path, or {"path": "intro.mp4", "title": "Welcome"}')
    return {"path": value}
