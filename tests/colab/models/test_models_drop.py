"""Model files in the drop: one worker downloads, the others copy, and nothing there is believed unseen."""

from __future__ import annotations

import logging
import shutil

import pytest

from protocol.errors import JobFailed
from protocol.layout import model_file
from tests.support.drops import make_drop


@pytest.fixture
def drop(tmp_path):
    return make_drop(tmp_path / "drop")


@pytest.fixture
def shelved(drop, file):
    """Where the drop has the file, or would."""
    path = drop / model_file(file.sha256, "voice.onnx")
    path.parent.mkdir(parents=True)
    return path


def test_what_was_downloaded_is_offered(make_models, drop, file, content):
    """The first worker's download lies in the drop, under its digest."""
    make_models(drop=str(drop)).path("voice.onnx")
    assert (drop / "_models" / file.sha256[:16] / "voice.onnx").read_bytes() == content


def test_a_file_in_the_drop_needs_no_network(make_models, site, drop, shelved, cached, content):
    """A worker that may not download copies it out of the drop."""
    shelved.write_bytes(content)
    models = make_models(drop=str(drop), offline=True)
    assert models.present("voice.onnx")
    assert models.path("voice.onnx") == cached
    assert cached.read_bytes() == content
    assert site.asked == []


@pytest.mark.parametrize("there", [b"half a file", b"x" * 3_000_000])
def test_a_wrong_file_in_the_drop_is_not_used(make_models, site, drop, shelved, cached, content, there, caplog):
    """One that is half-synced, or has other bytes, is left alone and said; the file is downloaded."""
    shelved.write_bytes(there)
    assert make_models(drop=str(drop)).path("voice.onnx").read_bytes() == content
    assert shelved.read_bytes() == there, "names in a drop are written once"
    assert len(site.asked) == 1
    assert "in the drop" in caplog.text
    assert sorted(path.name for path in cached.parent.iterdir()) == ["voice.onnx", "voice.onnx.lock"]


def test_a_wrong_file_in_the_drop_does_not_help_offline(make_models, drop, shelved, content):
    """Without a download there is nothing else: UNSUPPORTED."""
    shelved.write_bytes(b"x" * len(content))
    with pytest.raises(JobFailed) as failed:
        make_models(drop=str(drop), offline=True).path("voice.onnx")
    assert failed.value.code == "UNSUPPORTED"


def test_a_drop_that_is_gone_costs_nothing(make_models, drop, content, caplog):
    """A drop that cannot be opened is a line in the log, before and after the download."""
    shutil.rmtree(drop)
    assert make_models(drop=str(drop)).path("voice.onnx").read_bytes() == content
    said = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert [line.split(":")[0] for line in said] == [
        "voice.onnx is not looked for in the drop",
        "voice.onnx is not put into the drop",
    ]


def test_a_link_in_the_drop_leads_nowhere(make_models, site, drop, shelved, tmp_path, content):
    """A link in the place of the file is not followed, not even to good content."""
    (tmp_path / "good").write_bytes(content)
    shelved.symlink_to(tmp_path / "good")
    models = make_models(drop=str(drop))
    assert not models.present("voice.onnx")
    assert models.path("voice.onnx").read_bytes() == content
    assert len(site.asked) == 1
