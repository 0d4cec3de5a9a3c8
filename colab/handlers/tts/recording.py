"""The recording that a job brings to have its voice cloned: read as what it must be, or refused. It is hostile."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from colab.handlers.tts.engine import Reference
from media.audio import check_wav, read_mono
from protocol.errors import JobFailed, MediaError
from protocol.integrity import sha256_of
from protocol.kinds.tts import MAX_REF_S, MIN_REF_S, REF_AUDIO, Params

RATE = 24_000
_SLACK_S = 0.05  # what a resampler at the other end may have added


def reference(inputs: Mapping[str, Path], params: Params) -> Reference | None:
    """Return the recording to clone, None where none is asked for.

    Raises `JobFailed`: BAD_REQUEST where recording and text do not come together or it is too short or too long,
    INPUT_CORRUPT for what is no whole WAV. Nothing but a WAV of plain samples gets to a decoder.
    """
    if unknown := sorted(set(inputs) - {REF_AUDIO}):
        raise JobFailed(f"speech takes no input {unknown[0]!r}, only {REF_AUDIO}", code="BAD_REQUEST")
    path = inputs.get(REF_AUDIO)
    if path is None or params.ref_text is None:
        if path is None and params.ref_text is None:
            return None
        missing = f"the input {REF_AUDIO} is missing" if path is None else "ref_text, what is said in it, is missing"
        raise JobFailed(f"a voice is cloned from a recording and its text: {missing}", code="BAD_REQUEST")
    try:
        seconds = check_wav(path)
        _check_length(seconds)
        samples = read_mono(path, RATE)
    except MediaError as error:
        raise JobFailed(
            f"the recording {REF_AUDIO} cannot be read: {error}; send a mono WAV", code="INPUT_CORRUPT"
        ) from error
    return Reference(
        samples=samples,
        rate=RATE,
        text=" ".join(params.ref_text.split()),
        sha256=sha256_of(path)[1],
        seed=params.seed,
        nfe_step=params.nfe_step,
        cfg_strength=params.cfg_strength,
    )


def _check_length(seconds: float) -> None:
    if not MIN_REF_S - _SLACK_S <= seconds <= MAX_REF_S + _SLACK_S:
        raise JobFailed(
            f"the recording {REF_AUDIO} lasts {seconds:.1f} s; a voice is cloned from {MIN_REF_S:g} to "
            f"{MAX_REF_S:g} s: cut it, and its text with it",
            code="BAD_REQUEST",
        )
