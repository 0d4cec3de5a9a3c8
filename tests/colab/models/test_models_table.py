"""The table of known files: every entry can be fetched, told apart, and kept anywhere."""

from __future__ import annotations

import re

import pytest

from colab.models.known import FILES
from protocol.layout import check_portable_name, model_file


@pytest.mark.parametrize("file", FILES.values(), ids=list(FILES))
def test_every_entry_is_whole(file):
    """A digest, a size, a licence, and a name that every file system holds."""
    assert re.fullmatch(r"[0-9a-f]{64}", file.sha256)
    assert file.size > 0
    assert file.licence == "Apache-2.0"
    assert check_portable_name(file.file_name) == file.file_name
    assert re.fullmatch(r"model-files-v1\.[01]|[0-9a-f]{40}", file.revision), "a revision that does not move"


def test_no_two_entries_share_a_place():
    """Neither in the cache and the drop, nor where they come from."""
    files = FILES.values()
    assert len({model_file(file.sha256, file.file_name) for file in files}) == len(files)
    assert len({file.address() for file in files}) == len(files)


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
