"""A tiny Kokoro for PyTorch: the package's real model with few, random weights, saved as its makers save theirs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from kokoro import KModel
from kokoro_onnx.config import DEFAULT_VOCAB

CONFIG: dict[str, Any] = {
    "istftnet": {
        "upsample_kernel_sizes": [20, 12],
        "upsample_rates": [10, 6],
        "gen_istft_hop_size": 5,
        "gen_istft_n_fft": 20,
        "resblock_dilation_sizes": [[1, 1, 1]],
        "resblock_kernel_sizes": [3],
        "upsample_initial_channel": 512,
    },
    "dim_in": 64,
    "dropout": 0.2,
    "hidden_dim": 512,
    "max_conv_dim": 512,
    "max_dur": 4,
    "multispeaker": True,
    "n_layer": 1,
    "n_mels": 80,
    "n_token": 178,
    "style_dim": 128,
    "text_encoder_kernel_size": 5,
    "plbert": {
        "hidden_size": 16,
        "num_attention_heads": 2,
        "intermediate_size": 16,
        "max_position_embeddings": 512,
        "num_hidden_layers": 1,
        "dropout": 0.1,
    },
    "vocab": DEFAULT_VOCAB,
}


def write(config: Path, weights: Path) -> None:
    """Write configuration and weights, random but the same each time."""
    config.write_text(json.dumps(CONFIG), encoding="utf-8")
    torch.save({}, weights)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = KModel(repo_id="hexgrad/Kokoro-82M", config=str(config), model=str(weights))
        parts = {
            part: {f"module.{key}": value for key, value in getattr(model, part).state_dict().items()}
            for part in ("bert", "bert_encoder", "predictor", "text_encoder", "decoder")
        }
        torch.save(parts, weights)
