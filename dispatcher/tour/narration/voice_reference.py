"""The recording of a voice to clone: checked, measured and converted before anything is sent.

A cloning model does not report a bad recording: if it is too long, the model cuts it and speaks the rest into the
video; if its text is wrong, every sentence suffers. So everything that can be checked beforehand is checked here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from media import ffmpeg, voice
from media.audio import Samples, write_wav
from media.confined import examine
from media.info import MediaFile
from protocol.errors import MediaError, NotFoundError, UsageError
from protocol.integrity import sha256_of
from protocol.kinds.tts import MAX_REF_S, MAX_REF_TEXT, MIN_REF_S
from speech import align

RATE = 24_000
"""Samples a second of the recording as it is sent: always the same, so that its digest is, too."""

LEAST_RATE = 16_000
LEAST_PEAK_DB = -30.0
MOST_CLIPPED = 10
LEAST_ABOVE_NOISE_DB, GOOD_ABOVE_NOISE_DB = 12.0, 22.0
"""Below the first a recording is rejected, below the second there is a warning. A quiet room gives 40 dB, an old
newsreel 30."""

PACES = {"en": (4.0, 24.0), "zh": (1.5, 9.0)}
"""Slowest and fastest rate of speech in letters a second (Chinese: characters). Narrators speak 12 to 16 letters, or 4
to 5 characters, a second."""

LANGUAGES = {"en": "en", "zh": "zh", "cmn": "zh"}


@dataclass(frozen=True, kw_only=True)
class VoiceReferenceRequest:
    """The voice to clone, as the user names it: the recording, its exact transcript, and how to speak."""

    audio: Path
    text: str
    seed: int | None = None
    nfe_step: int | None = None


@dataclass(frozen=True, kw_only=True)
class VoiceReference:
    """A checked recording as it is sent: mono 16-bit WAV at 24 kHz without silence before and after the voice."""

    wav: Path
    size: int
    sha256: str  # of that file
    original: str  # sha256 of the user's
    text: str
    seconds: float
    seed: int | None = None
    nfe_step: int | None = None
    warnings: tuple[str, ...] = ()

    def params(self) -> dict[str, str | int | bool]:
        """Return the parameters of a request, besides the recording. Consent has been given by now."""
        params: dict[str, str | int | bool] = {"ref_text": self.text, "consent": True}
        chosen = {"seed": self.seed, "nfe_step": self.nfe_step}
        return params | {name: value for name, value in chosen.items() if value is not None}


def prepare(request: VoiceReferenceRequest, language: str, folder: Path, program: ffmpeg.Ffmpeg) -> VoiceReference:
    """Check a recording and its text, and write it to `folder` in the form in which it is sent.

    Raises NotFoundError without the file, and UsageError with every problem and its fix.
    """
    if not request.audio.is_file():
        raise NotFoundError(f"the recording {request.audio} does not exist; correct ref_audio")
    try:
        media = examine(request.audio)
        _check_container(request.audio, media)
        folder.mkdir(parents=True, exist_ok=True)
        whole, rate = voice.decode(program, media, folder / ".reference.unfinished.wav")
    except MediaError as error:
        raise UsageError(f"ref_audio: {error}") from error
    samples = voice.resample(voice.trim_silence(whole, rate), rate, RATE)
    text = " ".join(request.text.split())
    problems = [*_sound_problems(whole, rate), *_length_problems(samples, whole, rate)]
    problems += _text_problems(text, language, len(samples) / RATE)
    if problems:
        raise UsageError("\n".join(f"{request.audio}: {problem}" for problem in problems))
    return _write(request, samples, text, folder, tuple(_doubts(samples, text, language)))


def _write(
    request: VoiceReferenceRequest, samples: Samples, text: str, folder: Path, doubts: tuple[str, ...]
) -> VoiceReference:
    wav = folder / "reference.wav"
    write_wav(wav, samples, RATE)
    size, sha256 = sha256_of(wav)
    return VoiceReference(
        wav=wav,
        size=size,
        sha256=sha256,
        original=sha256_of(request.audio)[1],
        text=text,
        seconds=len(samples) / RATE,
        seed=request.seed,
        nfe_step=request.nfe_step,
        warnings=tuple(f"{request.audio}: {doubt}" for doubt in doubts),
    )


def _check_container(path: Path, media: MediaFile) -> None:
    if media.what != "sound":
        raise MediaError(f"{path} is a {media.what}; give a sound file with the voice of one person and nothing else")
    if (rate := media.sounds[0].rate) < LEAST_RATE:
        raise MediaError(
            f"{path} has {rate} samples a second, like a telephone; record it at {LEAST_RATE} or more (44100 is usual)"
        )
    if media.seconds is not None and media.seconds > voice.READ_S:
        raise MediaError(f"{path} lasts {media.seconds:.0f} s; cut out {MIN_REF_S:g} to {MAX_REF_S:g} s of it")


def _sound_problems(samples: Samples, rate: int) -> Iterator[str]:
    level = voice.measure_level(samples, rate)
    if level.peak_db < LEAST_PEAK_DB:
        yield (
            f"is nearly silent: its peak is {level.peak_db:.0f} dB, at least {LEAST_PEAK_DB:.0f} is needed; record it "
            "louder, or closer to the microphone"
        )
    elif level.above_noise_db < LEAST_ABOVE_NOISE_DB:
        yield (
            f"is noisy: the voice is {level.above_noise_db:.0f} dB above the background noise, at least "
            f"{LEAST_ABOVE_NOISE_DB:.0f} is needed; record it in a quiet room, without music"
        )
    if level.clipped >= MOST_CLIPPED:
        yield f"is distorted: it reaches full scale {level.clipped} times; record it again with less gain"


def _length_problems(samples: Samples, whole: Samples, rate: int) -> Iterator[str]:
    seconds, around = len(samples) / RATE, len(whole) / rate - len(samples) / RATE
    beside = f" (plus {around:.1f} s of silence before and after it)" if around > 0.05 else ""
    if seconds < MIN_REF_S:
        yield (
            f"has {seconds:.1f} s of speech{beside}; cloning needs {MIN_REF_S:g} to {MAX_REF_S:g} s: record a "
            "longer sentence, and change ref_text accordingly"
        )
    elif seconds > MAX_REF_S:
        yield (
            f"has {seconds:.1f} s of speech{beside}; the model uses {MAX_REF_S:g} s and would speak the rest into "
            "the video: cut it at a pause, and ref_text accordingly"
        )


def _text_problems(text: str, language: str, seconds: float) -> Iterator[str]:
    if not text:
        yield "ref_text is empty; write exactly what is said in the recording (there is no automatic transcript)"
        return
    if len(text) > MAX_REF_TEXT:
        yield f"ref_text has {len(text)} characters; at most {MAX_REF_TEXT} can be spoken in {MAX_REF_S:g} s"
        return
    slowest, fastest = PACES.get(_language(language), (1.5, 24.0))
    pace = align.letters_per_second(text, max(seconds, 0.1))
    if not slowest <= pace <= fastest:
        mismatch = "part of it is missing in ref_text" if pace < slowest else "ref_text has more than is said"
        yield (
            f"does not match ref_text: that would be {pace:.1f} letters a second, people speak {slowest:g} to "
            f"{fastest:g}; {mismatch}. It must "
            "be exactly what is said, from the first word to the last"
        )


def _doubts(samples: Samples, text: str, language: str) -> Iterator[str]:
    level = voice.measure_level(samples, RATE)
    if level.above_noise_db < GOOD_ABOVE_NOISE_DB:
        yield f"the voice is only {level.above_noise_db:.0f} dB above the noise, which will be audible in the video"
    if level.clipped:
        yield f"reaches full scale {level.clipped} times; a recording with less gain sounds better"
    if text[-1].isalnum():
        yield "ref_text ends without a full stop: a sentence that is cut in the middle may be continued in the video"
    if _language(language) == "en" and (doubt := align.doubt_text(samples, RATE, text)):
        yield f"ref_text {doubt}; make sure that it is exactly what is said"


def _language(tag: str) -> str:
    base = tag.strip().lower().replace("_", "-").split("-")[0]
    return LANGUAGES.get(base, base)
