"""A tiny F5-TTS: the packages' real model and vocoder with few, random weights, saved as their makers save theirs."""

from __future__ import annotations

import string
import warnings
from pathlib import Path

import torch
import yaml
from f5_tts.model.backbones.dit import DiT
from f5_tts.model.cfm import CFM
from safetensors.torch import save_file
from vocos import Vocos

LETTERS = (" ", *string.ascii_letters, *string.digits, *".,!?:;'\"-", "ni3", "hao3")

_VOCODER = {
    "feature_extractor": {
        "class_path": "vocos.feature_extractors.MelSpectrogramFeatures",
        "init_args": {"sample_rate": 24000, "n_fft": 1024, "hop_length": 256, "n_mels": 100, "padding": "center"},
    },
    "backbone": {
        "class_path": "vocos.models.VocosBackbone",
        "init_args": {"input_channels": 100, "dim": 16, "intermediate_dim": 32, "num_layers": 1},
    },
    "head": {
        "class_path": "vocos.heads.ISTFTHead",
        "init_args": {"dim": 16, "n_fft": 1024, "hop_length": 256, "padding": "center"},
    },
}


def write(weights: Path, letters: Path, config: Path, vocoder: Path) -> None:
    """Write all four files, random but the same each time."""
    letters.write_text("".join(f"{letter}\n" for letter in LETTERS), encoding="utf-8")
    config.write_text(yaml.safe_dump(_VOCODER), encoding="utf-8")
    with torch.random.fork_rng(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.manual_seed(1)
        _write_model(weights)
        made = Vocos.from_hparams(str(config))
        torch.save(made.state_dict(), vocoder)


def _write_model(weights: Path) -> None:
    size = {"dim": 64, "depth": 2, "heads": 1, "ff_mult": 2, "text_dim": 32, "conv_layers": 1}
    transformer = DiT(**size, mel_dim=100, text_num_embeds=len(LETTERS))
    for parameter in transformer.parameters():  # its makers begin with zeros, which say nothing
        torch.nn.init.normal_(parameter, std=0.15)
    model = CFM(transformer=transformer, mel_spec_kwargs={"n_mel_channels": 100})
    tensors = {f"ema_model.{name}": tensor.clone() for name, tensor in model.state_dict().items()}
    save_file({**tensors, "initted": torch.tensor(True), "step": torch.tensor(1)}, str(weights))
