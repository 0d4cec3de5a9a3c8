"""From a spec to its narration: cached clips, and those that a worker speaks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from dispatcher.jobs.job import Progress
from dispatcher.tour.narration.clip_cache import ClipCache
from dispatcher.tour.narration.clips import Narration, NarrationVoice
from dispatcher.tour.narration.cloning import voice_reference
from dispatcher.tour.narration.narrator import audible, copy_clips, narrate
from dispatcher.tour.options import CLONING_ENGINE, TourOptions
from dispatcher.tour.session import TourSession
from dispatcher.tour.spec import script
from dispatcher.tour.spec.model import Spec


def spoken_text_of(spec: Spec, options: TourOptions) -> str:
    """Return what would be said in each step, word for word. Nothing is spoken, and no worker is needed."""
    entries = script.merged_lexicon(spec.settings.lexicon, options.lexicon)
    return script.show_spoken(_texts(spec), spec.settings.language, entries)


def needs_worker(spec: Spec, session: TourSession) -> bool:
    """Say whether a worker may be asked to speak: something is heard, and not only cached clips may be used."""
    return not session.options.reuse.only and bool(audible(_texts(spec), _voice(spec, session)))


def speak(spec: Spec, session: TourSession) -> Narration:
    """Return the narration of a tour, its clips copied into the work folder, and show its warnings."""
    texts, voice = _texts(spec), _voice(spec, session)
    if reference := voice_reference(spec, session):
        voice = replace(voice, require_engine=CLONING_ENGINE, reference=reference)
    cache = ClipCache(session.settings.narration)
    if needs_worker(spec, session):
        narration = _speak_with_worker(texts, voice, cache, session)
    else:
        narration = narrate(None, texts, voice, cache=cache, reuse=session.options.reuse, timeout_s=0)
    unreadable = script.unreadable(texts, voice.language, voice.lexicon)
    narration = replace(narration, warnings=(*script.misspelt(texts), *unreadable, *narration.warnings))
    narration = copy_clips(narration, session.work_dir / "audio")
    for warning in narration.warnings:
        session.screen.warn(warning)
    session.screen.say(_summary(narration))
    return narration


def _texts(spec: Spec) -> list[tuple[str, str]]:
    return [(step.id, step.narration) for step in spec.steps]


def _voice(spec: Spec, session: TourSession) -> NarrationVoice:
    own = spec.settings
    return NarrationVoice(
        name=session.settings.default_voice if own.voice == "default" else own.voice,
        speed=own.speech_speed,
        language=own.language,
        require_engine=session.options.require_engine,
        lexicon=script.merged_lexicon(own.lexicon, session.options.lexicon),
    )


def _summary(narration: Narration) -> str:
    if not narration.clips:
        return "narration: none, the video is silent"
    spoken = sum(clip.seconds for clip in narration.clips.values())
    cached = f" ({narration.cached} cached)" if narration.cached else ""
    return f"narration: {len(narration.clips)} clips{cached}, {spoken:.1f} s, by {narration.engine}"


def _speak_with_worker(
    texts: Sequence[tuple[str, str]], voice: NarrationVoice, cache: ClipCache, session: TourSession
) -> Narration:
    """Have the clips that are not cached spoken by a worker."""
    with session.screen.stage("narration") as stage, session.connect("tts") as workers:

        def on_progress(progress: Progress) -> None:
            stage.job(progress)
            workers.keep()

        engines = tuple(engine.name for engine in workers.engines("tts"))
        narration = narrate(
            workers.client,
            texts,
            voice,
            cache=cache,
            reuse=replace(session.options.reuse, offered=engines),
            timeout_s=session.options.timeout_s,
            on_progress=on_progress,
        )
        stage.update(1, 1, f"{len(narration.clips)} clips")
        workers.client.clean()
    return narration
