"""The table of known files: every entry can be fetched, told apart, and kept anywhere."""

from __future__ import annotations

import re

import pytest

from colab.models.known import FILES, MODELS
from colab.models.table import find, members
from protocol.errors import JobFailed
from protocol.layout import check_portable_name, model_file

LICENCES = {"Apache-2.0", "BSD-3-Clause", "CC-BY-NC-4.0", "MIT"}
KINDS = {"tts", "transcribe", "upscale", "analyze", "enhance"}


@pytest.mark.parametrize("file", FILES.values(), ids=list(FILES))
def test_every_entry_is_whole(file):
    """A digest, a size, a licence, a name that every file system holds, and a revision that does not move."""
    assert re.fullmatch(r"[0-9a-f]{64}", file.sha256)
    assert file.size > 0
    assert file.licence in LICENCES
    assert check_portable_name(file.file_name) == file.file_name
    moves_not = {"github": r"(model-files-)?v\d+(\.\d+)+", "huggingface": r"[0-9a-f]{40}"}
    assert re.fullmatch(moves_not[file.host], file.revision)


def test_what_shares_a_place_is_the_same_file():
    """Two entries are one file in the cache and the drop only if they have one digest; each comes from elsewhere."""
    places: dict[str, set[tuple[str, int]]] = {}
    for file in FILES.values():
        places.setdefault(model_file(file.sha256, file.file_name), set()).add((file.sha256, file.size))
    assert [place for place, contents in places.items() if len(contents) > 1] == []
    assert len({file.address() for file in FILES.values()}) == len(FILES)


@pytest.mark.parametrize("model", MODELS.values(), ids=list(MODELS))
def test_every_model_is_whole(model):
    """Its files are in the table of files, it tells what it is for, and its files have different names."""
    assert model.kind in KINDS
    assert model.purpose
    assert model.files
    assert all(FILES[file.name] == file for file in model.files)
    assert len({file.file_name for file in model.files}) == len(model.files)
    assert not model.owned


@pytest.mark.parametrize("model", [model for model in MODELS.values() if model.name.startswith("whisper-")])
def test_a_whisper_has_what_its_library_opens(model):
    """CTranslate2's weights and configuration, the tokenizer, and the words; large ones their own filters too."""
    names = {file.name.removeprefix(f"{model.name}/") for file in model.files}
    assert {"model.bin", "config.json", "tokenizer.json"} <= names
    assert len(names & {"vocabulary.json", "vocabulary.txt"}) == 1
    assert ("preprocessor_config.json" in names) == ("large" in model.name)


def test_weights_that_may_not_be_sold_say_so():
    """Who lists or fetches F5-TTS is told of its licence."""
    assert MODELS["f5-tts-v1-base"].licence == "CC-BY-NC-4.0"
    assert "not for commercial use" in MODELS["f5-tts-v1-base"].notes


PROMISED = {
    *(f"whisper-{size}" for size in ("tiny", "base", "small", "medium", "large-v3", "large-v3-turbo")),
    *("realesrgan-x4plus", "realesrgan-x4plus-anime", "realesr-animevideov3", "realesr-general-x4v3"),
    *("clip-vit-base-patch32", "blip-image-captioning-base", "qwen2.5-1.5b-instruct"),
    *("f5-tts-v1-base", "vocos-mel-24khz"),
}


def test_the_names_that_handlers_ask_for_are_there():
    """What the other kinds' engines were promised."""
    assert set(MODELS) >= PROMISED


def test_an_unknown_model_names_those_like_it():
    """A slip of the keyboard is answered with what was meant."""
    with pytest.raises(JobFailed, match=r"did you mean .*whisper-small") as failed:
        members("whisper-smal", FILES)
    assert failed.value.code == "UNSUPPORTED"
    with pytest.raises(JobFailed, match="did you mean realesrgan-x4plus"):
        find("realesrgan-x4plu", FILES)
    with pytest.raises(JobFailed, match=rf"shows the {len(FILES)} that are"):
        find("0", FILES)


def test_addresses_are_put_together():
    """A release on GitHub, a commit on Hugging Face."""
    assert FILES["voices-v1.0.bin"].address() == (
        "https://github.com/thewh1teagle/kokoro-onnx/releases/download/model-files-v1.0/voices-v1.0.bin"
    )
    assert FILES["kokoro-82m/voices/af_heart.pt"].address() == (
        "https://huggingface.co/hexgrad/Kokoro-82M/resolve/f3ff3571791e39611d31c381e3a41a3af07b4987/voices/af_heart.pt"
    )


def test_a_name_in_the_drop_tells_its_digest():
    """The path changes with the content."""
    assert model_file("0123456789abcdef" + "f" * 48, "a.onnx") == "_models/0123456789abcdef/a.onnx"
