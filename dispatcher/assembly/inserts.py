"""Filters that convert inserted videos to the size, frame rate, colours and sound of ours. Nothing runs here."""

from __future__ import annotations

from dispatcher.assembly.timeline import FPS, Insert
from media.probe import Footage, FootageAudio

HDR_FILTERS = frozenset({"zscale", "tonemap"})
"""The additional ffmpeg filters that a video of high dynamic range needs."""

SAME = "setsar=1,format=yuv420p,setparams=range=tv:colorspace=bt709:color_primaries=bt709:color_trc=bt709"
"""The properties that frames must share to be in one stream."""


def picture(insert: Insert, size: tuple[int, int]) -> str:
    """Return the filters that convert a video to our frame rate, size and colours, for exactly its frames.

    The aspect ratio stays; the rest of the frame is black.
    """
    width, height = fitted(insert.footage.size, size)
    frames = f"setpts=PTS-STARTPTS,fps={FPS}:start_time=0"
    framed = f"pad={size[0]}:{size[1]}:(ow-iw)/2:(oh-ih)/2"
    whole = f"tpad=stop_mode=clone:stop=-1,trim=end_frame={insert.frames}"
    return f"{frames},{_colours(insert.footage, width, height)},{framed},{SAME},{whole}"


def fitted(shown: tuple[int, int], size: tuple[int, int]) -> tuple[int, int]:
    """Return the largest even size with the aspect ratio of `shown` that fits into `size`."""
    scale = min(size[0] / shown[0], size[1] / shown[1])
    return tuple(max(2, round(side * scale / 2) * 2) for side in shown)  # type: ignore[return-value]  # two are two


def _colours(footage: Footage, width: int, height: int) -> str:
    """Return the filters to this size in limited-range BT.709, through linear light for high dynamic range.

    White at 203 nits (ITU-R BT.2408) becomes 235 of 255; brighter values are compressed into the rest.
    """
    fit = f"scale={width}:{height}:flags=lanczos+accurate_rnd+full_chroma_int"
    if footage.transfer is not None:
        linear = f"zscale=tin={footage.transfer}:min=bt2020nc:pin=bt2020:t=linear:npl=100,format=gbrpf32le"
        mapped = "zscale=p=bt709,tonemap=tonemap=mobius:desat=0,zscale=t=bt709:m=bt709:r=tv,format=yuv420p"
        return f"{fit},{linear},{mapped}"
    matrix = f":in_color_matrix={footage.matrix}" if footage.matrix else ""
    return f"{fit}{matrix}:out_color_matrix=bt709:out_range=tv"


def sound(insert: Insert, found: FootageAudio, rate: int) -> str:
    """Return the filters that convert the sound of a video to stereo at `rate`, aligned with its first frame."""
    length = round(insert.seconds * rate)
    late = round(abs(found.delay_s) * rate)
    aligned = f"adelay={late}S:all=1" if found.delay_s > 0 else f"atrim=start_sample={late},asetpts=PTS-STARTPTS"
    stereo = f"aresample={rate}:async=1,aformat=sample_fmts=flt:channel_layouts=stereo"
    return f"asetpts=PTS-STARTPTS,{stereo},{aligned},apad,atrim=end_sample={length}"
