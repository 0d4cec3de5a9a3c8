"""CLIP's tags and search embeddings and BLIP's captions: an extra. Imports of its libraries stay inside."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np

from colab.engines import devices
from colab.engines.device_failures import free_again
from colab.handlers.analyze.engine import FrameContent, FrameViewer
from colab.handlers.analyze.vision_files import BLIP, CLIP, NEEDS, files, weights
from colab.handlers.analyze.vision_models import HINT, OpenedVisionModel, loaded_model
from colab.models import Models
from media.sampling import Frame
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


class ClipBlip:
    """Looks at pictures. Making one is cheap: the models are opened by the first `look`, and stay open."""

    name = NAME

    def __init__(self, models: Models, params: Params, wishes: frozenset[str]) -> None:
        self._models, self._params, self._wishes = models, params, wishes
        self._device = devices.on_torch(models.provider, "CLIP and BLIP")
        self._told: _Words | None = None
        self.batch = BATCH[self._device.name]

    @property
    def eyes(self) -> FrameViewer:
        """Return itself."""
        return self

    def files(self) -> tuple[str, ...]:
        """Return the files of the models that are used."""
        return tuple(file for model in self._used() for file in files(self._models, model))

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
            device=str(self._device),
            tier="neural",
        )

    def embeddings(self) -> Embeddings | None:
        """Say what the embeddings are, None if nobody wanted them."""
        if "embeddings" not in self._wishes:
            return None
        digest = self._models.sha256(weights(self._models, CLIP))
        dimensions = self._open(CLIP).model.config.projection_dim
        return Embeddings(model=CLIP, model_sha256=digest, dimensions=dimensions)

    def look(self, pictures: Sequence[Frame]) -> list[FrameContent]:
        """Look at pictures together, in halves where the memory is too small. Raises `JobFailed`."""
        try:
            return self._look([np.ascontiguousarray(picture[..., ::-1]) for picture in pictures])
        except MemoryError as full:
            if len(pictures) == 1:
                raise JobFailed(
                    f"CLIP and BLIP need more memory than {self._device} has for one picture: {HINT}",
                    code="OUT_OF_MEMORY",
                ) from full
        free_again()  # here, where the failure no longer holds what is to be freed
        half = len(pictures) // 2
        self.batch = max(1, min(self.batch, half))
        return [*self.look(pictures[:half]), *self.look(pictures[half:])]

    def _look(self, pictures: list[Frame]) -> list[FrameContent]:
        seen: dict[str, list[Any]] = {}
        if {"tags", "embeddings"} & self._wishes:
            vectors = self._open(CLIP).run(lambda clip: _image_vectors(clip, pictures))
            if "embeddings" in self._wishes:
                seen["embedding"] = [packed(vector.tolist()) for vector in vectors]
            if "tags" in self._wishes:
                seen["tags"] = self._tags(vectors)
        if "captions" in self._wishes:
            seen["caption"] = self._open(BLIP).run(lambda blip: _captions(blip, pictures))
        return [FrameContent(**{what: every[place] for what, every in seen.items()}) for place in range(len(pictures))]

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

    def _open(self, model: str) -> OpenedVisionModel:
        paths = {file.rpartition("/")[2]: self._models.path(file) for file in files(self._models, model)}
        stamps = tuple(path.stat().st_mtime_ns for path in paths.values())
        return loaded_model(model, tuple(sorted(paths.items())), self._device.name, stamps)


@dataclass(frozen=True, kw_only=True)
class _Words:
    labels: tuple[str, ...]
    vectors: np.ndarray


def _pixels(opened: OpenedVisionModel, pictures: list[Frame]) -> Any:
    made = opened.processor.image_processor(images=pictures, input_data_format="channels_last", return_tensors="pt")
    return made["pixel_values"].to(opened.device, opened.dtype)


def _image_vectors(clip: OpenedVisionModel, pictures: list[Frame]) -> np.ndarray:
    pixels = _pixels(clip, pictures)
    return _unit(clip, clip.model.get_image_features(pixel_values=pixels))


def _label_vectors(clip: OpenedVisionModel, labels: tuple[str, ...]) -> np.ndarray:
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


def _longest(clip: OpenedVisionModel) -> int:
    return int(clip.model.config.text_config.max_position_embeddings)


def _unit(clip: OpenedVisionModel, features: Any) -> np.ndarray:
    """Return vectors at length 1. Newer versions of transformers wrap them."""
    vectors = getattr(features, "pooler_output", features).float().cpu().numpy()
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not np.isfinite(lengths).all() or not lengths.all():
        raise JobFailed(f"{clip.name} gave vectors that are no numbers", code="ENGINE")
    return np.asarray(vectors / lengths, np.float32)


def _captions(blip: OpenedVisionModel, pictures: list[Frame]) -> list[str]:
    pixels = _pixels(blip, pictures)
    made = blip.model.generate(pixel_values=pixels, max_new_tokens=CAPTION_TOKENS, num_beams=BEAMS, do_sample=False)
    return [text.strip()[:500] for text in blip.processor.tokenizer.batch_decode(made, skip_special_tokens=True)]


def _likeliest(shares: np.ndarray, labels: tuple[str, ...], most: int) -> tuple[Tag, ...]:
    order = np.argsort(-shares, kind="stable")[:most]
    return tuple(Tag(label=labels[place], score=round(float(shares[place]), 4)) for place in order)


GENERAL = (
    "a person", "a face", "a man", "a woman", "a child", "a crowd of people", "a family", "hands", "a couple",
    "a dog", "a cat", "a horse", "a bird", "fish", "insects", "farm animals", "wild animals",
    "a tree", "flowers", "a forest", "grass", "mountains", "the sea", "a beach", "a river", "a lake", "a waterfall",
    "a desert", "snow", "the sky", "clouds", "rain", "fog", "a sunset", "the moon and stars", "fire", "smoke",
    "a city", "a street", "a village", "a house", "a tall building", "a bridge", "a tower", "a church", "ruins",
    "a park", "a garden", "a field", "a road", "a railway station", "an airport", "a harbour", "a market", "a shop",
    "a room", "a kitchen", "a bedroom", "a bathroom", "an office", "a classroom", "a factory", "a workshop",
    "a hospital", "a restaurant", "a stage", "a stadium", "a museum", "a library", "a staircase",
    "a car", "a bus", "a truck", "a train", "a bicycle", "a motorcycle", "an aeroplane", "a boat", "a ship",
    "a computer", "a phone", "a television", "a camera", "a book", "a newspaper", "a map", "a clock", "a toy",
    "a tool", "a machine", "a weapon", "clothes", "shoes", "a bag", "furniture", "a lamp", "a window", "a door",
    "food", "fruit", "vegetables", "bread", "a cake", "a drink", "a meal",
    "sport", "football", "running", "swimming", "dancing", "music being played", "singing", "cooking", "eating",
    "reading", "writing", "talking", "an interview", "a lecture", "a meeting", "a wedding", "a party", "a protest",
    "a computer screen", "program code", "a presentation slide", "a diagram", "a chart", "a document", "a website",
    "text on a plain background", "a title card", "end credits", "a logo", "subtitles",
    "a cartoon", "a computer animation", "a video game", "a painting", "a drawing", "a sculpture",
    "a landscape", "a view from the air", "a close-up", "a black and white picture", "a night scene", "underwater",
    "an empty black picture",
)  # fmt: skip
"""In the words that a caption would use, which is what CLIP was taught with."""

TEMPLATES = ("a photo of {}.", "a still from a film of {}.", "a picture showing {}.", "{}.")
"""Each label is put into all of these and their meanings averaged: that is steadier than one (Radford et al., 2021)."""


def asked(labels: tuple[str, ...], *, general: bool) -> tuple[str, ...]:
    """Return the labels to look for, each once: those given first."""
    return tuple(dict.fromkeys([*(label.strip() for label in labels if label.strip()), *(GENERAL if general else ())]))
