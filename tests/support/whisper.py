"""A small Whisper of random weights, in the files that CTranslate2 and faster-whisper load: real code, no sense."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from colab.models import ModelFile, ModelPlaces, Models
from protocol.integrity import sha256_of

MELS = 80
TEXT_TOKENS = 50_257
"""Of a real multilingual Whisper: CTranslate2 goes by the size of the vocabulary."""

SPOKEN = (
    *"the we was she out that with from here there time light water stone green river seven under".split(),  # noqa: SIM905
    *"never almost between and but so because I Mr. Dr. 12 km. home, then, know, end. over. day? now!".split(),  # noqa: SIM905
)
"""What it says, in an order that depends on the sound."""

LANGUAGES = tuple(
    "en zh de es ru ko fr ja pt tr pl ca nl ar sv it id hi fi vi he uk el ms cs ro da hu ta no th ur hr bg lt la mi ml "  # noqa: SIM905
    "cy sk te fa lv bn sr az sl kn et mk br eu is hy ne mn bs kk sq sw gl mr pa si km sn yo so af oc ka be tg sd gu am "
    "yi lo uz fo ht ps tk nn mt sa lb my bo tl mg as tt haw ln ha ba jw su".split()
)
SPECIAL = (
    "<|endoftext|>",
    "<|startoftranscript|>",
    *(f"<|{code}|>" for code in LANGUAGES),
    "<|translate|>",
    "<|transcribe|>",
    "<|startoflm|>",
    "<|startofprev|>",
    "<|nospeech|>",
    "<|notimestamps|>",
    *(f"<|{step * 0.02:.2f}|>" for step in range(1501)),
)


@dataclass(frozen=True)
class Size:
    """The size of a Whisper."""

    width: int
    heads: int
    layers: int


TINIEST = Size(16, 2, 1)
AS_PUBLISHED = Size(384, 6, 4)
"""The smallest that is published, `tiny`."""


def tiny_whisper(folder: Path, *, seed: int = 1, size: Size = TINIEST) -> Path:
    """Write the five files of a model into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    tokens = _tokens(folder / "tokenizer.json")
    _weights(folder, tokens, np.random.default_rng(seed), size)
    facts = {"feature_size": MELS, "sampling_rate": 16000, "hop_length": 160, "chunk_length": 30, "n_fft": 400}
    (folder / "preprocessor_config.json").write_text(json.dumps(facts))
    return folder


def table(folder: Path, model: str) -> dict[str, ModelFile]:
    """Return the files of a folder as a table of models pins them."""
    return {file.name: file for file in (_pinned(path, model) for path in sorted(folder.iterdir()))}


def models_with(cache: Path, folder: Path, *names: str, present: bool = True, provider: str | None = "cpu") -> Models:
    """Return an offline place of models that knows a tiny Whisper by these names, and has it unless told not to."""
    files = {key: file for name in names for key, file in table(folder, name).items()}
    if present:
        for file in files.values():
            target = cache / file.sha256[:16] / file.file_name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((folder / file.file_name).read_bytes())
    return Models(ModelPlaces(folder=cache, offline=True, provider=provider), files=files)


def _pinned(path: Path, model: str) -> ModelFile:
    size, sha256 = sha256_of(path)
    return ModelFile(
        name=f"whisper-{model}/{path.name}",
        host="huggingface",
        repository=f"test/{model}",
        revision="0" * 40,
        file=path.name,
        size=size,
        sha256=sha256,
        licence="MIT",
    )


