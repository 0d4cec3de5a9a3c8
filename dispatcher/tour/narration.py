"""From the steps of a tour to spoken clips: takes those that are kept, and asks the client for the others."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from dispatcher.assembly.timeline import Word
from dispatcher.jobs.client import Client
from dispatcher.jobs.job import Job, Progress, Purpose, Result
from dispatcher.tour import script, spoken_notes
from dispatcher.tour.clip_cache import CachedClip, ClipCache, Maker, clip_key, maker, reading
from dispatcher.tour.reference import Reference
from media.audio import check_wav
from protocol.errors import NotFoundError
from protocol.kinds import tts
from protocol.messages import EngineRecord

log = logging.getLogger(__name__)

Kept = dict[str, dict[Maker, CachedClip]]
"""The clips that are kept for each step, by who spoke them."""


@dataclass(frozen=True, kw_only=True)
class Spoken:
    """The narration of one step: a verified local WAV, its length, its word times and who spoke it."""

    step_id: str
    wav: Path
    seconds: float
    words: tuple[Word, ...]
    exact: bool  # word times come from the engine, not from an estimate
    engine: str  # for people: "espeak 1.52 (embedded)"


@dataclass(frozen=True, kw_only=True)
class Narration:
    """Every spoken clip of a tour, and what people must be told about how they were made."""

    clips: dict[str, Spoken]
    engine: str
    pauses: Mapping[str, float] = field(default_factory=dict)  # how long a step without a clip is silent, if it says so
    kept: int = 0  # how many of them were spoken before
    warnings: tuple[str, ...] = ()

    @property
    def seconds(self) -> dict[str, float]:
        """Return how long the narration of each step lasts; a step that says nothing and pauses nowhere has none."""
        return {**self.pauses, **{step: clip.seconds for step, clip in self.clips.items()}}


@dataclass(frozen=True, kw_only=True)
class Voice:
    """How to speak."""

    name: str
    speed: float
    language: str
    require_engine: str | None = None
    lexicon: Mapping[str, str] = field(default_factory=dict)
    reference: Reference | None = None  # the recording whose voice is cloned; `name` means nothing then

    def params(self) -> dict[str, Any]:
        """Return what every clip with this voice is asked for with, but for the lexicon."""
        plain = {"voice": self.name, "speed": self.speed, "language": self.language}
        return plain | {"voice": "default"} | self.reference.params() if self.reference else plain

    def inputs(self) -> dict[str, Path]:
        """Return the files that go with a request."""
        return {tts.REF_AUDIO: self.reference.wav} if self.reference else {}

    def digests(self) -> dict[str, tuple[int, str]]:
        """Return size and digest of those files."""
        return {tts.REF_AUDIO: (self.reference.size, self.reference.sha256)} if self.reference else {}


@dataclass(frozen=True, kw_only=True)
class Reuse:
    """Which kept clips may be used. `offered` names the engines of the workers here, the usual one first, if known."""

    nothing: bool = False  # speak every clip again
    only: bool = False  # speak none
    mixed: bool = False  # let several engines speak in one film
    offered: Collection[str] = ()


def speech_job(texts: Sequence[tuple[str, str]], voice: Voice) -> Job:
    """Return the job that speaks these (step id, narration as written) pairs."""
    steps = [script.wire_step(step, text) for step, text in texts]
    params: dict[str, Any] = {**voice.params(), "steps": steps}
    if entries := script.used(voice.lexicon, (step["narration"] for step in steps)):
        params["lexicon"] = entries
    title = f"{len(steps)} step(s) of narration"
    return Job(
        kind="tts",
        params=params,
        inputs=voice.inputs(),
        require_engine=voice.require_engine,
        purpose=Purpose(title=title),
    )


def narrate(
    client: Client | None,
    texts: Sequence[tuple[str, str]],
    voice: Voice,
    *,
    cache: ClipCache,
    reuse: Reuse,
    timeout_s: float | None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Narration:
    """Return verified clips of these texts; a text without anything to say gets none, and no worker is asked for it.

    All are by one engine and model, unless `reuse.mixed` allows several. Raises NotFoundError naming the steps of
    which no clip is kept, where only kept ones are wanted.
    """
    wanted = audible(texts, voice)
    quiet = _quiet([pair for pair in texts if pair not in wanted])
    if not wanted:
        return quiet
    job = speech_job(wanted, voice)
    plain = {step["id"]: step["narration"] for step in job.params["steps"]}
    narrator = _Narrator(client, plain, job, voice, cache, timeout_s, on_progress)
    narrator.take_kept(reuse)
    if missing := narrator.missing():
        if reuse.only:
            raise NotFoundError(_nothing_kept(missing, voice))
        narrator.speak(missing)
        if len(narrator.makers) > 1 and not reuse.mixed:
            log.info("the kept clips are by another engine than the new ones: all are spoken again")
            narrator.speak(list(dict(wanted)))
    cache.prune(time.time())
    spoken = narrator.narration()
    return replace(spoken, pauses=quiet.pauses, warnings=(*spoken.warnings, *quiet.warnings))


def audible(texts: Sequence[tuple[str, str]], voice: Voice) -> list[tuple[str, str]]:
    """Return the (step id, narration) pairs of which something is heard."""
    return [pair for pair in texts if not script.is_silent(pair[1], voice.language, voice.lexicon)]


def _quiet(texts: Sequence[tuple[str, str]]) -> Narration:
    """Return the narration of steps of which nothing is heard: their pauses, and a warning where there is a text."""
    pauses = {step: script.pauses_s(text) for step, text in texts}
    silent = [step for step, text in texts if script.plain(text)]
    told = f"nothing to speak in step(s) {', '.join(silent)}: they are silent and have no captions"
    return Narration(
        clips={},
        engine="none",
        pauses={step: seconds for step, seconds in pauses.items() if seconds},
        warnings=(told,) if silent else (),
    )


def put_beside(narration: Narration, folder: Path) -> Narration:
    """Copy every clip to `folder` as `step-<id>.wav`, over what is there, and return the narration of the copies."""
    folder.mkdir(parents=True, exist_ok=True)
    clips = {}
    for step, clip in narration.clips.items():
        unfinished = folder / f".step-{step}.unfinished"
        shutil.copyfile(clip.wav, unfinished)
        clips[step] = replace(clip, wav=unfinished.replace(folder / f"step-{step}.wav"))
    return replace(narration, clips=clips)


def _nothing_kept(missing: Sequence[str], voice: Voice) -> str:
    return (
        f"no clip is kept of step(s) {', '.join(missing)} as they are now (text, voice {voice.name}, language "
        f"{voice.language}, speed {voice.speed:g} and one engine for all); run without --skip-tts to have them spoken"
    )


@dataclass
class _Narrator:
    """One tour's narration as it comes together."""

    client: Client | None
    texts: Mapping[str, str]
    whole: Job
    voice: Voice
    cache: ClipCache
    timeout_s: float | None
    on_progress: Callable[[Progress], None] | None
    clips: dict[str, Spoken] = field(default_factory=dict)
    makers: dict[Maker | None, EngineRecord | None] = field(default_factory=dict)
    substituted: dict[str, str] = field(default_factory=dict)  # the voice that spoke → the one asked for
    warnings: list[str] = field(default_factory=list)
    kept: int = 0
    renew: bool = False  # whatever has been spoken before

    def take_kept(self, reuse: Reuse) -> None:
        """Take from the cache what may be used: the clips of one engine, of the one that covers most."""
        if reuse.nothing:
            self.renew = True
            return
        found: Kept = {step: self.cache.find(self._key(step)) for step in self.texts}
        for maker_ in _by_worth(found, lambda clip: self._is_good(clip, reuse)):
            for step, clips in found.items():
                if step not in self.clips and maker_ in clips:
                    self._take(step, clips[maker_])
                    self.kept += 1
            if not reuse.mixed:
                return

    def missing(self) -> list[str]:
        """Return the steps without a clip."""
        return [step for step in self.texts if step not in self.clips]

    def speak(self, steps: Sequence[str]) -> None:
        """Have these steps spoken by one job, and keep the clips."""
        assert self.client is not None  # whoever has none wants kept clips only
        if len(steps) == len(self.texts):
            self.clips, self.makers, self.substituted, self.kept = {}, {}, {}, 0
        params = {**self.whole.params, "steps": [own for own in self._steps() if own["id"] in steps]}
        # a result that another version of the rules has made may be kept by its run, too
        anew = self.renew or any(reading(params, own) for own in params["steps"])
        job = replace(self.whole, params=params, anew=anew)
        result = self.client.submit(job).wait(self.timeout_s, on_progress=self.on_progress)
        self.warnings += spoken_notes.warnings(result, params)
        for step in steps:
            self._take_new(step, result)

    def narration(self) -> Narration:
        """Return what there is now."""
        engines = sorted({clip.engine for clip in self.clips.values()})
        swapped = [spoken_notes.substituted(asked, by) for by, asked in self.substituted.items()]
        return Narration(
            clips={step: self.clips[step] for step in self.texts},
            engine=", ".join(engines),
            kept=self.kept,
            warnings=(*swapped, *self.warnings),
        )

    def _steps(self) -> list[dict[str, Any]]:
        return list(self.whole.params["steps"])

    def _key(self, step: str) -> str:
        own = next(own for own in self._steps() if own["id"] == step)
        params = {name: value for name, value in self.whole.params.items() if name != "lexicon"}
        if entries := script.used(self.voice.lexicon, [own["narration"]]):
            params["lexicon"] = entries
        return clip_key(params, own, self.voice.digests())

    def _is_good(self, clip: CachedClip, reuse: Reuse) -> bool:
        """Say whether a kept clip is as good as what would be spoken now, as far as that is known."""
        if self.voice.require_engine is not None:
            return clip.engine.name == self.voice.require_engine
        if reuse.only or not reuse.offered or clip.engine.tier == "neural":
            return True
        if clip.substituted is not None and len(reuse.offered) > 1:
            return False  # the engine that has the voice may be had now
        return clip.engine.name == next(iter(reuse.offered))

    def _take_new(self, step: str, result: Result) -> None:
        """Take a clip of a result. One of an unknown engine is not kept: nobody could say later what it is. A doubtful
        one is not either, so that another run tries again, and warns again."""
        wav, words = result.files[tts.wav_path(step)], result.files.get(tts.words_path(step))
        if result.engine is None or words is None or step in spoken_notes.doubtful(result):
            self._spoken(step, wav, words, result.engine)
            return
        swapped = result.summary.get("substituted")
        asked = str(swapped.get("voice")) if isinstance(swapped, dict) else None
        clip = CachedClip(wav=wav, words=words, engine=result.engine, substituted=asked)
        self._take(step, self.cache.add(self._key(step), clip))

    def _take(self, step: str, clip: CachedClip) -> None:
        self._spoken(step, clip.wav, clip.words, clip.engine)
        if clip.substituted is not None:
            self.substituted[f"{clip.engine.voice} of {clip.engine.name}"] = clip.substituted

    def _spoken(self, step: str, wav: Path, words: Path | None, engine: EngineRecord | None) -> None:
        seconds = check_wav(wav)
        timed, exact = _words(words, self.texts[step], seconds)
        self.makers[maker(engine) if engine else None] = engine
        self.clips[step] = Spoken(
            step_id=step, wav=wav, seconds=seconds, words=timed, exact=exact, engine=spoken_notes.engine_text(engine)
        )


def _by_worth(found: Kept, good: Callable[[CachedClip], bool]) -> list[Maker]:
    """Return who spoke usable clips: neural engines first, then who spoke most of them."""
    worth: dict[Maker, tuple[bool, int]] = {}
    for clips in found.values():
        for maker_, clip in clips.items():
            if good(clip):
                worth[maker_] = (clip.engine.tier == "neural", worth.get(maker_, (False, 0))[1] + 1)
    return sorted(worth, key=lambda maker_: (worth[maker_], maker_[1]), reverse=True)


def _words(path: Path | None, text: str, seconds: float) -> tuple[tuple[Word, ...], bool]:
    """Return the word times of a clip; a plain answer has none, so they are spread evenly by length."""
    if path is None:
        return _spread(text, seconds), False
    told = tts.read_times(path.read_bytes())
    return tuple(Word(text=word, start_s=start, end_s=end) for word, start, end in told.words), told.exact


def _spread(text: str, seconds: float) -> tuple[Word, ...]:
    words, at = text.split(), 0.0
    letters = sum(len(word) + 1 for word in words)
    made = []
    for word in words:
        length = seconds * (len(word) + 1) / letters
        made.append(Word(text=word, start_s=at, end_s=at + length))
        at += length
    return tuple(made)
