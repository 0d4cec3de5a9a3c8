"""A tiny language model: a real Qwen2 of two layers with random weights, and a tokenizer of single characters."""

from __future__ import annotations

import string
from pathlib import Path
from typing import Any

import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import GenerationConfig, PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

from colab.models import ModelFile, ModelPlaces, Models
from protocol.integrity import sha256_of

START, END, PAD = "<|im_start|>", "<|im_end|>", "<|endoftext|>"
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
FILES = ("config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")
CONTEXT = 2048


def write(folder: Path, *, template: str | None = TEMPLATE, seed: int = 1, **config: Any) -> None:
    """Write a model's files, random but the same each time."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = _tokenizer(template)
    tokenizer.save_pretrained(folder, save_jinja_files=False)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = Qwen2ForCausalLM(
            Qwen2Config(
                vocab_size=len(tokenizer),
                hidden_size=32,
                intermediate_size=32,
                num_hidden_layers=2,
                num_attention_heads=2,
                num_key_value_heads=1,
                max_position_embeddings=CONTEXT,
                tie_word_embeddings=False,
                **config,
            )
        )
    end = tokenizer.convert_tokens_to_ids(END)
    model.generation_config = GenerationConfig(eos_token_id=[end], pad_token_id=tokenizer.pad_token_id)
    model.save_pretrained(folder, safe_serialization=True)


def door(folder: Path, *names: str) -> Models:
    """Return the door to model files with a table of nothing but these models, as they lie in `folder` now."""
    files = {}
    for path in sorted(path for name in names for path in (folder / name).iterdir()):
        size, sha256 = sha256_of(path)
        named = f"{path.parent.name}/{path.name}"
        where = {"host": "github", "repository": "tests/tiny", "revision": "1", "licence": "MIT"}
        files[named] = ModelFile(name=named, file=path.name, size=size, sha256=sha256, **where)
        kept = folder / "cache" / sha256[:16] / path.name
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(path.read_bytes())
    return Models(ModelPlaces(folder=folder / "cache", offline=True), files=files)


def _tokenizer(template: str | None) -> PreTrainedTokenizerFast:
    letters = [*string.printable, "’", "“", "”", "ü", "?"]
    vocab = {mark: place for place, mark in enumerate(dict.fromkeys(["�", *letters]))}
    bare = Tokenizer(models.WordLevel(vocab, unk_token="�"))
    bare.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
    bare.decoder = decoders.Fuse()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bare, unk_token="�", eos_token=END, pad_token=PAD, additional_special_tokens=[START]
    )
    tokenizer.chat_template = template
    return tokenizer
