"""The first pass: how each picture moved. From 720 lines on it looks twice at half the size, which is as exact."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from colab.handlers.stabilize import motions
from colab.handlers.stabilize.motions import Fields, Motion
from media.ffmpeg import MAX_RUN_S, Ffmpeg, input_arguments
from media.info import VideoTrack
from protocol.errors import MediaError
from protocol.kinds.stabilize import Params

HALF_FROM = 720
"""Lines of the shorter side from which half the size is as exact: measured, see docs/why/half-size-detection.md."""

FACTOR = 2
FITTED = "global_motions.trf"
"""Where vid.stab writes what it has fitted, in the folder it runs in."""


def looks(params: Params, size: tuple[int, int]) -> int:
    """Return how many times the film is looked at, and by what part of its size: 1 is once, at full size.

    A tripod compares with one picture, so that the trick with every second one does not apply.
    """
    if params.tripod or params.detection == "full":
        return 1
    return FACTOR if params.detection == "half" or min(size) >= HALF_FROM else 1


def even_size(picture: VideoTrack) -> tuple[int, int]:
    """Return the size that is worked on: turned as it is shown, without a last odd column and line."""
    width, height = picture.size if picture.rotation in (0, 180) else picture.size[::-1]
    return width // 2 * 2, height // 2 * 2


def _before(first: int) -> int:
    """Return the picture that motion is told from."""
    return max(0, first - 1)


@dataclass(frozen=True, kw_only=True)
class Detector:
    """Finds the motion of one film. It runs in a folder of its own, which is left with files that nobody needs."""

    ffmpeg: Ffmpeg
    path: Path
    container: str
    picture: VideoTrack
    params: Params
    folder: Path

    @property
    def size(self) -> tuple[int, int]:
        """Return the size at full."""
        return even_size(self.picture)

    @property
    def looks(self) -> int:
        """Return how many looks at what part of the size."""
        return looks(self.params, self.size)

    def run(self, first: int, on_progress: Callable[[float], None]) -> list[Motion]:
        """Return the motion of every picture from number `first` on, each since the one before it; the first has none.

        `on_progress` gets the part of the film that was looked at; `so_far` may be called in it.
        """
        fields = self.look(first, on_progress)
        if not fields:
            raise MediaError(f"no picture could be read from number {first} on")
        return self._fitted(fields)[first - _before(first) :]

    def look(self, first: int, on_progress: Callable[[float], None]) -> list[Fields]:
        """Return the fields of every picture from the one before `first` on, at full size."""
        self.ffmpeg.run(
            self.arguments(_before(first)),
            duration_s=self.picture.seconds,
            on_progress=on_progress,
            folder=self.folder,
            timeout_s=MAX_RUN_S,
        )
        return self._fields(first, whole=True)

    def so_far(self, first: int) -> list[Motion]:
        """Return what a run from `first` on, which is not at its end, has found."""
        fields = self._fields(first, whole=False)
        return self._fitted(fields)[first - _before(first) :] if fields else []

    def _fields(self, first: int, *, whole: bool) -> list[Fields]:
        seen = [motions.read(self.folder / f"look-{look}.trf", whole=whole) for look in range(self.looks)]
        if self.looks == 1:
            return seen[0]
        return motions.enlarged(seen, self.looks, odd_first=_before(first) % 2 == 1)

    def _fitted(self, fields: list[Fields]) -> list[Motion]:
        """Return one motion a picture. vid.stab fits it to the fields, and tells what it found when it is debugged."""
        written = self.folder / "fields.trf"
        motions.write(written, fields, text=motions.is_text(self.folder / "look-0.trf"))
        (self.folder / FITTED).unlink(missing_ok=True)
        blank = ["-f", "lavfi", "-i", f"color=size={self.size[0]}x{self.size[1]}:rate=25"]
        chain = f"format=yuv420p,vidstabtransform=input={written.name}:smoothing=0:optzoom=0:debug=1"
        self.ffmpeg.run([*blank, "-vf", chain, "-frames:v", "1", "-f", "null", "-"], folder=self.folder)
        fitted = motions.read_fitted(self.folder / FITTED)
        if len(fitted) != len(fields):
            raise MediaError(f"vid.stab fitted the motion of {len(fitted)} pictures instead of {len(fields)}")
        return fitted

    def arguments(self, start: int) -> list[str]:
        """Return ffmpeg's arguments for a run from picture `start` on: one output a look, so that they run together."""
        arguments = list(input_arguments(self.path, self.container))
        for look in range(self.looks):
            entry = [f"trim=start_frame={start}"] if start else []
            chain = ",".join([*entry, *self._seen(look, start), self.detection_filter(look)])
            arguments += ["-map", f"0:{self.picture.stream}", "-vf", chain, "-f", "null", "-"]
        return arguments

    def _seen(self, look: int, start: int) -> list[str]:
        """Return the filters before a look: at half size the brightness alone, every second picture moved."""
        width, height = self.size
        factor = self.looks
        if factor == 1:
            return ["format=yuv420p", f"crop={width}:{height}:0:0:exact=1"]
        small = (width - factor + 1) // factor, (height - factor + 1) // factor
        moved = f"{look}*mod(n+{start % 2}\\,2)" if look else "0"
        return [
            "format=yuv420p",
            "extractplanes=y",
            f"crop={factor * small[0]}:{factor * small[1]}:{moved}:{moved}:exact=1",
            f"scale={small[0]}:{small[1]}:flags=area",
        ]

    def detection_filter(self, look: int) -> str:
        """Return the filter that detects the motion of a look."""
        params = self.params
        how = f"shakiness={params.shakiness}:accuracy={params.accuracy}:stepsize={params.stepsize}"
        tripod = ":tripod=1" if params.tripod else ""
        return f"vidstabdetect=result=look-{look}.trf:{how}:mincontrast={params.mincontrast:.6f}{tripod}"
