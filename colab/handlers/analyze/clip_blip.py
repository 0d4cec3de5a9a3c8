"""CLIP's tags and search embeddings and BLIP's captions, by transformers: an extra. Imports stay inside.

Both models are read from verified local files alone: configuration and words, weights as tensors and nothing else. No
code of a repository is run, and nothing is asked for from anywhere.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from colab.handlers.analyze.engine import Seen
from colab.handlers.analyze.labels import TEMPLATES, asked
from colab.handlers.analyze.vision_files import BLIP, CLIP, NEEDS, files, weights
from colab.models import Models
from media.reading import Frame
from protocol.errors import JobFailed
from protocol.kinds.analysis import Embeddings, Tag, packed
from protocol.kinds.analyze import Params
from protocol.messages import EngineRecord

NAME = "clip-blip"
BATCH = {"cuda": 64, "cpu": 8}
CAPTION_TOKENS = 40
BEAMS = 3
"""As BLIP's makers caption."""

_WORDS_AT_ONCE = 256

_T = TypeVar("_T")


class ClipBlip:
    """Looks at pictures. Making one is cheap: the models are opened by the first `look`, and stay open."""

    name = NAME

    def __init__(self, models: Models, params: Params, wishes: frozenset[str]) -> None:
        self._models, self._params, self._wishes = models, params, wishes
        self._device = _device(models.provider)
        self._told: _Words | None = None
        self.batch = BATCH[self._device]

    def record(self) -> EngineRecord:
        """Say which models look, and on which device."""
        digests = [self._models.sha256(weights(self._models, model)) for model in self._used()]
        both = hashlib.sha256(" ".join(digests).encode()).hexdigest()
        parts = "+".join(sorted(self._wishes))
        return EngineRecord(
            name=NAME,
            version=f"1 transformers={version('transformers')} torch={version('torch')} {parts}",
            model_sha256=digests[0] if len(digests) == 1 else both,
            provider=f"torch {version('torch')}",
            device=self._device,
            tier="neural",
        )

    def embeddings(self) -> Embeddings | None:
        """Say what the embeddings are, None if nobody wanted them."""
        if "embeddings" not in self._wishes:
            return None
        digest = self._models.sha256(weights(self._models, CLIP))
        dimensions = self._open(CLIP).model.config.projection_dim
        return Embeddings(model=CLIP, model_sha256=digest, dimensions=dimensions)

    def look(self, pictures: Sequence[Frame]) -> list[Seen]:
        """Look at pictures together, in halves where the memory is too small. Raises `JobFailed`."""
        try:
            return self._look([np.ascontiguousarray(picture[..., ::-1]) for picture in pictures])
        except MemoryError as full:
            if len(pictures) == 1:
                raise JobFailed(
                    f"CLIP and BLIP need more memory than {self._device} has for one picture", code="OUT_OF_MEMORY"
                ) from full
        half = len(pictures) // 2
        self.batch = max(1, min(self.batch, half))
        return [*self.look(pictures[:half]), *self.look(pictures[half:])]

    def _look(self, pictures: list[Frame]) -> list[Seen]:
        seen: dict[str, list[Any]] = {}
        if {"tags", "embeddings"} & self._wishes:
            vectors = self._open(CLIP).run(lambda clip: _image_vectors(clip, pictures))
            if "embeddings" in self._wishes:
                seen["embedding"] = [packed(vector.tolist()) for vector in vectors]
            if "tags" in self._wishes:
                seen["tags"] = self._tags(vectors)
        if "captions" in self._wishes:
            seen["caption"] = self._open(BLIP).run(lambda blip: _captions(blip, pictures))
        return [Seen(**{what: every[place] for what, every in seen.items()}) for place in range(len(pictures))]

    def _tags(self, vectors: np.ndarray) -> list[tuple[Tag, ...]]:
        """Return the likeliest labels of each picture."""
        clip = self._open(CLIP)
        if self._told is None:
            labels = asked(self._params.labels, general=self._params.general_labels)
            self._told = _Words(labels=labels, vectors=clip.run(lambda opened: _label_vectors(opened, labels)))
        scale = float(clip.model.logit_scale.detach().float().exp())
        logits = scale * vectors.astype(np.float64) @ self._told.vectors.T.astype(np.float64)
        shares = np.exp(logits - logits.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        return [_likeliest(row, self._told.labels, self._params.tags_most) for row in shares]

    def _used(self) -> list[str]:
        return [model for model in (CLIP, BLIP) if any(NEEDS[wish] == model for wish in self._wishes)]

    def _open(self, model: str) -> Opened:
        paths = {file.rpartition("/")[2]: self._models.path(file) for file in files(self._models, model)}
        stamps = tuple(path.stat().st_mtime_ns for path in paths.values())
        return _resident(model, tuple(sorted(paths.items())), self._device, stamps)


@dataclass(frozen=True, kw_only=True)
class _Words:
    labels: tuple[str, ...]
    vectors: np.ndarray


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A model in memory, and what makes its inputs."""

    model: Any
    processor: Any
    device: str
    name: str

    @property
    def dtype(self) -> Any:
        """Return the precision of its numbers."""
        return next(self.model.parameters()).dtype

    def run(self, act: Callable[[Opened], _T]) -> _T:
        """Run it without gradients. Raises MemoryError when it does not fit, `JobFailed` ENGINE when it fails."""
        import torch

        try:
            with torch.inference_mode():
                return act(self)
        except torch.cuda.OutOfMemoryError as full:
            torch.cuda.empty_cache()
            raise MemoryError(str(full)) from full
        except RuntimeError as problem:
            if "memory" in str(problem):
                raise MemoryError(str(problem)) from problem
            raise JobFailed(f"{self.name} could not run on {self.device}: {str(problem)[:400]}", code="ENGINE") from (
                problem
            )


def _pixels(opened: Opened, pictures: list[Frame]) -> Any:
    made = opened.processor.image_processor(images=pictures, input_data_format="channels_last", return_tensors="pt")
    return made["pixel_values"].to(opened.device, opened.dtype)


def _image_vectors(clip: Opened, pictures: list[Frame]) -> np.ndarray:
    pixels = _pixels(clip, pictures)
    return _unit(clip, clip.model.get_image_features(pixel_values=pixels))


def _label_vectors(clip: Opened, labels: tuple[str, ...]) -> np.ndarray:
    """Return a vector for each label: the mean of those of its sentences."""
    sentences = [template.format(label) for label in labels for template in TEMPLATES]
    parts = []
    for start in range(0, len(sentences), _WORDS_AT_ONCE):
        words = clip.processor.tokenizer(
            sentences[start : start + _WORDS_AT_ONCE], padding=True, truncation=True, max_length=_longest(clip),
            return_tensors="pt",
        )  # fmt: skip
        inputs = {name: words[name].to(clip.device) for name in ("input_ids", "attention_mask")}
        parts.append(_unit(clip, clip.model.get_text_features(**inputs)))
    means = np.concatenate(parts).reshape(len(labels), len(TEMPLATES), -1).mean(axis=1)
    return np.asarray(means / np.linalg.norm(means, axis=1, keepdims=True), np.float32)


def _longest(clip: Opened) -> int:
    return int(clip.model.config.text_config.max_position_embeddings)


def _unit(clip: Opened, features: Any) -> np.ndarray:
    """Return vectors at length 1. Newer versions of transformers wrap them."""
    vectors = getattr(features, "pooler_output", features).float().cpu().numpy()
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not np.isfinite(lengths).all() or not lengths.all():
        raise JobFailed(f"{clip.name} gave vectors that are no numbers", code="ENGINE")
    return np.asarray(vectors / lengths, np.float32)


def _captions(blip: Opened, pictures: list[Frame]) -> list[str]:
    pixels = _pixels(blip, pictures)
    made = blip.model.generate(pixel_values=pixels, max_new_tokens=CAPTION_TOKENS, num_beams=BEAMS, do_sample=False)
    return [text.strip()[:500] for text in blip.processor.tokenizer.batch_decode(made, skip_special_tokens=True)]


def _likeliest(shares: np.ndarray, labels: tuple[str, ...], most: int) -> tuple[Tag, ...]:
    order = np.argsort(-shares, kind="stable")[:most]
    return tuple(Tag(label=labels[place], score=round(float(shares[place]), 4)) for place in order)


def _device(asked_for: str | None) -> str:
    """Return where to run. Raises `JobFailed` UNSUPPORTED for what is not there."""
    import torch

    there = torch.cuda.is_available()
    if asked_for is None:
        return "cuda" if there else "cpu"
    wanted = "cuda" if "cuda" in asked_for.lower() or "gpu" in asked_for.lower() else "cpu"
    if wanted == "cuda" and not there:
        raise JobFailed(
            f"{asked_for!r} was asked for, but torch {torch.__version__} can use no GPU here: install torch's CUDA "
            "build and the driver, or ask for cpu",
            code="UNSUPPORTED",
        )
    return wanted


@lru_cache(maxsize=2)
def _resident(model: str, paths: tuple[tuple[str, Path], ...], device: str, _stamps: tuple[int, ...]) -> Opened:
    """Keep both models open: loading one takes longer than most films. A file that changed is opened anew."""
    with tempfile.TemporaryDirectory(prefix="gpudrop-model-") as folder:
        for name, path in paths:
            _put(path.absolute(), Path(folder) / name)
        return _loaded(model, Path(folder), dict(paths), device)


def _put(file: Path, there: Path) -> None:
    """Have a file in another place too; where links may not be made (Windows), as a copy."""
    try:
        there.symlink_to(file)
    except OSError:
        shutil.copyfile(file, there)


def _loaded(model: str, folder: Path, paths: Mapping[str, Path], device: str) -> Opened:
    import torch
    import transformers

    kinds: dict[str, tuple[Any, Any]] = {
        CLIP: (transformers.CLIPModel, transformers.CLIPProcessor),
        BLIP: (transformers.BlipForConditionalGeneration, transformers.BlipProcessor),
    }
    made, processor = kinds[model]
    transformers.utils.logging.disable_progress_bar()  # nobody sees it: what the worker says goes to a log
    dtype = torch.float16 if device == "cuda" else torch.float32
    try:
        opened, found = made.from_pretrained(
            folder,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors="model.safetensors" in paths,
            weights_only=True,
            dtype=dtype,
            output_loading_info=True,
        )
        words = processor.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as unfit:  # whatever a library raises for files that are not a model's
        raise JobFailed(
            f"{model} cannot be opened from its files: {type(unfit).__name__} {str(unfit)[:300]}; remove them, and "
            f"fetch them again by `gpudrop models pull {model}`",
            code="ENGINE",
        ) from unfit
    if found["missing_keys"] or found["mismatched_keys"]:
        lacking = sorted(map(str, [*found["missing_keys"], *found["mismatched_keys"]]))
        raise JobFailed(f"{model}'s weights lack {len(lacking)} of the model's tensors, as {lacking[0]}", code="ENGINE")
    return Opened(model=opened.to(device).eval(), processor=words, device=device, name=model)
