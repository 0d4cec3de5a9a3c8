"""Kokoro by PyTorch, its makers' own package: an extra for machines that have torch anyway. Imports stay inside.

Nothing is downloaded by the package: configuration, weights and voices all come from the table of models.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from colab.engines import device_failures, devices
from colab.engines.model_cache import cached
from colab.handlers.tts import kokoro_styles, kokoro_voices
from colab.handlers.tts.engine import HINT, EngineVoice, Samples, SpokenText
from colab.handlers.tts.kokoro_onnx import STYLES, VerifiedFiles
from colab.handlers.tts.kokoro_speech import LIMIT_CHARACTERS, RATE, Said, edges_from_frames, spoken
from colab.handlers.tts.phoneme_source import readable, source_for
from colab.handlers.tts.phonemes import Phonemes, written
from protocol.errors import JobFailed
from protocol.messages import Choices, EngineRecord

CONFIG, WEIGHTS = "kokoro-82m/config.json", "kokoro-82m/kokoro-v1_0.pth"
"""What the model's files are called in the table of models; the voices are those of the ONNX engine, in one file."""

_REPOSITORY = "hexgrad/Kokoro-82M"
_SEED = 20_241_227
_PREFIX = "module."  # its makers' weights were saved from a wrapper


class KokoroTorch:
    """Kokoro v1.0 on PyTorch. Making one is cheap: the model is opened by the first `speak`, and stays open."""

    name = "kokoro"
    limit = LIMIT_CHARACTERS

    def __init__(self, models: VerifiedFiles, device: str | None = None) -> None:
        self._models = models
        self._device = devices.on_torch(device, "Kokoro")
        self._model: TorchModel | None = None

    def record(self, voice: EngineVoice | None = None) -> EngineRecord:
        """Say who speaks, on which device, and whose phonemes it was given."""
        phonemes = source_for(voice.language if voice else "en-us").name
        return EngineRecord(
            name=self.name,
            version=f"{version('kokoro')} g2p={phonemes}",
            model_sha256=self._models.sha256(WEIGHTS),
            voice=voice.name if voice else None,
            rate=RATE,
            provider=f"torch {version('torch')}",
            device=str(self._device),
            tier="neural",
        )

    def files(self) -> tuple[str, ...]:
        """Return the model's files and the voices."""
        return (CONFIG, WEIGHTS, STYLES)

    def choices(self) -> Choices:
        """Return the voices of the languages whose phonemes can be had here, and the languages."""
        return kokoro_voices.choices(readable)

    def pick(self, voice: str, language: str) -> EngineVoice:
        """Return the voice asked for. Raises `JobFailed`: BAD_REQUEST for one that there is not, UNSUPPORTED for a
        language whose phonemes need a package that is not here."""
        picked = kokoro_voices.pick(voice, language)
        source_for(picked.language)
        return picked

    def speak(self, text: str, voice: EngineVoice, speed: float) -> SpokenText:
        """Speak plain text; what is too long for the model at once is said in parts, and nothing is left out."""
        if self._model is None:
            config, weights, styles = (self._models.path(name) for name in (CONFIG, WEIGHTS, STYLES))
            times = tuple(file.stat().st_mtime_ns for file in (config, weights, styles))
            self._model = loaded_model(config, weights, styles, self._device.name, times)
        model = self._model
        read = source_for(voice.language)(text)
        phonemes = written(zip(read.text, read.words, strict=True), model.kokoro.vocab, sure=read.sure)
        return spoken(text, phonemes, lambda part: model.say(part, voice.key, speed), speed)


@dataclass(frozen=True, kw_only=True)
class TorchModel:
    """A model in memory, checked, and its voices."""

    kokoro: Any
    device: str
    styles: dict[str, Samples]

    def say(self, phonemes: Phonemes, voice: str, speed: float) -> Said:
        """Run the model once, with the same noise every time. Raises `JobFailed`: ENGINE, OUT_OF_MEMORY."""
        import torch

        style = kokoro_styles.of(self.styles, voice)
        row = torch.from_numpy(style[min(len(phonemes.text), len(style)) - 1])
        with (
            device_failures.told("Kokoro", self.device, hint=HINT),
            torch.random.fork_rng(),
            torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False),
        ):
            torch.manual_seed(_SEED)
            output = self.kokoro(phonemes.text, row, speed, return_output=True)
        samples = np.atleast_1d(output.audio.numpy()).astype(np.float32)
        if not np.isfinite(samples).all():
            raise JobFailed("Kokoro gave samples that are no numbers", code="ENGINE")
        return Said(samples=samples, edges=edges_from_frames(output.pred_dur.tolist(), len(samples)))


@cached()
def loaded_model(config: Path, weights: Path, styles: Path, device: str, _times: tuple[int, ...]) -> TorchModel:
    """Keep the last model open: loading it takes longer than most narrations. A file that changed is opened anew."""
    with device_failures.told("Kokoro", device, hint=HINT):
        model = _model(config, weights).to(device).eval()
    return TorchModel(kokoro=model, device=device, styles=kokoro_styles.read(styles))


def _model(config: Path, weights: Path) -> Any:
    """Return the model in the machine's own memory, complete. Raises `JobFailed` ENGINE for files of another one."""
    from kokoro import KModel

    parts = _loaded(weights)
    try:
        model = KModel(repo_id=_REPOSITORY, config=str(config), model=str(weights))
    except (AssertionError, AttributeError, KeyError, TypeError, ValueError, RuntimeError) as unfit:
        if device_failures.out_of_memory(unfit):
            raise
        raise JobFailed(
            f"{weights.name} and {config.name} are not the weights and the configuration of one Kokoro: "
            f"{type(unfit).__name__} {str(unfit)[:300]}",
            code="ENGINE",
        ) from unfit
    _check_complete(model, parts, weights.name)
    return model


def _loaded(file: Path) -> Any:
    """Read tensors and nothing else: a pickle could run code. Raises `JobFailed` ENGINE for a torn file."""
    import pickle

    import torch

    try:
        return torch.load(file, map_location="cpu", weights_only=True)
    except (RuntimeError, ValueError, EOFError, pickle.UnpicklingError, OSError) as torn:
        if device_failures.out_of_memory(torn):
            raise
        raise JobFailed(
            f"{file.name} is no file of tensors, or it is torn: {str(torn)[:200]}; remove it, and it is fetched again",
            code="ENGINE",
        ) from torn


def _check_complete(model: Any, parts: Any, name: str) -> None:
    """Refuse weights that leave some of the model at random: the package itself would say nothing."""
    given = {f"{part}.{key.removeprefix(_PREFIX)}" for part, tensors in parts.items() for key in tensors}
    missing = sorted(key for key, _ in model.named_parameters() if key not in given)
    if missing:
        raise JobFailed(
            f"{name} is not Kokoro's: it lacks {len(missing)} of the model's tensors, as {missing[0]}", code="ENGINE"
        )
