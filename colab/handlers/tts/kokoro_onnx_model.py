"""Kokoro's ONNX model and voices: opened once, checked, kept in memory, run. The package's imports stay inside.

Text is not padded to lengths of a kind, although a session is quickest with lengths that it has seen: the exports take
no mask, so pads would be attended to and spoken as sounds, and the decoder, where the time goes, works on frames and
not on phonemes. Instead cuDNN chooses by rule (HEURISTIC), and the lengths of `WARM_LENGTHS` are run once on opening.
"""

from __future__ import annotations

import atexit
import logging
import shutil
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from colab.engines import device_failures
from colab.engines.model_cache import cached
from colab.handlers.tts import kokoro_styles, onnx_noise
from colab.handlers.tts.engine import HINT
from colab.handlers.tts.kokoro_speech import Said
from colab.handlers.tts.onnx_session import CUDA, OnnxDevice, open_session, run_errors
from colab.handlers.tts.phonemes import Phonemes
from protocol.errors import JobFailed

logger = logging.getLogger(__name__)

WARM_LENGTHS = (16, 64, 128, 256, 400)
"""Phonemes: from a word to the longest text that is usual."""

TOKEN_INPUTS = ("tokens", "input_ids")
DURATIONS = ("duration", "durations", "pred_dur")
"""What exports call the phonemes that go in, and the frames that each takes."""


@dataclass(frozen=True, kw_only=True)
class OpenedModel:
    """A model in memory, checked."""

    kokoro: Any
    place: OnnxDevice
    name: str

    def say(self, phonemes: Phonemes, voice: str, speed: float) -> Said:
        """Run the model once. Raises `JobFailed`: ENGINE, OUT_OF_MEMORY, UNSUPPORTED for a speed it cannot do."""
        self._check_speed(speed)
        style = kokoro_styles.of(self.kokoro.voices, voice)
        try:
            samples, _, timings = self.kokoro.create_timed(
                phonemes.text, style, speed, is_phonemes=True, trim=False, sentence_pause=0.0, clause_pause=0.0
            )
        except ZeroDivisionError as empty:  # it divides by the seconds that it got
            raise JobFailed(f"{self.name} gave no sound for {phonemes.text!r}", code="ENGINE") from empty
        except run_errors() as problem:
            raise self._failed(problem) from problem
        if not np.isfinite(samples).all():
            raise JobFailed(f"{self.name} gave samples that are no numbers", code="ENGINE")
        return Said(samples=np.asarray(samples, dtype=np.float32), edges=_edges(timings, phonemes))

    def _check_speed(self, speed: float) -> None:
        """An export that takes whole speeds only would be rounded to one without a word."""
        whole = self.kokoro.sess.get_inputs()[_place_of(self.kokoro.sess, "speed")].type.startswith("tensor(int")
        if whole and speed != int(speed):
            raise JobFailed(
                f"{self.name} takes whole speeds only, not {speed}: set the speed to 1, or use another export",
                code="UNSUPPORTED",
            )

    def _failed(self, problem: Exception) -> JobFailed:
        return device_failures.failed(problem, self.name, self.place.provider, hint=HINT)


def opened_model(model: Path, styles: Path, provider: str | None) -> OpenedModel:
    """Return the model, opened now or before: loading takes longer than most narrations, so the last one stays.

    A file that changed is opened anew. Raises `JobFailed`: ENGINE for a file that is torn or of another model,
    UNSUPPORTED for a provider that was asked for and cannot be had.
    """
    return loaded_model(model, styles, provider, model.stat().st_mtime_ns, styles.stat().st_mtime_ns)


@cached()
def loaded_model(model: Path, styles: Path, provider: str | None, _model_time: int, _styles_time: int) -> OpenedModel:
    content = onnx_noise.steady(model) if onnx_noise.draws(model) else model
    session, place = open_session(content, model.name, provider)
    _check_model(session, model.name)
    session._model_path = str(model)  # `from_session` reads it, and a session made of bytes has none
    opened = OpenedModel(kokoro=_kokoro(session, model, styles), place=place, name=model.name)
    if place.provider == CUDA:
        warm(opened)
    logger.info("%s is open on %s", model.name, place.device)
    return opened


def _kokoro(session: Any, model: Path, styles: Path) -> Any:
    from kokoro_onnx import Kokoro

    voices = kokoro_styles.read(styles)
    _check_width(session, next(iter(voices.values())).shape[-1], model.name, styles.name)
    kokoro = Kokoro.from_session(session, str(styles), espeak_config=_own_espeak())
    kokoro.voices.close()
    kokoro.voices = voices  # in memory, instead of a file that stays open and is read anew for each sentence
    kokoro.has_timings = _tells_durations(session)
    return kokoro


def warm(opened: OpenedModel) -> None:
    """Run some lengths once, so that memory is taken and libraries are loaded before the first narration."""
    voice = next(iter(opened.kokoro.voices))
    for length in WARM_LENGTHS:
        text = ("əl" * length)[:length]
        opened.say(Phonemes(text=text, words=(0,) * length), voice, 1.0)


@cache
def _own_espeak() -> Any:
    """Give the package a copy of eSpeak's library.

    It loads the one that it is given and never lets go, after which ours could not be opened afresh for each utterance
    (see `espeak_library`) and eSpeak's speech would no longer be the same each time.
    """
    from kokoro_onnx.config import EspeakConfig

    from colab.handlers.tts.espeak_library import find_files

    files = find_files()
    folder = tempfile.TemporaryDirectory(prefix="gpudrop-", ignore_cleanup_errors=True)  # Windows keeps what is loaded
    atexit.register(folder.cleanup)
    copy = Path(folder.name) / files.library.name
    shutil.copyfile(files.library, copy)
    return EspeakConfig(lib_path=str(copy), data_path=str(files.data))


def _check_model(session: Any, name: str) -> None:
    """Refuse an ONNX file of another model, telling what was expected and what is there."""
    found = {one.name: one.type for one in session.get_inputs()}
    tokens = next((each for each in TOKEN_INPUTS if each in found), "")
    outputs = session.get_outputs()
    fits = (
        set(found) == {tokens, "style", "speed"}
        and found[tokens].startswith("tensor(int")
        and found["style"].startswith("tensor(float")
        and outputs[0].type.startswith("tensor(float")
    )
    if not fits:
        raise JobFailed(
            f"{name} is the ONNX file of another model: expected the inputs {' or '.join(TOKEN_INPUTS)} (whole "
            f"numbers), style, speed and sound as first output; found the inputs {_told(session.get_inputs())} "
            f"and the outputs {_told(outputs)}",
            code="ENGINE",
        )


def _check_width(session: Any, width: int, name: str, styles: str) -> None:
    wanted = session.get_inputs()[_place_of(session, "style")].shape[-1]
    if isinstance(wanted, int) and wanted != width:
        raise JobFailed(
            f"{name} and {styles} are not of one model: its styles have {wanted} numbers, the voices {width}",
            code="ENGINE",
        )


def _told(ends: Any) -> str:
    return ", ".join(f"{one.name} {one.type}{one.shape}" for one in ends) or "none"


def _place_of(session: Any, name: str) -> int:
    return [one.name for one in session.get_inputs()].index(name)


def _tells_durations(session: Any) -> bool:
    """Whether the second output is the durations, by whichever name."""
    outputs = session.get_outputs()
    return len(outputs) > 1 and outputs[1].name in DURATIONS


def _edges(timings: Any, phonemes: Phonemes) -> NDArray[np.float64] | None:
    if len(timings) != len(phonemes.text):
        return None
    return np.array([*(timing.start for timing in timings), timings[-1].end])
