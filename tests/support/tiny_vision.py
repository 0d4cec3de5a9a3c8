"""CLIP and BLIP with few random weights, as their makers' libraries save them: real files for the real loading code."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from colab.models import ModelFile, ModelPlaces, Models

CLIP, BLIP = "clip-vit-base-patch32", "blip-image-captioning-base"
SIDE = 32
_STEPS = {"do_normalize": True, "do_resize": True, "image_mean": [0.48, 0.46, 0.41], "image_std": [0.27, 0.26, 0.28]}
"""How pictures are made ready, written as the published models have it: older than the library is."""


def _letters() -> list[str]:
    """Return the 256 letters that byte-level vocabularies write bytes with."""
    kept = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [byte for byte in range(256) if byte not in kept]
    return [chr(byte) for byte in kept] + [chr(256 + place) for place in range(len(rest))]


def clip(folder: Path) -> Path:
    """Write a tiny CLIP with a vocabulary of letters."""
    import torch
    from transformers import CLIPConfig, CLIPModel, CLIPTokenizer

    words = [*_letters(), *(f"{letter}</w>" for letter in _letters()), "<|startoftext|>", "<|endoftext|>"]
    vocabulary = {word: place for place, word in enumerate(words)}
    size = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    ends = {"bos_token_id": len(words) - 2, "eos_token_id": len(words) - 1, "pad_token_id": len(words) - 1}
    config = CLIPConfig(
        text_config={**size, **ends, "vocab_size": len(words), "max_position_embeddings": 77},
        vision_config={**size, "image_size": SIDE, "patch_size": 8},
        projection_dim=16,
    )
    torch.manual_seed(1)
    CLIPModel(config).save_pretrained(folder)
    CLIPTokenizer(vocabulary, []).save_pretrained(folder)
    sizes = {"feature_extractor_type": "CLIPFeatureExtractor", "crop_size": SIDE, "size": SIDE, "resample": 3}
    (folder / "preprocessor_config.json").write_text(json.dumps({**sizes, **_STEPS, "do_center_crop": True}))
    return folder


def blip(folder: Path, *, pickled: bool = True) -> Path:
    """Write a tiny BLIP with a vocabulary of a few words; its weights as its makers have them, which is a pickle."""
    import torch
    from transformers import BertTokenizer, BlipConfig, BlipForConditionalGeneration

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[DEC]", *"abcdefghijklmnopqrstuvwxyz"]
    size = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = BlipConfig(
        text_config={
            **size, "vocab_size": len(words), "bos_token_id": 5, "eos_token_id": 3, "sep_token_id": 3,
            "pad_token_id": 0, "encoder_hidden_size": 32, "max_position_embeddings": 64,
        },
        vision_config={**size, "image_size": SIDE, "patch_size": 8},
    )  # fmt: skip
    torch.manual_seed(2)
    model = BlipForConditionalGeneration(config)
    model.save_pretrained(folder)
    if pickled:
        (folder / "model.safetensors").unlink()
        torch.save(model.state_dict(), folder / "pytorch_model.bin")
    BertTokenizer({word: place for place, word in enumerate(words)}).save_pretrained(folder)
    sizes = {"image_processor_type": "BlipImageProcessor", "processor_class": "BlipProcessor", "resample": 3}
    (folder / "preprocessor_config.json").write_text(
        json.dumps({**sizes, **_STEPS, "size": {"height": SIDE, "width": SIDE}, "do_rescale": True})
    )
    return folder


def models(place: Path, *folders: tuple[str, Path], absent: Sequence[tuple[str, Path]] = ()) -> Models:
    """Return these models' files as a worker has them: in its table, by name, and in its cache, by digest.

    Those of `absent` are in the table only.
    """
    table = {}
    for model, folder in (*folders, *absent):
        for file in sorted(folder.iterdir()):
            data = file.read_bytes()
            entry = ModelFile(
                name=f"{model}/{file.name}",
                host="huggingface",
                repository=f"nobody/{model}",
                revision="0" * 40,
                file=file.name,
                size=len(data),
                sha256=hashlib.sha256(data).hexdigest(),
                licence="none",
            )
            table[entry.name] = entry
            if (model, folder) not in absent:
                cached = place / entry.sha256[:16] / entry.file_name
                cached.parent.mkdir(parents=True, exist_ok=True)
                cached.write_bytes(data)
    return Models(ModelPlaces(folder=place, offline=True), files=table)


def with_provider(models: Models, provider: str) -> Models:
    """Return the same files as a worker has them whose owner says where models must run."""
    return Models(replace(models._places, provider=provider), files=models._files)


def poisoned(folder: Path) -> Path:
    """Put a pickle that would run code in the place of a model's weights."""
    import pickle

    class Hostile:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (Path.touch, (folder.parent / "ran",))  # type: ignore[return-value]

    (folder / "pytorch_model.bin").write_bytes(pickle.dumps({"weights": Hostile()}))
    return folder


def without(folder: Path, tensor: str) -> Path:
    """Leave a tensor out of a model's weights."""
    from safetensors.torch import load_file, save_file

    tensors = load_file(folder / "model.safetensors")
    kept = {name: value for name, value in tensors.items() if tensor not in name}
    assert len(kept) < len(tensors)
    save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def told(folder: Path) -> dict[str, object]:
    """Return a model's configuration."""
    return dict(json.loads((folder / "config.json").read_text()))
