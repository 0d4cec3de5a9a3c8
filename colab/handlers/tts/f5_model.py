"""F5-TTS from verified files: the model, its letters, and the vocoder that makes sound of its spectrum.

The sizes of the model are read from its own tensors, so that any of its family is loaded by the same code. Nothing is
downloaded by the packages, and the part of theirs that would transcribe a recording is never imported.
"""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from colab.engines import device_failures
from colab.engines.model_cache import cached
from colab.handlers.tts.engine import HINT, Samples
from colab.handlers.tts.f5_speech import HOP, RATE
from protocol.errors import JobFailed

logger = logging.getLogger(__name__)

BANDS = 100
HEAD = 64
SWAY = -1.0
LOUD_ENOUGH = 0.1
"""Its makers' constants: bands of the spectrum, the width of an attention head, how sampling steps crowd at the start,
and the level (RMS) that a recording is brought to if it is quieter."""

VOCODER_PARTS = {
    "feature_extractor": "vocos.feature_extractors.MelSpectrogramFeatures",
    "backbone": "vocos.models.VocosBackbone",
    "head": "vocos.heads.ISTFTHead",
}
"""All that a vocoder's configuration may name: the package would import anything, and one part of it downloads."""


@dataclass(frozen=True, kw_only=True)
class F5Call:
    """One run of the model: a recording, what is said in it and then to be said, and the length of both in frames."""

    reference: Samples
    text: str
    heard: int
    frames: int
    steps: int
    strength: float
    seed: int


@dataclass(frozen=True, kw_only=True)
class OpenedF5:
    """The model and its vocoder in memory."""

    model: Any
    vocoder: Any
    letters: frozenset[str]
    device: str

    def unknown(self, text: str) -> str:
        """Return the letters and digits of a text that the model does not have: it would leave them out silently."""
        pieces = dict.fromkeys(piece for piece in _pieces(text) if piece not in self.letters)
        return "".join(piece for piece in pieces if any(mark.isalnum() for mark in piece))

    def say(self, call: F5Call) -> Samples:
        """Run the model and the vocoder once; the process's own dice are left alone. Raises what torch raises."""
        import torch

        level = float(np.sqrt(np.mean(np.square(call.reference))))
        gain = max(1.0, LOUD_ENOUGH / max(level, 1e-6))
        heard = torch.from_numpy(call.reference * np.float32(gain)).unsqueeze(0).to(self.device)
        with (
            torch.random.fork_rng(),
            torch.inference_mode(),
            torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False),
        ):
            spectrum, _ = self.model.sample(
                cond=heard,
                text=[_pieces(call.text)],
                duration=call.frames,
                steps=call.steps,
                cfg_strength=call.strength,
                sway_sampling_coef=SWAY,
                seed=call.seed,
            )
            wave = self.vocoder.decode(spectrum[:, call.heard :].to(torch.float32).permute(0, 2, 1))
        return np.atleast_1d(wave.squeeze().cpu().numpy() / gain).astype(np.float32)


@cached()
def opened(weights: Path, letters: Path, config: Path, vocoder: Path, device: str, _times: tuple[int, ...]) -> OpenedF5:
    """Keep the last model open: loading it takes longer than most narrations. A file that changed is opened anew."""
    import torch

    known = _letters(letters)
    with device_failures.told("F5-TTS", device, hint=HINT):
        half = device == "cuda" and torch.cuda.get_device_capability()[0] >= 7
        with _naming(weights, letters), _quietly():
            tensors = _tensors(weights)
            model = _model(tensors, known)
            model.load_state_dict(tensors)
        with _naming(vocoder, config), _quietly():
            voice = _vocoder(config, vocoder)
        return OpenedF5(
            model=model.to(device=device, dtype=torch.float16 if half else torch.float32).eval(),
            vocoder=voice.to(device).eval(),
            letters=frozenset(known),
            device=device,
        )


