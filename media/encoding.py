"""The formats in which a video can be written: containers and codecs, with ffmpeg's arguments. Only tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

VIDEO_CODECS: Mapping[str, str] = {
    "h264": "libx264",
    "libx264": "libx264",
    "h265": "libx265",
    "hevc": "libx265",
    "libx265": "libx265",
    "vp9": "libvpx-vp9",
    "libvpx-vp9": "libvpx-vp9",
    "av1": "libsvtav1",
    "libsvtav1": "libsvtav1",
}
"""The names of video codecs in a spec, and their encoders."""

AUDIO_CODECS: Mapping[str, str] = {"aac": "aac", "opus": "libopus", "libopus": "libopus"}
"""The names of audio codecs in a spec, and their encoders."""

PRESETS = ("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow")
_VP9_SPEEDS = (8, 7, 6, 5, 4, 3, 2, 1, 0)
_AV1_SPEEDS = (12, 11, 10, 9, 8, 7, 6, 5, 4)

DEFAULT_CRF: Mapping[str, int] = {
    "libx264": 20,
    "libx265": 24,
    "libvpx-vp9": 30,
    "libsvtav1": 30,
    "h264_nvenc": 23,
    "hevc_nvenc": 26,
    "av1_nvenc": 32,
}
"""Settings of about the same visual quality for each encoder. Those of NVENC were not measured."""

MAX_CRF: Mapping[str, int] = {
    "libx264": 51,
    "libx265": 51,
    "libvpx-vp9": 63,
    "libsvtav1": 63,
    "h264_nvenc": 51,
    "hevc_nvenc": 51,
    "av1_nvenc": 63,
}

_THREADS: Mapping[str, int] = {"libx264": 8, "libx265": 3, "libvpx-vp9": 8}
"""Fixed numbers of threads for the encoders whose output depends on them: the same on every machine."""

_NVENC_PRESETS = ("p1", "p1", "p2", "p3", "p4", "p5", "p6", "p7", "p7")
_HEVC = ("libx265", "hevc_nvenc")


@dataclass(frozen=True, kw_only=True)
class Container:
    """A container format, and the encoders that it can hold, the preferred one first."""

    muxer: str
    video: tuple[str, ...]
    audio: tuple[str, ...]


CONTAINERS: Mapping[str, Container] = {
    "mp4": Container(muxer="mp4", video=("libx264", "libx265", "libsvtav1", "libvpx-vp9"), audio=("aac", "libopus")),
    "mov": Container(muxer="mov", video=("libx264", "libx265"), audio=("aac",)),
    "mkv": Container(
        muxer="matroska", video=("libx264", "libx265", "libsvtav1", "libvpx-vp9"), audio=("aac", "libopus")
    ),
    "webm": Container(muxer="webm", video=("libvpx-vp9", "libsvtav1"), audio=("libopus",)),
}
"""The containers that can be written, by file name suffix."""


def video_arguments(encoder: str, preset: str, crf: int) -> list[str]:
    """Return ffmpeg's arguments for the video track. A preset means about the same effort for every encoder."""
    quality = ["-c:v", encoder, "-crf", str(crf)]
    match encoder:
        case "libvpx-vp9":
            speed = _VP9_SPEEDS[PRESETS.index(preset)]
            deadline = "realtime" if speed > 5 else "good"
            return [*quality, "-b:v", "0", "-deadline", deadline, "-cpu-used", str(speed), "-row-mt", "1"]
        case "libsvtav1":
            return [*quality, "-preset", str(_AV1_SPEEDS[PRESETS.index(preset)])]
        case "h264_nvenc" | "hevc_nvenc" | "av1_nvenc":
            return _nvenc(encoder, preset, crf)
    return [*quality, "-preset", preset]


def reproducible_arguments(encoder: str, preset: str, crf: int) -> list[str]:
    """Return `video_arguments` with which every machine writes the same bytes, however many cores it has.

    NVIDIA's encoders do not guarantee this.
    """
    threads = _THREADS.get(encoder)
    return [*video_arguments(encoder, preset, crf), *(["-threads:v", str(threads)] if threads else [])]


def _nvenc(encoder: str, preset: str, quality: int) -> list[str]:
    """Return the arguments of NVIDIA's encoder: constant quality, no limit on the bit rate."""
    speed = ["-preset", _NVENC_PRESETS[PRESETS.index(preset)], "-tune", "hq"]
    return ["-c:v", encoder, *speed, "-rc", "vbr", "-cq", str(quality), "-b:v", "0"]


def container_arguments(container: str, encoder: str) -> list[str]:
    """Return ffmpeg's arguments for the file, so that it plays while it loads, and on Apple's players."""
    arguments = ["-f", CONTAINERS[container].muxer]
    if container in ("mp4", "mov"):
        arguments = ["-movflags", "+faststart", *arguments]
        if encoder in _HEVC:
            arguments = ["-tag:v", "hvc1", *arguments]
    return arguments
