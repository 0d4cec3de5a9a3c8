"""Which files of the table of models CLIP and BLIP are read from, and which wish needs which."""

from __future__ import annotations

from colab.models import Models
from protocol.errors import JobFailed

CLIP, BLIP = "clip-vit-base-patch32", "blip-image-captioning-base"
"""What the two are called in the table of models; their files are `<model>/<file>`."""

NEEDS: dict[str, str] = {"tags": CLIP, "embeddings": CLIP, "captions": BLIP}
"""What each wish needs."""

WEIGHTS = ("model.safetensors", "pytorch_model.bin")
"""Where the weights are, best first. The second is a pickle: read as tensors alone, which runs no code of it."""

NEEDED = ("config.json", "preprocessor_config.json", "tokenizer.json")
USEFUL = ("tokenizer_config.json", "special_tokens_map.json", "vocab.json", "merges.txt", "vocab.txt")
"""What is read where the table has it."""


def files(models: Models, model: str) -> tuple[str, ...]:
    """Return the files of a model by their names in the table of models."""
    useful = tuple(name for file in USEFUL if _is_known(models, name := f"{model}/{file}"))
    return (*(f"{model}/{file}" for file in NEEDED), *useful, weights(models, model))


def weights(models: Models, model: str) -> str:
    """Return the name of a model's weights."""
    names = [f"{model}/{file}" for file in WEIGHTS]
    return next((name for name in names if _is_known(models, name)), names[0])


def lacking(models: Models, model: str) -> list[str]:
    """Return the files of a model that are not at hand."""
    return [file for file in files(models, model) if not (_is_known(models, file) and models.present(file))]


def _is_known(models: Models, name: str) -> bool:
    try:
        models.sha256(name)
    except JobFailed:
        return False
    return True
