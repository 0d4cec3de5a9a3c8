"""One file being analysed: listened to and watched at once, then told."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any

from colab.engines.registry import Choice
from colab.handlers.analyze import figures, resume, sheet
from colab.handlers.analyze.engine import FrameContent, FrameViewer
from colab.handlers.analyze.engines import Analyser, label_notes
from colab.handlers.analyze.listening import SoundMeter
from colab.handlers.analyze.resume import Saving
from colab.handlers.analyze.rows import Table
from colab.handlers.analyze.shots import cuts
from colab.handlers.analyze.watching import Astray, FrameMeter
from colab.handlers.analyze.written import Story, analysis, as_text
from colab.work import Work
from media.ffmpeg import Ffmpeg
from media.info import MediaFile
from protocol.errors import JobFailed, MediaError
from protocol.kinds.analysis import MAX_BYTES, MAX_SHOTS, Embeddings, unpacked
from protocol.kinds.analyze import ANALYSIS, SHEET, Params

log = logging.getLogger(__name__)

WAIT_S = 0.2
SIDE_TO_SEE = 448
"""Longer side of the pictures that a model looks at: both cut theirs to less."""


class Analysing:
    """One file being analysed."""

    def __init__(
        self,
        work: Work,
        program: Ffmpeg,
        media: MediaFile,
        params: Params,
        choice: Choice[Analyser],
        kept: frozenset[str],
        saving: Saving,
    ) -> None:
        self._work, self._program, self._media, self._params = work, program, media, params
        self._choice, self._kept, self._saving = choice, kept, saving
        self._eyes = choice.engine.eyes
        self._story = Story(media=media, params=params)
        self._began = time.monotonic()
        self._total = units(media) + (1 if self._eyes else 0)
        self._ear: SoundMeter | None = None

    def run(self) -> dict[str, Any]:
        """Do all of it and return the summary."""
        with ExitStack() as stack:
            if self._media.sounds and not self._was_heard():
                self._ear = stack.enter_context(SoundMeter(self._program, self._media, self._params))
            if self._media.picture is not None:
                self._watch()
            self._listen()
        self._publish(ANALYSIS, _checked(as_text(analysis(self._story))))
        self._work.progress(self._total, self._total, "analysed")
        return self._summary()

    def _was_heard(self) -> bool:
        if resume.SOUND not in self._kept or (heard := resume.read_sound(self._work.output(resume.SOUND))) is None:
            return False
        self._story.loudness, self._story.silence = heard.loudness, heard.silence
        return True

    def _watch(self) -> None:
        params, media = self._params, self._media
        assert media.picture is not None  # its caller looked
        side = max(params.size, params.sheet_width if params.sheet else 0, SIDE_TO_SEE if self._eyes else 0)
        watching = FrameMeter(self._work, self._program, media, params, side=side, saving=self._saving)
        try:
            watching.restore(self._kept)
            try:
                self._tell(watching, watching.watch(self._look_up))
            except Astray:
                self._astray = True
                log.warning("the checkpoints of an earlier attempt do not fit the video: measuring it from the start")
                self._tell(watching, watching.watch_anew(self._look_up))
        finally:
            watching.scratch.close()

    def _tell(self, watching: FrameMeter, table: Table) -> None:
        """Find the shots, and what is to be said and shown of them."""
        params, media, story = self._params, self._media, self._story
        assert media.picture is not None  # as above
        story.table, story.measured = table, watching.measured
        found = [0] if media.what == "picture" else cuts(table, params, media.picture.fps, self._stay)
        _check_number(len(found))
        story.places = found
        self._choose(watching, table)
        if self._eyes is not None:
            self._see(self._eyes, watching, table)
        if params.sheet:
            self._publish(SHEET, self._draw(watching, table))

    def _choose(self, watching: FrameMeter, table: Table) -> None:
        """Choose the picture that stands for each shot, and count its colours."""
        self._story.representatives, self._story.dominant = [], []
        among = figures.places(watching.scratch.places)
        for first, after in self._story.bounds():
            place = figures.representative(table, first, after, among)
            self._story.representatives.append(place)
            self._story.dominant.append(figures.dominant(watching.fetch(place, table)))
            self._stay()

    def _see(self, eyes: FrameViewer, watching: FrameMeter, table: Table) -> None:
        """Have the pictures of all shots looked at, several together."""
        places = self._story.representatives
        self._story.embeddings = eyes.embeddings()
        sights = ShotContents(self._work, places, self._story.embeddings, self._saving)
        sights.restore(self._kept, trusted=not self._astray)
        while rest := places[len(sights.seen) :][: eyes.batch]:
            self._stay(f"shot {len(sights.seen) + 1} of {len(places)} is looked at")
            sights.add(eyes.look([watching.fetch(place, table) for place in rest]))
        self._story.seen = sights.seen

    def _draw(self, watching: FrameMeter, table: Table) -> bytes:
        bounds = self._story.bounds()
        thumbnails = []
        for number in sheet.chosen(len(bounds), self._params.sheet_most):
            picture = partial(watching.fetch, self._story.representatives[number], table)
            thumbnails.append(sheet.Thumbnail(text=self._story.caption(number), picture=picture))
        return sheet.drawn(
            thumbnails, watching.size, width=self._params.sheet_width, columns=self._params.sheet_columns
        )

    def _listen(self) -> None:
        """Wait for the sound. One that cannot be measured is a note if there is a picture."""
        if self._ear is None:
            return
        while not self._ear.is_over(WAIT_S):
            if self._media.picture is None:
                self._look_up(self._ear.at_s)
            else:
                self._stay("the sound is measured")
        try:
            self._story.loudness, self._story.silence = self._ear.finish()
        except MediaError as error:
            if self._media.picture is None:
                raise
            self._story.notes.append("the sound could not be decoded: nothing of it was measured")
            log.warning("the sound is not measured: %s", error)

    def _leave_sound(self) -> None:
        """Leave the sound as a checkpoint when it is done before the pictures are."""
        if self._ear is None or self._media.picture is None or not self._ear.is_over(0):
            return
        self._listen()
        self._ear = None
        if self._story.loudness is not None:
            heard = resume.MeasuredSound(loudness=self._story.loudness, silence=self._story.silence)
            self._work.output(resume.SOUND).write_bytes(resume.as_json(heard))
            self._work.checkpoint(resume.SOUND)

    def _look_up(self, at_s: float) -> None:
        """Say how far it is in seconds of the file, and how long it will take."""
        seconds = self._media.seconds or 0.0
        spent_s = time.monotonic() - self._began
        left = f", about {spent_s * (seconds - at_s) / at_s:.0f} s left" if at_s > 1 and spent_s > 5 else ""
        self._done = max(self._done, min(math.floor(at_s), units(self._media) - 1))
        self._work.progress(self._done, self._total, f"{at_s:.0f} of {seconds:.0f} s{left}")
        if self._long():
            self._leave_sound()

    def _long(self) -> bool:
        return time.monotonic() - self._began >= self._saving.sound_after_s

    def _stay(self, note: str = "the shots are put together") -> None:
        self._work.progress(self._done, self._total, note)

    _done = 0
    _astray = False  # whether what an earlier attempt left was of other pictures

    def _publish(self, path: str, data: bytes) -> None:
        self._work.output(path).write_bytes(data)
        self._work.publish(path)

    def _summary(self) -> dict[str, Any]:
        story = self._story
        summary: dict[str, Any] = {"what": self._media.what, "shots": len(story.places)}
        if self._media.seconds is not None:
            summary["seconds"] = round(self._media.seconds, 3)
        if story.loudness is not None and story.loudness.integrated_lufs is not None:
            summary["integrated_lufs"] = story.loudness.integrated_lufs
        if self._choice.passed_over:
            summary["passed_over"] = list(self._choice.passed_over)
        if notes := [*label_notes(self._params, self._choice, self._media), *story.notes]:
            summary["notes"] = notes
        return summary


def units(media: MediaFile) -> int:
    """Return the seconds of a file, begun ones too: what progress is counted in."""
    return math.floor(media.seconds or 0.0) + 1


def _checked(data: bytes) -> bytes:
    """Return an analysis that can be read. One that is too long raises `JobFailed`."""
    if len(data) > MAX_BYTES:
        raise JobFailed(
            f"the analysis is {len(data)} bytes and at most {MAX_BYTES} are read; give a larger min_shot",
            code="BAD_REQUEST",
        )
    return data


def _check_number(shots: int) -> None:
    if shots > MAX_SHOTS:
        raise JobFailed(
            f"{shots} shots were found, and an analysis holds at most {MAX_SHOTS}; give a larger min_shot or threshold",
            code="BAD_REQUEST",
        )


class ShotContents:
    """What was seen by the pictures at `places`, in their order."""

    def __init__(self, work: Work, places: Sequence[int], embeddings: Embeddings | None, saving: Saving) -> None:
        self._work, self._places, self._saving = work, list(places), saving
        self._dimensions = None if embeddings is None else embeddings.dimensions
        self.seen: list[FrameContent] = []
        self._number, self._left, self._told = 1, 0, time.monotonic()

    def restore(self, kept: frozenset[str], *, trusted: bool = True) -> None:
        """Take over what an earlier attempt saw of the same pictures; if it is not trusted, only leave its names be."""
        for number in resume.seen_numbers(kept):
            self._number = number + 1
            if not trusted:
                continue
            found = resume.read_seen(self._work.output(resume.seen_path(number)))
            if found is None or found.first not in (0, len(self.seen)):
                continue
            there = self._places[found.first : found.first + len(found.places)]
            if list(found.places) == there and all(map(self._fits, found.seen)):
                self.seen[found.first :] = found.seen
        self._left = len(self.seen)

    def add(self, seen: Sequence[FrameContent]) -> None:
        """Add what was seen by the next pictures."""
        self.seen += seen
        now = time.monotonic()
        if now - self._told < self._saving.every_s:
            return
        path, part = resume.seen_path(self._number), slice(self._left, len(self.seen))
        looked = resume.SavedContents(first=self._left, places=tuple(self._places[part]), seen=tuple(self.seen[part]))
        self._work.output(path).write_bytes(resume.as_json(looked))
        self._work.checkpoint(path)
        self._number, self._left, self._told = self._number + 1, len(self.seen), now

    def _fits(self, one: FrameContent) -> bool:
        """Say whether its embedding is one of this engine."""
        if one.embedding is None or self._dimensions is None:
            return one.embedding is None and self._dimensions is None
        try:
            vector = unpacked(one.embedding)
            return len(vector) == self._dimensions and all(map(math.isfinite, vector))
        except ValueError:
            return False
