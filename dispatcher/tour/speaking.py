"""From a spec to its narration: what is kept, and what a backend speaks."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from dispatcher.config import Settings
from dispatcher.jobs.job import Progress
from dispatcher.tour import consent, script
from dispatcher.tour.clip_cache import ClipCache
from dispatcher.tour.narration import Narration, Voice, audible, narrate, put_beside
from dispatcher.tour.options import CLONING_BACKEND, CLONING_ENGINE, Options
from dispatcher.tour.parts import expand
from dispatcher.tour.reference import Reference, Wanted, prepare
from dispatcher.tour.screen import Screen
from dispatcher.tour.spec import Spec
from dispatcher.tour.workers import connected
from media import ffmpeg
from protocol.errors import UsageError


def spoken_text_of(spec: Spec, options: Options) -> str:
    """Return what would be said of each step, word for word. Nothing is spoken, and no worker is needed."""
    entries = script.whole_lexicon(spec.settings.lexicon, options.lexicon)
    return script.show_spoken(_texts(spec), spec.settings.language, entries)


def needs_worker(spec: Spec, options: Options, settings: Settings) -> bool:
    """Say whether a worker is asked to speak: something is heard, and not only kept narration may be used."""
    return not options.reuse.only and bool(audible(_texts(spec), _voice(spec, options, settings)))


def _texts(spec: Spec) -> list[tuple[str, str]]:
    return [(step.id, step.narration) for step in spec.steps]


def _voice(spec: Spec, options: Options, settings: Settings) -> Voice:
    return Voice(
        name=settings.default_voice if spec.settings.voice == "default" else spec.settings.voice,
        speed=spec.settings.speech_speed,
        language=spec.settings.language,
        require_engine=options.require_engine,
        lexicon=script.whole_lexicon(spec.settings.lexicon, options.lexicon),
    )


def speak(spec: Spec, options: Options, settings: Settings, work_dir: Path, screen: Screen) -> Narration:
    """Return the narration of a tour, its clips copied into the work folder, and say what must be said of it."""
    texts, voice = _texts(spec), _voice(spec, options, settings)
    needs_nobody = not needs_worker(spec, options, settings)
    if cloned := _cloned(spec, options, settings, work_dir, screen):
        voice = replace(voice, require_engine=CLONING_ENGINE, reference=cloned)
    cache = ClipCache(settings.narration)
    if needs_nobody:
        narration = narrate(None, texts, voice, cache=cache, reuse=options.reuse, timeout_s=0)
    else:
        narration = _spoken(texts, voice, cache, options, settings, work_dir, screen)
    strange = script.unreadable(texts, voice.language, voice.lexicon)
    narration = replace(narration, warnings=(*script.misspelt(texts), *strange, *narration.warnings))
    narration = put_beside(narration, work_dir / "audio")
    for warning in narration.warnings:
        screen.warn(warning)
    screen.say(_told(narration))
    return narration


def _told(narration: Narration) -> str:
    if not narration.clips:
        return "narration: none, the film is silent"
    spoken = sum(clip.seconds for clip in narration.clips.values())
    kept = f" ({narration.kept} of them spoken before)" if narration.kept else ""
    return f"narration: {len(narration.clips)} clips{kept}, {spoken:.1f} s, by {narration.engine}"


def _cloned(spec: Spec, options: Options, settings: Settings, work_dir: Path, screen: Screen) -> Reference | None:
    """Return the recording whose voice is cloned, checked and allowed; None where no voice is cloned."""
    wanted = wanted_voice(spec, options)
    if wanted is None:
        return None
    found = prepare(wanted, spec.settings.language, work_dir, ffmpeg.find(settings.ffmpeg))
    for warning in found.warnings:
        screen.warn(warning)
    consent.require(
        wanted.audio,
        found.original,
        given=options.voice_consent,
        screen=screen,
        book=settings.voice_consents,
        now=time.time(),
    )
    screen.say(
        f"voice: cloned from {found.seconds:.1f} s of {wanted.audio} (that one person speaks in it cannot be checked)"
    )
    return found


def wanted_voice(spec: Spec, options: Options) -> Wanted | None:
    """Return what flags and spec say of the voice to clone. Raises UsageError for what does not go together."""
    own = spec.settings
    flags = {
        "--ref-audio": options.ref_audio,
        "--ref-text": options.ref_text,
        "--voice-seed": options.voice_seed,
        "--nfe-step": options.nfe_step,
    }
    if not options.clones:
        if given := [flag for flag, value in flags.items() if value is not None]:
            raise UsageError(f"{given[0]} belongs to a cloned voice: add --tts-backend {CLONING_BACKEND}")
        return None
    if options.require_engine not in (None, CLONING_ENGINE):
        raise UsageError(
            f"--require-engine {options.require_engine} does not clone voices: leave it out with {CLONING_BACKEND}"
        )
    audio = expand(own.ref_audio, spec.source.parent) if own.ref_audio else None
    if options.ref_audio is not None:
        audio = Path(options.ref_audio)
    text = own.ref_text if options.ref_text is None else options.ref_text
    if audio is None or text is None:
        lacks = "a recording: --ref-audio, or settings.ref_audio" if audio is None else "its text: --ref-text, or "
        raise UsageError(f"a voice is cloned from {lacks}{'' if audio is None else 'settings.ref_text'}")
    return Wanted(
        audio=audio,
        text=text,
        seed=own.seed if options.voice_seed is None else options.voice_seed,
        nfe_step=own.nfe_step if options.nfe_step is None else options.nfe_step,
    )


def _spoken(
    texts: Sequence[tuple[str, str]],
    voice: Voice,
    cache: ClipCache,
    options: Options,
    settings: Settings,
    work_dir: Path,
    screen: Screen,
) -> Narration:
    """Have what is not kept spoken by the backend."""
    with screen.stage("narration") as stage, connected(options, settings, work_dir, "tts") as speakers:

        def on_progress(progress: Progress) -> None:
            stage.job(progress)
            speakers.keep()

        engines = tuple(engine.name for engine in speakers.engines("tts"))
        narration = narrate(
            speakers.client,
            texts,
            voice,
            cache=cache,
            reuse=replace(options.reuse, offered=engines),
            timeout_s=options.timeout_s,
            on_progress=on_progress,
        )
        stage.update(1, 1, f"{len(narration.clips)} clips")
        speakers.client.clean()
    return narration
