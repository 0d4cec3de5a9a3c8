"""From the texts of a tour to its clips: cached clips where there are any, and one job for all the others."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from dispatcher.assembly.timeline import Word
from dispatcher.jobs.client import Client
from dispatcher.jobs.job import Job, Progress, Result
from dispatcher.tour.narration import clips
from dispatcher.tour.narration.clip_cache import (
    CachedClip,
    ClipCache,
    EngineIdentity,
    clip_key,
    engine_identity,
    reading,
)
from dispatcher.tour.narration.clips import Narration, NarrationVoice, SpokenClip, speech_job
from dispatcher.tour.options import Reuse
from dispatcher.tour.spec import script
from media.audio import check_wav
from protocol.errors import NotFoundError
from protocol.kinds import tts
from protocol.messages import EngineRecord

log = logging.getLogger(__name__)

CachedClips = dict[str, dict[EngineIdentity, CachedClip]]
"""The cached clips of each step, by the engine that spoke them."""


def narrate(
    client: Client | None,
    texts: Sequence[tuple[str, str]],
    voice: NarrationVoice,
    *,
    cache: ClipCache,
    reuse: Reuse,
    timeout_s: float | None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Narration:
    """Return verified clips of these texts; a silent text gets none, and no worker is asked for it.

    All clips are by one engine and model, unless `reuse.mixed` allows several. Raises NotFoundError naming the steps
    that have no cached clip, if only cached clips may be used.
    """
    heard = audible(texts, voice)
    silence = _silence([pair for pair in texts if pair not in heard])
    if not heard:
        return silence
    narrator = _Narrator(client, speech_job(heard, voice), voice, cache, timeout_s, on_progress)
    narrator.use_cached(reuse)
    if missing := narrator.missing():
        if reuse.only:
            raise NotFoundError(_nothing_cached(missing, voice))
        narrator.speak(missing)
        if len(narrator.engines) > 1 and not reuse.mixed:
            log.info("the cached clips are by another engine than the new ones: all clips are spoken again")
            narrator.speak(list(dict(heard)))
    cache.prune(time.time())
    spoken = narrator.narration()
    return replace(spoken, pauses=silence.pauses, warnings=(*spoken.warnings, *silence.warnings))


def audible(texts: Sequence[tuple[str, str]], voice: NarrationVoice) -> list[tuple[str, str]]:
    """Return the (step id, narration) pairs that are not silent."""
    return [pair for pair in texts if not script.is_silent(pair[1], voice.language, voice.lexicon)]


def _silence(texts: Sequence[tuple[str, str]]) -> Narration:
    """Return the narration of silent steps: their pauses, and a warning if any of them has text."""
    pauses = {step: script.pauses_s(text) for step, text in texts}
    silent = [step for step, text in texts if script.plain(text)]
    warning = f"nothing to speak in step(s) {', '.join(silent)}: they are silent and have no captions"
    return Narration(
        clips={},
        engine="none",
        pauses={step: seconds for step, seconds in pauses.items() if seconds},
        warnings=(warning,) if silent else (),
    )


def copy_clips(narration: Narration, folder: Path) -> Narration:
    """Copy every clip to `folder` as `step-<id>.wav`, replacing older ones; return the narration of the copies."""
    folder.mkdir(parents=True, exist_ok=True)
    copies = {}
    for step, clip in narration.clips.items():
        unfinished = folder / f".step-{step}.unfinished"
        shutil.copyfile(clip.wav, unfinished)
        copies[step] = replace(clip, wav=unfinished.replace(folder / f"step-{step}.wav"))
    return replace(narration, clips=copies)


def _nothing_cached(missing: Sequence[str], voice: NarrationVoice) -> str:
    return (
        f"no cached clip for step(s) {', '.join(missing)} as they are now (text, voice {voice.name}, language "
        f"{voice.language}, speed {voice.speed:g}, and one engine for all); run without --skip-tts to have them spoken"
    )


@dataclass
class _Narrator:
    """Collects the clips of one tour."""

    client: Client | None
    whole: Job  # for all the steps
    voice: NarrationVoice
    cache: ClipCache
    timeout_s: float | None
    on_progress: Callable[[Progress], None] | None
    clips: dict[str, SpokenClip] = field(default_factory=dict)
    engines: dict[EngineIdentity | None, EngineRecord | None] = field(default_factory=dict)
    substituted: dict[str, str] = field(default_factory=dict)  # the voice that spoke → the requested one
    warnings: list[str] = field(default_factory=list)
    cached: int = 0
    force: bool = False  # ignore whatever has been spoken before

    @property
    def steps(self) -> dict[str, dict[str, Any]]:
        """Return the steps of the request, by id."""
        return {step["id"]: step for step in self.whole.params["steps"]}

    def use_cached(self, reuse: Reuse) -> None:
        """Take what may be used from the cache: the clips of one engine, the one that covers most steps."""
        if reuse.nothing:
            self.force = True
            return
        found: CachedClips = {step: self.cache.find(self._key(step)) for step in self.steps}
        for engine in _by_coverage(found, lambda clip: self._is_good(clip, reuse)):
            for step, by_engine in found.items():
                if step not in self.clips and engine in by_engine:
                    self._add(step, by_engine[engine])
                    self.cached += 1
            if not reuse.mixed:
                return

    def missing(self) -> list[str]:
        """Return the steps without a clip."""
        return [step for step in self.steps if step not in self.clips]

    def speak(self, steps: Sequence[str]) -> None:
        """Have these steps spoken by one job, and cache the clips."""
        assert self.client is not None  # without a client only cached clips are used
        if len(steps) == len(self.steps):
            self.clips, self.engines, self.substituted, self.cached = {}, {}, {}, 0
        params = {**self.whole.params, "steps": [self.steps[step] for step in self.steps if step in steps]}
        # the run database may have a result of an older version of the reading rules
        force = self.force or any(reading(params, step) for step in params["steps"])
        job = replace(self.whole, params=params, anew=force)
        result = self.client.submit(job).wait(self.timeout_s, on_progress=self.on_progress)
        self.warnings += clips.warnings(result, params)
        for step in steps:
            self._add_new(step, result)

    def narration(self) -> Narration:
        """Return the clips so far."""
        engines = sorted({clip.engine for clip in self.clips.values()})
        swapped = [clips.substituted(requested, actual) for actual, requested in self.substituted.items()]
        return Narration(
            clips={step: self.clips[step] for step in self.steps},
            engine=", ".join(engines),
            cached=self.cached,
            warnings=(*swapped, *self.warnings),
        )

    def _key(self, step_id: str) -> str:
        step = self.steps[step_id]
        params = {name: value for name, value in self.whole.params.items() if name != "lexicon"}
        if entries := script.used(self.voice.lexicon, [step["narration"]]):
            params["lexicon"] = entries
        return clip_key(params, step, self.voice.digests())

    def _is_good(self, clip: CachedClip, reuse: Reuse) -> bool:
        """Say whether a cached clip is as good as a new one would be, as far as that is known."""
        if self.voice.require_engine is not None:
            return clip.engine.name == self.voice.require_engine
        if reuse.only or not reuse.offered or clip.engine.tier == "neural":
            return True
        if clip.substituted is not None and len(reuse.offered) > 1:
            return False  # the engine that has the requested voice may be available now
        return clip.engine.name == next(iter(reuse.offered))

    def _add_new(self, step: str, result: Result) -> None:
        """Add a clip of a result. It is cached unless its engine is unknown, or it is doubtful: then the next run
        tries again, and warns again."""
        wav, words = result.files[tts.wav_path(step)], result.files.get(tts.words_path(step))
        if result.engine is None or words is None or step in clips.doubtful(result):
            self._add_files(step, wav, words, result.engine)
            return
        swapped = result.summary.get("substituted")
        requested = str(swapped.get("voice")) if isinstance(swapped, dict) else None
        clip = CachedClip(wav=wav, words=words, engine=result.engine, substituted=requested)
        self._add(step, self.cache.add(self._key(step), clip))

    def _add(self, step: str, clip: CachedClip) -> None:
        self._add_files(step, clip.wav, clip.words, clip.engine)
        if clip.substituted is not None:
            self.substituted[f"{clip.engine.voice} of {clip.engine.name}"] = clip.substituted

    def _add_files(self, step: str, wav: Path, words: Path | None, engine: EngineRecord | None) -> None:
        seconds = check_wav(wav)
        timed, exact = _word_times(words, self.steps[step]["narration"], seconds)
        self.engines[engine_identity(engine) if engine else None] = engine
        self.clips[step] = SpokenClip(
            step_id=step, wav=wav, seconds=seconds, words=timed, exact=exact, engine=clips.engine_text(engine)
        )


def _by_coverage(found: CachedClips, is_good: Callable[[CachedClip], bool]) -> list[EngineIdentity]:
    """Return the engines of usable clips: neural ones first, then those with clips of the most steps."""
    coverage: dict[EngineIdentity, tuple[bool, int]] = {}
    for by_engine in found.values():
        for engine, clip in by_engine.items():
            if is_good(clip):
                coverage[engine] = (clip.engine.tier == "neural", coverage.get(engine, (False, 0))[1] + 1)
    return sorted(coverage, key=lambda engine: (coverage[engine], engine[1]), reverse=True)


def _word_times(path: Path | None, text: str, seconds: float) -> tuple[tuple[Word, ...], bool]:
    """Return the word times of a clip, and whether they are exact; without a file they are estimated by length."""
    if path is None:
        return _spread(text, seconds), False
    times = tts.read_times(path.read_bytes())
    return tuple(Word(text=word, start_s=start, end_s=end) for word, start, end in times.words), times.exact


def _spread(text: str, seconds: float) -> tuple[Word, ...]:
    words, at = text.split(), 0.0
    letters = sum(len(word) + 1 for word in words)
    spread = []
    for word in words:
        length = seconds * (len(word) + 1) / letters
        spread.append(Word(text=word, start_s=at, end_s=at + length))
        at += length
    return tuple(spread)
