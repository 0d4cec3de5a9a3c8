"""Cloning a voice: the recording it is cloned from, and the consent, which is asked for once for each recording.

Of a consent only the recording's digest, the time, and how it was given are stored: neither the recording nor a name.
"""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path

from dispatcher.tour.narration.voice_reference import VoiceReference, VoiceReferenceRequest, prepare
from dispatcher.tour.options import CLONING_BACKEND, CLONING_ENGINE, TourOptions
from dispatcher.tour.screen import Screen
from dispatcher.tour.session import TourSession
from dispatcher.tour.spec.fields import expand
from dispatcher.tour.spec.model import Spec
from media import ffmpeg
from protocol.errors import UsageError

CONSENT = (
    "A voice belongs to a person. By going on you declare that the voice in this recording is your own, or that the "
    "person it belongs to has expressly allowed you to have it cloned for this film, and that you will not pass the "
    "result off as something that this person said."
)
"""What the user declares. The same text is in docs/voice-cloning.md; whoever changes it must increase WORDING."""

WORDING = 1
QUESTION = "Do you have this permission?"


def voice_reference(spec: Spec, session: TourSession) -> VoiceReference | None:
    """Return the checked recording of the voice to clone, with the consent on record; None if no voice is cloned."""
    request = reference_request(spec, session.options)
    if request is None:
        return None
    program = ffmpeg.find(session.settings.ffmpeg)
    reference = prepare(request, spec.settings.language, session.work_dir, program)
    for warning in reference.warnings:
        session.screen.warn(warning)
    require_consent(
        request.audio,
        reference.original,
        given=session.options.voice_consent,
        screen=session.screen,
        book=session.settings.voice_consents,
        now=time.time(),
    )
    session.screen.say(
        f"voice: cloned from {reference.seconds:.1f} s of {request.audio} (gpudrop cannot check that only one person "
        "speaks in it)"
    )
    return reference


def reference_request(spec: Spec, options: TourOptions) -> VoiceReferenceRequest | None:
    """Return the voice to clone, as flags and spec name it; None if none is. Raises UsageError for a contradiction."""
    if not options.clones:
        _check_no_cloning_flags(options)
        return None
    if options.require_engine not in (None, CLONING_ENGINE):
        raise UsageError(
            f"--require-engine {options.require_engine} does not clone voices: leave it out with {CLONING_BACKEND}"
        )
    own = spec.settings
    audio = expand(own.ref_audio, spec.source.parent) if own.ref_audio else None
    if options.ref_audio is not None:
        audio = Path(options.ref_audio)
    text = own.ref_text if options.ref_text is None else options.ref_text
    if audio is None:
        raise UsageError("cloning a voice needs a recording: --ref-audio, or settings.ref_audio")
    if text is None:
        raise UsageError("cloning a voice needs the text of the recording: --ref-text, or settings.ref_text")
    return VoiceReferenceRequest(
        audio=audio,
        text=text,
        seed=own.seed if options.voice_seed is None else options.voice_seed,
        nfe_step=own.nfe_step if options.nfe_step is None else options.nfe_step,
    )


def _check_no_cloning_flags(options: TourOptions) -> None:
    flags = {
        "--ref-audio": options.ref_audio,
        "--ref-text": options.ref_text,
        "--voice-seed": options.voice_seed,
        "--nfe-step": options.nfe_step,
    }
    if given := [flag for flag, value in flags.items() if value is not None]:
        raise UsageError(f"{given[0]} is only for a cloned voice: add --tts-backend {CLONING_BACKEND}")


def require_consent(recording: Path, sha256: str, *, given: bool, screen: Screen, book: Path, now: float) -> None:
    """Return if this recording's voice may be cloned: consent is given now, is on record, or is given when asked.

    Raises UsageError otherwise; nothing has been sent by then.
    """
    consents = _read(book)
    if consents.get(sha256, {}).get("wording") == WORDING:
        return
    if not given and not screen.ask([f"the voice in {recording} is to be cloned. {CONSENT}"], QUESTION):
        raise UsageError(
            f"the voice in {recording} is not cloned without permission: declare it with --voice-consent, or answer "
            "yes when asked in a terminal"
        )
    at = datetime.fromtimestamp(now, UTC).isoformat(timespec="seconds")
    consents[sha256] = {"wording": WORDING, "at": at, "how": "--voice-consent" if given else "asked"}
    book.parent.mkdir(parents=True, exist_ok=True)
    unfinished = book.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(consents, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    unfinished.replace(book)


def _read(book: Path) -> dict[str, dict[str, object]]:
    """Return the consents on record, by digest; if the file cannot be read there are none, and the user is asked."""
    try:
        stored = json.loads(book.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    entries = stored.items() if isinstance(stored, dict) else ()
    return {sha256: entry for sha256, entry in entries if isinstance(entry, dict)}
