"""Joins segments to one video without encoding again: the frames get the times that they had in the source."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer
from av.packet import Packet

from protocol.errors import FULL, MediaError, StorageFull


@dataclass(kw_only=True)
class FrameTimes:
    """When each frame of a video is shown, in units of `base`."""

    base: Fraction = Fraction(1, 90_000)
    at: list[int] = field(default_factory=list)
    last: int = 0  # how long the last one is shown

    def seconds(self) -> float:
        """Return how long all of them are shown."""
        return float((self.at[-1] - self.at[0] + self.last) * self.base) if self.at else 0.0

    def start_s(self) -> float:
        """Return when the first frame is shown."""
        return float(self.at[0] * self.base) if self.at else 0.0


def constant(frames: int, rate: Fraction) -> FrameTimes:
    """Return the times of a video of constant rate."""
    each = max(1, round(90_000 / rate))
    return FrameTimes(at=[round(number * 90_000 / rate) for number in range(frames)], last=each)


def header(path: Path) -> bytes:
    """Return the encoder's header of a segment."""
    try:
        with _opened(path) as container:
            return bytes(container.streams.video[0].codec_context.extradata or b"")
    except (av.error.FFmpegError, IndexError) as error:
        raise MediaError(f"{path.name} cannot be read again: {error}") from error


def join(segments: Sequence[Path], times: FrameTimes, target: Path) -> None:
    """Write the frames of all segments into one MP4 without sound; the first is shown at 0.

    Raises MediaError when there are more or fewer frames than times, StorageFull when the disk is full.
    """
    shown = [at - times.at[0] for at in times.at]
    done = 0
    behind = max(map(_behind, segments))  # of all segments: decoding times must not go back between two
    with _reading(), av.open(str(target), "w", format="mp4") as out:
        stream = None
        for path in segments:
            with _opened(path) as container:
                video = container.streams.video[0]
                if stream is None:
                    stream = out.add_stream_from_template(video, opaque=True)
                    stream.time_base = times.base
                packets = [packet for packet in container.demux(video) if packet.pts is not None]
            for packet in _timed(packets, shown, done, behind, times):
                packet.stream = stream
                out.mux(packet)
            done += len(packets)
    if done != len(shown):
        raise MediaError(f"the segments have {done} frames, and there should be {len(shown)}")


def _opened(path: Path) -> InputContainer:
    return av.open(f"file:{path.absolute()}", format="matroska", options={"protocol_whitelist": "file"})


def _behind(path: Path) -> int:
    """Return by how many places a frame of a segment is shown later than it is decoded, at most."""
    with _reading(), _opened(path) as container:
        shown = [packet.pts for packet in container.demux(video=0) if packet.pts is not None]
    rank = {at: number for number, at in enumerate(sorted(shown))}
    return max((place - rank[at] for place, at in enumerate(shown)), default=0)


def _timed(
    packets: Sequence[Packet[Any]], shown: Sequence[int], done: int, behind: int, times: FrameTimes
) -> Iterator[Packet[Any]]:
    """Give packets, which come as they are decoded, the times at which they are shown."""
    if done + len(packets) > len(shown):
        raise MediaError(f"the segments have more than the {len(shown)} frames there should be")
    order = sorted(range(len(packets)), key=lambda place: packets[place].pts or 0)
    rank = {place: number for number, place in enumerate(order)}
    for place, packet in enumerate(packets):
        number = done + rank[place]
        packet.pts = shown[number]
        packet.dts = _decoded(shown, done + place - behind, times)
        packet.duration = (shown[number + 1] if number + 1 < len(shown) else shown[number] + times.last) - packet.pts
        packet.time_base = times.base
        yield packet


def _decoded(shown: Sequence[int], number: int, times: FrameTimes) -> int:
    """Return the time at which a frame is decoded: that of a frame shown earlier, before the first in steps."""
    if number >= 0:
        return shown[number]
    step = shown[1] - shown[0] if len(shown) > 1 else times.last
    return shown[0] + number * max(1, step)


@contextmanager
def _reading() -> Iterator[None]:
    try:
        yield
    except av.error.FFmpegError as error:
        if error.errno in FULL:
            raise StorageFull("no space left on the disk. Free some and run the same command again") from error
        raise MediaError(f"the segments cannot be joined: {error}") from error