def _pieces(text: str) -> list[str]:
    """Return a text as the model reads it: letters, and Chinese as pinyin."""
    with _quietly():
        from f5_tts.model.utils import convert_char_to_pinyin

    return list(convert_char_to_pinyin([text])[0])


def _letters(path: Path) -> dict[str, int]:
    """Return the number of each letter: that of its line. The first one, a blank, stands for all that is unknown."""
    with _naming(path):
        lines = path.read_text(encoding="utf-8").split("\n")
        known = {line: number for number, line in enumerate(lines[:-1] if lines[-1] == "" else lines)}
        if known.get(" ") != 0:
            raise ValueError("its first line is no blank")
        return known


def _tensors(path: Path) -> dict[str, Any]:
    """Return the model's tensors by the names it gives them: those of the running mean of its training."""
    from safetensors.torch import load_file

    tensors = {name.removeprefix("ema_model."): tensor for name, tensor in load_file(path).items()}
    return {name: tensor for name, tensor in tensors.items() if name.startswith("transformer.")}


def _model(tensors: Mapping[str, Any], letters: Mapping[str, int]) -> Any:
    """Return a model of the sizes that these tensors have."""
    from f5_tts.model.backbones.dit import DiT
    from f5_tts.model.cfm import CFM

    text = tensors["transformer.text_embed.text_embed.weight"].shape
    if text[0] != len(letters) + 1:
        raise ValueError(f"it was trained with {text[0] - 1} letters, and there are {len(letters)}")
    dim = tensors["transformer.input_embed.proj.weight"].shape[0]
    first = "transformer.transformer_blocks.0"
    transformer = DiT(
        dim=dim,
        depth=_count(tensors, "transformer.transformer_blocks."),
        heads=tensors[f"{first}.attn.to_q.weight"].shape[0] // HEAD,
        dim_head=HEAD,
        ff_mult=tensors[f"{first}.ff.ff.0.0.weight"].shape[0] // dim,
        mel_dim=BANDS,
        text_num_embeds=len(letters),
        text_dim=text[1],
        conv_layers=_count(tensors, "transformer.text_embed.text_blocks."),
    )
    spectrum = {
        "n_fft": 1024, "hop_length": HOP, "win_length": 1024, "n_mel_channels": BANDS,
        "target_sample_rate": RATE, "mel_spec_type": "vocos",
    }  # fmt: skip
    return CFM(
        transformer=transformer,
        mel_spec_kwargs=spectrum,
        odeint_kwargs={"method": "euler"},
        vocab_char_map=dict(letters),
    )


def _count(tensors: Mapping[str, Any], prefix: str) -> int:
    return len({name[len(prefix) :].split(".")[0] for name in tensors if name.startswith(prefix)})


def _vocoder(config: Path, weights: Path) -> Any:
    import torch
    import yaml
    from vocos import Vocos

    try:
        named = yaml.safe_load(config.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ValueError(f"no YAML: {error}") from error
    for part, wanted in VOCODER_PARTS.items():
        if (found := named[part]["class_path"]) != wanted:
            raise ValueError(f"its {part} is {found}, not {wanted}")
    vocoder = Vocos.from_hparams(str(config))
    vocoder.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    return vocoder


@contextlib.contextmanager
def _naming(*files: Path) -> Iterator[None]:
    """Say which file is not what it should be: torn, or of another model."""
    import pickle

    from safetensors import SafetensorError

    wrong = (RuntimeError, ValueError, KeyError, TypeError, AttributeError, EOFError, IndexError, OSError)
    try:
        yield
    except MemoryError:
        raise
    except (*wrong, pickle.UnpicklingError, SafetensorError) as problem:
        if device_failures.out_of_memory(problem):
            raise
        names = " and ".join(file.name for file in files)
        raise JobFailed(
            f"{names}: not of the F5-TTS that this engine speaks with, or torn: {type(problem).__name__} "
            f"{str(problem)[:300]}; remove it, and it is fetched again",
            code="ENGINE",
        ) from problem


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Deprecations inside the packages are not ours to mend."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
