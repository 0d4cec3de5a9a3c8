"""The recording of a voice to clone: looked at, measured and put into one form, before anything is sent.

A model that clones says nothing of a bad recording: it cuts what is too long, speaks the rest of it into the film, and
reads a wrong text into every sentence. So whatever can be known beforehand is checked here, all of it at once.
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
"""What the recording is sent at: one form, so that the same recording has the same digest."""

LEAST_RATE = 16_000
LEAST_PEAK_DB = -30.0
MOST_CLIPPED = 10
LEAST_ABOVE_NOISE_DB, GOOD_ABOVE_NOISE_DB = 12.0, 22.0
"""Below the first a recording is refused, below the second warned of. A quiet room gives 40, an old newsreel 30."""

PACES = {"en": (4.0, 24.0), "zh": (1.5, 9.0)}
"""Letters or signs a second that somebody can say. Narrators say 12 to 16 letters, or 4 to 5 signs."""

LANGUAGES = {"en": "en", "zh": "zh", "cmn": "zh"}


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What the user says of the voice to clone: the recording, exactly what is said in it, and how to speak."""

    audio: Path
    text: str
    seed: int | None = None
    nfe_step: int | None = None


@dataclass(frozen=True, kw_only=True)
class Reference:
    """A recording that passed, as it is sent: mono 16-bit WAV of 24 kHz without silence around the voice."""

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
        """Return what a request says beside the recording. Nobody gets here without consent."""
        told: dict[str, str | int | bool] = {"ref_text": self.text, "consent": True}
        chosen = {"seed": self.seed, "nfe_step": self.nfe_step}
        return told | {name: value for name, value in chosen.items() if value is not None}


def prepare(wanted: Wanted, language: str, folder: Path, program: ffmpeg.Ffmpeg) -> Reference:
    """Check a recording and its text, and write it to `folder` as it is sent.

    Raises NotFoundError without the file and UsageError with everything that is wrong with it, each with its hint.
    """
    if not wanted.audio.is_file():
        raise NotFoundError(f"the recording {wanted.audio} does not exist; correct ref_audio")
    try:
        media = examine(wanted.audio)
        _check_container(wanted.audio, media)
        folder.mkdir(parents=True, exist_ok=True)
        whole, rate = voice.decode(program, media, folder / ".reference.unfinished.wav")
    except MediaError as error:
        raise UsageError(f"ref_audio: {error}") from error
    samples = voice.resample(voice.trim_silence(whole, rate), rate, RATE)
    text = " ".join(wanted.text.split())
    refused = [*_sound_problems(whole, rate), *_length_problems(samples, whole, rate)]
    refused += _text_problems(text, language, len(samples) / RATE)
    if refused:
        raise UsageError("\n".join(f"{wanted.audio}: {problem}" for problem in refused))
    return _written(wanted, samples, text, folder, tuple(_doubts(samples, text, language)))


def _written(wanted: Wanted, samples: Samples, text: str, folder: Path, doubts: tuple[str, ...]) -> Reference:
    wav = folder / "reference.wav"
    write_wav(wav, samples, RATE)
    size, sha256 = sha256_of(wav)
    return Reference(
        wav=wav,
        size=size,
        sha256=sha256,
        original=sha256_of(wanted.audio)[1],
        text=text,
        seconds=len(samples) / RATE,
        seed=wanted.seed,
        nfe_step=wanted.nfe_step,
        warnings=tuple(f"{wanted.audio}: {doubt}" for doubt in doubts),
    )


def _check_container(path: Path, media: MediaFile) -> None:
    if media.what != "sound":
        raise MediaError(f"{path} is a {media.what}; give a sound: the voice of one person, and nothing else")
    if (rate := media.sounds[0].rate) < LEAST_RATE:
        raise MediaError(
            f"{path} has {rate} samples a second, as a telephone; record it with {LEAST_RATE} or more (44100 is usual)"
        )
    if media.seconds is not None and media.seconds > voice.READ_S:
        raise MediaError(
            f"{path} lasts {media.seconds:.0f} s; cut out the {MIN_REF_S:g} to {MAX_REF_S:g} s that are to be cloned"
        )


def _sound_problems(samples: Samples, rate: int) -> Iterator[str]:
    level = voice.measure_level(samples, rate)
    if level.peak_db < LEAST_PEAK_DB:
        yield (
            f"is nearly silent: its peak is {level.peak_db:.0f} dB, at least {LEAST_PEAK_DB:.0f} is needed; record it "
            "louder, or nearer to the microphone"
        )
    elif level.above_noise_db < LEAST_ABOVE_NOISE_DB:
        yield (
            f"is noisy: the voice is {level.above_noise_db:.0f} dB above what sounds in its pauses, at least "
            f"{LEAST_ABOVE_NOISE_DB:.0f} is needed; record it in a quiet room, without music"
        )
    if level.clipped >= MOST_CLIPPED:
        yield f"is distorted: {level.clipped} times at full scale; record it again with less gain"


def _length_problems(samples: Samples, whole: Samples, rate: int) -> Iterator[str]:
    seconds, around = len(samples) / RATE, len(whole) / rate - len(samples) / RATE
    beside = f" (beside {around:.1f} s of silence before and after it)" if around > 0.05 else ""
    if seconds < MIN_REF_S:
        yield (
            f"holds {seconds:.1f} s of speech{beside}; a voice needs {MIN_REF_S:g} to {MAX_REF_S:g} s: record a "
            "longer sentence, and change ref_text with it"
        )
    elif seconds > MAX_REF_S:
        yield (
            f"holds {seconds:.1f} s of speech{beside}; the model hears {MAX_REF_S:g} s and would speak the rest into "
            "the film: cut it at a pause, and ref_text with it"
        )


def _text_problems(text: str, language: str, seconds: float) -> Iterator[str]:
    if not text:
        yield "ref_text is empty; write exactly what is said in the recording (it is never guessed)"
        return
    if len(text) > MAX_REF_TEXT:
        yield f"ref_text has {len(text)} characters; nobody says more than {MAX_REF_TEXT} in {MAX_REF_S:g} s"
        return
    slowest, fastest = PACES.get(_language(language), (1.5, 24.0))
    pace = align.letters_a_second(text, max(seconds, 0.1))
    if not slowest <= pace <= fastest:
        less = "part of it is missing in ref_text" if pace < slowest else "ref_text holds more than is said"
        yield (
            f"cannot say ref_text: {pace:.1f} letters a second, people say {slowest:g} to {fastest:g}; {less}. It must "
            "be exactly what is said, from the first word to the last"
        )


def _doubts(samples: Samples, text: str, language: str) -> Iterator[str]:
    level = voice.measure_level(samples, RATE)
    if level.above_noise_db < GOOD_ABOVE_NOISE_DB:
        yield f"the voice is only {level.above_noise_db:.0f} dB above the noise, which will be heard in the film"
    if level.clipped:
        yield f"touches full scale {level.clipped} times; a recording with less gain sounds better"
    if text[-1].isalnum():
        yield "ref_text ends without a full stop: a sentence that is cut in the middle bleeds into the film"
    if _language(language) == "en" and (doubt := align.doubt(samples, RATE, text)):
        yield f"ref_text {doubt}; make sure that it is exactly what is said"


def _language(tag: str) -> str:
    base = tag.strip().lower().replace("_", "-").split("-")[0]
    return LANGUAGES.get(base, base)