def _tokens(target: Path) -> list[str]:
    """Write the tokenizer, and return its tokens in order: bytes, words, filling, the special ones."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    words, merges = [], []
    for word in SPOKEN:
        text = "\u0120" + word
        for end in range(2, len(text) + 1):
            if text[:end] not in words:
                words.append(text[:end])
                merges.append((text[: end - 1], text[end - 1]))
    filling = [f"fill{place}" for place in range(TEXT_TOKENS - len(letters) - len(words))]
    tokens = [*letters, *words, *filling]
    tokenizer = Tokenizer(models.BPE(vocab={token: place for place, token in enumerate(tokens)}, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in SPECIAL])
    tokenizer.save(str(target))
    return [*tokens, *SPECIAL]


def _weights(folder: Path, tokens: list[str], random: np.random.Generator, size: Size) -> None:
    from ctranslate2.specs import WhisperSpec

    width = size.width
    spec = WhisperSpec(size.layers, size.heads, size.layers, size.heads)
    _conv(spec.encoder.conv1, width, MELS, random)
    _conv(spec.encoder.conv2, width, width, random)
    spec.encoder.position_encodings.encodings = _random(random, 1500, width)
    _layers(spec.encoder, width, random)
    spec.decoder.embeddings.weight = _random(random, len(tokens), width)
    spec.decoder.position_encodings.encodings = _random(random, 448, width) * 4  # each place says something else
    _layers(spec.decoder, width, random)
    spec.decoder.projection.weight = _random(random, len(tokens), width)
    spec.decoder.projection.bias = _leaning(tokens)
    spec.register_vocabulary(tokens)
    spec.config.suppress_ids, spec.config.suppress_ids_begin = [], [TEXT_TOKENS]
    first = tokens.index("<|en|>")
    spec.config.lang_ids = list(range(first, first + len(LANGUAGES)))
    spec.config.alignment_heads = [[size.layers - 1, 0], [size.layers - 1, 1]]
    spec.validate()
    spec.optimize()
    spec.save(str(folder))


def _leaning(tokens: list[str]) -> np.ndarray:
    """Return a bias towards whole words, and sometimes towards an end."""
    places = {token: place for place, token in enumerate(tokens)}
    bias = np.full(len(tokens), -60.0, np.float32)
    bias[[places["\u0120" + word] for word in SPOKEN]] = 0.0
    bias[places["<|endoftext|>"]] = 2.0
    bias[places["<|en|>"] : places["<|su|>"] + 1] = -30.0
    bias[places["<|0.00|>"] :] = -20.0
    return bias


def _layers(side: object, width: int, random: np.random.Generator) -> None:
    _norm(side.layer_norm, width)  # type: ignore[attr-defined]
    for layer in side.layer:  # type: ignore[attr-defined]
        _attention(layer.self_attention, (3, 1), width, random)
        if hasattr(layer, "attention"):
            _attention(layer.attention, (1, 2, 1), width, random)
        _norm(layer.ffn.layer_norm, width)
        _linear(layer.ffn.linear_0, 4 * width, width, random)
        _linear(layer.ffn.linear_1, width, 4 * width, random)


def _attention(spec: object, multiples: tuple[int, ...], width: int, random: np.random.Generator) -> None:
    _norm(spec.layer_norm, width)  # type: ignore[attr-defined]
    for linear, multiple in zip(spec.linear, multiples, strict=True):  # type: ignore[attr-defined]
        _linear(linear, multiple * width, width, random)


def _linear(spec: object, out: int, inner: int, random: np.random.Generator) -> None:
    spec.weight = _random(random, out, inner)  # type: ignore[attr-defined]
    spec.bias = np.zeros(out, np.float32)  # type: ignore[attr-defined]


def _conv(spec: object, width: int, channels: int, random: np.random.Generator) -> None:
    spec.weight = _random(random, width, channels, 3) * 0.3  # type: ignore[attr-defined]
    spec.bias = np.zeros(width, np.float32)  # type: ignore[attr-defined]


def _norm(spec: object, width: int) -> None:
    spec.gamma = np.ones(width, np.float32)  # type: ignore[attr-defined]
    spec.beta = np.zeros(width, np.float32)  # type: ignore[attr-defined]


def _random(random: np.random.Generator, *shape: int) -> np.ndarray:
    return (random.standard_normal(shape) * 0.6).astype(np.float32)
