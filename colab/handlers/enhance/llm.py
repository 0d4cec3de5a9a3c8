"""The neural engine: a language model that follows instructions, through transformers. Imports stay inside.

Nothing is downloaded by the library: configuration, tokenizer and weights come from the table of models, verified.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Protocol

from colab.engines import devices
from colab.handlers.enhance.engine import Answer, RewriteOptions, RewriteRequest, Unable
from colab.handlers.enhance.llm_model import Loaded, loaded_model
from colab.handlers.enhance.prompts import messages
from protocol.errors import JobFailed
from protocol.messages import Choices, EngineRecord
from speech import faithful

BEST_ON_GPU = ("qwen2.5-7b-instruct", "qwen3-4b-instruct-2507", "qwen2.5-1.5b-instruct")
BEST_ON_CPU = ("qwen2.5-1.5b-instruct", "qwen3-4b-instruct-2507")
"""The models of the table, best first. A processor takes minutes for a text with anything larger."""

DEFAULT_ON_GPU, DEFAULT_ON_CPU = "qwen3-4b-instruct-2507", "qwen2.5-1.5b-instruct"
"""What is fetched for who wants this engine and names no model."""

LARGE = "qwen2.5-7b-instruct"
LARGE_BYTES = 18 << 30
"""What the largest takes on a GPU at half precision, with room for its answers."""

_WEIGHTS = ".safetensors"


class LanguageModelFiles(Protocol):
    """What the engine needs of the door to model files."""

    def owned(self, kind: str) -> tuple[str, ...]: ...
    def files(self, name: str) -> tuple[str, ...]: ...
    def folder(self, name: str) -> Path: ...
    def present(self, name: str) -> bool: ...
    def sha256(self, name: str) -> str: ...


class LanguageModel:
    """Making one is cheap: the model is loaded by the first `write`, and stays loaded for the next job."""

    name = "llm"
    batch = 1
    retries = 1

    def __init__(self, models: LanguageModelFiles, device: str | None = None) -> None:
        self._models = models
        self._device = devices.on_torch(device, "the language model")
        self._model = self._default()

    def record(self) -> EngineRecord:
        """Say who writes, by which model at which precision, and on which device."""
        from colab.handlers.enhance.llm_model import precision

        return EngineRecord(
            name=self.name,
            version=f"{self._model} {precision(self._device.name)} transformers={version('transformers')}",
            model_sha256=self._digest(),
            provider=f"torch {version('torch')}",
            device=str(self._device),
            tier="neural",
        )

    def choices(self) -> Choices:
        """Return the models of the table and those that the worker's owner added."""
        return {"model": ("auto", *self._names())}

    def pick(self, model: str) -> None:
        """Settle on a model: for `auto` the best whose files are here, else the one that would be fetched."""
        if model == "auto":
            ready = [name for name in self._ranked() if self._is_here(name)]
            self._model = ready[0] if ready else self._default()
        elif model in self._names():
            self._model = model
        else:
            raise JobFailed(
                f"no language model {model!r} is in the table of models; there are: {', '.join(self._names())}. Only "
                "the worker's owner can add one",
                code="UNSUPPORTED",
            )

    def files(self) -> tuple[str, ...]:
        """Return the files of the model."""
        return self._models.files(self._model)

    def unheeded(self, wish: RewriteOptions) -> list[str]:
        """A model is told every wish; without a GPU there is nothing to offload."""
        return ["offload"] if wish.offload and self._device.name == "cpu" else []

    def write(self, asks: Sequence[RewriteRequest], wish: RewriteOptions, look_up: Callable[[], None]) -> list[Answer]:
        """Have the model answer, without what it puts around its answers. Raises `JobFailed`: ENGINE, OUT_OF_MEMORY."""
        look_up()
        loaded = self._loaded(wish.offload)
        look_up()
        answers = loaded.answers(
            [messages(ask, wish) for ask in asks],
            texts=[ask.text for ask in asks],
            factor=wish.bounds.factor,
            temperature=wish.temperature,
            seed=wish.seed + len(asks[0].complaints) if asks else wish.seed,
            look_up=look_up,
        )
        return [
            answer if isinstance(answer, Unable) else tidied(ask.text, answer)
            for ask, answer in zip(asks, answers, strict=True)
        ]

    def _loaded(self, offload: bool) -> Loaded:
        folder = self._models.folder(self._model)
        times = tuple(sorted((path.name, path.stat().st_mtime_ns) for path in folder.iterdir()))
        return loaded_model(folder, self._model, self._device.name, offload, times)

    def _names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*filter(self._is_known, BEST_ON_GPU), *self._models.owned("enhance"))))

    def _ranked(self) -> tuple[str, ...]:
        best = BEST_ON_CPU if self._device.name == "cpu" else BEST_ON_GPU
        fit = tuple(name for name in best if name != LARGE or _gpu_bytes() >= LARGE_BYTES)
        return (*filter(self._is_known, fit), *self._models.owned("enhance"))

    def _default(self) -> str:
        return DEFAULT_ON_CPU if self._device.name == "cpu" else DEFAULT_ON_GPU

    def _is_known(self, name: str) -> bool:
        try:
            return bool(self._models.files(name))
        except JobFailed:
            return False

    def _is_here(self, name: str) -> bool:
        return all(map(self._models.present, self._models.files(name)))

    def _digest(self) -> str:
        """Return what names the weights: the digest of the one file, or of the digests of several."""
        digests = [self._models.sha256(file) for file in self.files() if file.endswith(_WEIGHTS)]
        return digests[0] if len(digests) == 1 else hashlib.sha256("\n".join(digests).encode()).hexdigest()


def _gpu_bytes() -> int:
    import torch

    return int(torch.cuda.get_device_properties(0).total_memory) if torch.cuda.is_available() else 0


_THOUGHT = re.compile(r"^\s*<think>.*?</think>\s*", re.DOTALL)
_TAGS = re.compile(r"^\s*<(text|narration|prompt|answer|output)>\s*(.*?)\s*</\1>\s*$", re.DOTALL | re.IGNORECASE)
_PREFACE = re.compile(
    r"\A\s*(?:(?:sure|certainly|of course|okay)[,!.]?\s+)?(?:here(?:'s|’s| is)|below is)?[^\n:]{0,60}"
    r"\b(?:rewritten|revised|improved|enhanced|polished|edited)\b[^\n:]{0,60}:[ \t]*\n+",
    re.IGNORECASE,
)
_LABEL = re.compile(
    r"\A\s*(?:rewritten|revised|enhanced|improved)(?: (?:text|narration|prompt|version))?:\s+", re.IGNORECASE
)


def tidied(original: str, answer: str) -> str:
    """Return an answer without what is around it. What stands in the original too is no ornament, and stays."""
    thought = _THOUGHT.match(answer)
    text = answer[thought.end() :] if thought else answer
    if found := _TAGS.match(text):
        text = found[2]
    for form in (_PREFACE, _LABEL):
        if (before := form.match(text)) and not form.match(original):
            text = text[before.end() :]
    text = text.strip()
    if faithful.is_quoted(text) and not faithful.is_quoted(original):
        text = text[1:-1].strip()
    if "\n" not in original.strip():
        text = re.sub(r"\s*\n\s*", " ", text)
    return text
