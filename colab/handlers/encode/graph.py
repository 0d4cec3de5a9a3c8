"""The filters of an encode job: one film or several joined, cut, scaled, at another rate. Every word is ours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from media import carry_over
from media.ffmpeg import input_arguments
from media.info import MediaFile, VideoTrack
from protocol.errors import JobFailed
from protocol.kinds.encode import Params

RATE = 48_000
_OPUS_LAYOUTS = "mono|stereo|3.0|quad|5.0|5.1|6.1|7.1"


@dataclass(frozen=True, kw_only=True)
class Graph:
    """How the films are opened, and the filters that lead to the picture and the sounds, by their labels."""

    opened: tuple[str, ...]
    picture: str  # ends in [picture]
    sounds: tuple[str, ...]  # the one at place n ends in [sound<n>]; none where there is none, or they are copied
    seconds: float

    def measuring(self, place: int, last: str) -> list[str]:
        """Return the arguments that lead one sound through a last filter and nowhere."""
        label = f"[sound{place}]"
        chain = self.sounds[place].removesuffix(label)
        return [*self.opened, "-filter_complex", f"{chain},{last}[heard]", "-map", "[heard]", "-f", "null", "-"]


def graph(films: Sequence[MediaFile], params: Params, *, bits: int, coder: str) -> Graph:
    """Return the filters for the films, which are joined where there are several."""
    seconds = sum(picture_of(film).seconds for film in films)
    start, end = params.span
    last = seconds if end is None else min(end, seconds)
    if start >= seconds:
        raise JobFailed(f"the video lasts {seconds:.2f} s: it cannot begin at {start:g} s", code="BAD_REQUEST")
    make = _one if len(films) == 1 else _joined
    return make(films, params, _Cut(start, last, last - start), _pixels(bits), _layouts(coder))


@dataclass(frozen=True)
class _Cut:
    start: float
    end: float
    seconds: float


def picture_of(film: MediaFile) -> VideoTrack:
    """Return the picture of a film that is known to have one."""
    assert film.picture is not None  # looked at before
    return film.picture


def _one(films: Sequence[MediaFile], params: Params, cut: _Cut, pixels: str, layouts: str) -> Graph:
    """Return the filters for one film. It is opened where it is cut: what lies before is not decoded."""
    film, picture = films[0], picture_of(films[0])
    whole = cut.start == 0 and params.span[1] is None
    span = [] if whole else ["-ss", f"{cut.start:.6f}", "-t", f"{cut.seconds:.6f}"]
    filters = ",".join([*carry_over.yuv_filters(picture.pixels), *_scaled(params), *_paced(params), f"format={pixels}"])
    silent = params.is_mute or params.audio_codec == "copy"
    sounds = [f"[0:{track.stream}]{layouts}[sound{n}]" for n, track in enumerate(film.sounds) if not silent]
    return Graph(
        opened=(*span, *input_arguments(film.path, film.container)),
        picture=f"[0:{picture.stream}]{filters}[picture]",
        sounds=tuple(sounds),
        seconds=cut.seconds,
    )


def _joined(films: Sequence[MediaFile], params: Params, cut: _Cut, pixels: str, layouts: str) -> Graph:
    """Return the filters that join films: as large as the first, at its rate, silent where one is."""
    first = picture_of(films[0])
    width, height = (side // 2 * 2 for side in first.shown)
    rate = params.rate or float(first.fps)
    chains, opened = [], []
    for n, film in enumerate(films):
        picture = picture_of(film)
        opened += input_arguments(film.path, film.container)
        fitted = f"scale={width}:{height}:force_original_aspect_ratio=decrease:reset_sar=1"
        padded = f"pad={width}:{height}:(ow-iw)/2:(oh-ih)/2,setsar=1"
        filters = [
            *carry_over.yuv_filters(picture.pixels),
            _square(picture),
            fitted,
            padded,
            f"fps={rate:.6f}:start_time=0",
        ]
        length = f"trim=duration={picture.seconds:.6f},setpts=PTS-STARTPTS"
        chains.append(f"[{n}:{picture.stream}]{','.join([*filters, length, f'format={pixels}'])}[v{n}]")
    joined = "".join(f"[v{n}]" for n in range(len(films)))
    trimmed = f"trim={cut.start:.6f}:{cut.end:.6f},setpts=PTS-STARTPTS"
    after = ",".join([trimmed, *_scaled(params), f"format={pixels}"])
    chains.append(f"{joined}concat=n={len(films)}:v=1:a=0,{after}[picture]")
    heard = not params.is_mute and any(film.sounds for film in films)
    return Graph(
        opened=tuple(opened),
        picture=";".join(chains),
        sounds=(_heard(films, cut, layouts),) if heard else (),
        seconds=cut.seconds,
    )


def _heard(films: Sequence[MediaFile], cut: _Cut, layouts: str) -> str:
    """Return the filters that join the first sound of each film, each as long as its picture."""
    chains = []
    for n, film in enumerate(films):
        seconds = picture_of(film).seconds
        length = f"apad=whole_dur={seconds:.6f},atrim=duration={seconds:.6f},asetpts=PTS-STARTPTS"
        same = f"aresample={RATE}:async=1:first_pts=0,aformat=sample_fmts=fltp:channel_layouts=stereo"
        silence = f"anullsrc=r={RATE}:cl=stereo"
        begin = f"[{n}:{film.sounds[0].stream}]{same}" if film.sounds else silence
        chains.append(f"{begin},{length}[a{n}]")
    joined = "".join(f"[a{n}]" for n in range(len(films)))
    trimmed = f"atrim={cut.start:.6f}:{cut.end:.6f},asetpts=PTS-STARTPTS"
    chains.append(f"{joined}concat=n={len(films)}:v=0:a=1,{trimmed},{layouts}[sound0]")
    return ";".join(chains)


def _square(picture: VideoTrack) -> str:
    """Return the filter that makes pixels square: films that are joined must agree on their shape."""
    width, height = picture.shown
    return f"scale={max(2, width // 2 * 2)}:{max(2, height // 2 * 2)}"


def _scaled(params: Params) -> list[str]:
    """Return the filters for the size: the height asked for, and even numbers, which the codecs need."""
    if params.lines is not None:
        return [f"scale=-2:{params.lines // 2 * 2}:flags=lanczos+accurate_rnd"]
    return ["crop=trunc(iw/2)*2:trunc(ih/2)*2:0:0:exact=1"]


def _paced(params: Params) -> list[str]:
    return [] if params.rate is None else [f"fps={params.rate:.6f}"]


def _pixels(bits: int) -> str:
    return "yuv420p10le" if bits > 8 else "yuv420p"


def _layouts(coder: str) -> str:
    return f"aformat=channel_layouts={_OPUS_LAYOUTS}" if coder == "libopus" else "anull"
