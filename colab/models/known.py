"""The table itself: every model that a worker may use, and every file of them.

A digest is here if two independent public records agree on it, and a size if one of them tells it; where it is
otherwise, the table says so. What no record attests is not here: the worker's owner may add it (`owner.py`).
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from colab.models import known_f5, known_kokoro, known_llm, known_upscale, known_vision, known_whisper

_ALL: Final = (
    *known_kokoro.MODELS,
    *known_f5.MODELS,
    *known_whisper.MODELS,
    *known_upscale.MODELS,
    *known_vision.MODELS,
    *known_llm.MODELS,
)

MODELS: Final = MappingProxyType({model.name: model for model in _ALL})
"""`{name: model}`."""

FILES: Final = MappingProxyType(
    {file.name: file for file in (*known_kokoro.FILES, *(file for model in _ALL for file in model.files))}
)
"""`{name: file}`. A file of a model with several is called `<model>/<file>`."""
