"""The cache on this machine: what is torn, what has changed, and several processes at one file."""

from __future__ import annotations

import logging
import multiprocessing
import threading
import time
from pathlib import Path

import pytest

from colab.models import ModelFile, ModelPlaces, Models
from colab.models import cache as caching
from colab.work import StopWork
from protocol.errors import JobFailed

SPAWN = multiprocessing.get_context("spawn")


def fetch(folder: Path, file: ModelFile, address: str, waits) -> None:
    """Be another process that wants the file; `waits` is set when it has to wait for a third."""
    hosts = {"github": address, "huggingface": address}

    def tell(text: str) -> None:
        if text == f"another process is fetching {file.name}":
            waits.set()

    Models(ModelPlaces(folder=folder), files={file.name: file}, hosts=hosts, tell=tell).path(file.name)


def start_fetching(*args):
    """Start such a process; return it and what it sets when it waits."""
    waits = SPAWN.Event()
    process = SPAWN.Process(target=fetch, args=(*args, waits))
    process.start()
    return process, waits


def wait_for(what) -> None:
    deadline = time.monotonic() + 60
    while not what():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


@pytest.fixture
def hashed(monkeypatch) -> list[Path]:
    """Every file that was read to be verified."""
    read = []
    real = caching.sha256_of
    monkeypatch.setattr(caching, "sha256_of", lambda path: read.append(path) or real(path))
    return read


def test_a_good_file_is_used_without_a_network(make_models, site, cached, content, hashed):
    """A file that was put there by hand is verified once in a process and used; nobody is asked."""
    cached.parent.mkdir(parents=True)
    cached.write_bytes(content)
    models = make_models(offline=True)
    assert models.present("voice.onnx")
    assert [models.path("voice.onnx"), models.telling(print).path("voice.onnx")] == [cached, cached]
    assert hashed == [cached]
    assert site.asked == []


def test_a_file_that_changed_is_verified_again(make_models, cached, content, hashed):
    """The memory is of this very file: one that is written to later is read again, and found out."""
    models = make_models()
    models.path("voice.onnx")
    with cached.open("r+b") as spoiler:
        spoiler.write(b"spoilt")
    assert models.path("voice.onnx").read_bytes() == content
    assert cached.with_name("voice.onnx.bad").read_bytes().startswith(b"spoilt")


@pytest.mark.parametrize("torn", [b"", b"half", b"x" * 3_000_000])
def test_a_torn_file_is_set_aside_and_fetched_again(make_models, cached, file, content, torn, caplog):
    """An empty, short or wrong file in the cache is never given out; it is renamed, and the log says both digests."""
    cached.parent.mkdir(parents=True)
    cached.write_bytes(torn)
    assert make_models().path("voice.onnx").read_bytes() == content
    assert cached.with_name("voice.onnx.bad").read_bytes() == torn
    said = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(said) == 1
    assert all(part in said[0] for part in ("voice.onnx.bad", file.sha256, f"found {len(torn)} bytes with sha256 "))


def test_present_looks_at_the_size(make_models, cached):
    """A file of another size is not present."""
    assert not make_models().present("voice.onnx")
    cached.parent.mkdir(parents=True)
    cached.write_bytes(b"half")
    assert not make_models().present("voice.onnx")


def test_an_unknown_name_lists_what_there_is(make_models):
    """A name that is not in the table is UNSUPPORTED."""
    with pytest.raises(JobFailed, match=r"'other.onnx' is known; there are: voice.onnx") as failed:
        make_models().path("other.onnx")
    assert failed.value.code == "UNSUPPORTED"


def test_a_cache_that_cannot_be_written_says_so(make_models, tmp_path):
    """A folder that cannot be made is STORAGE, with the setting that helps."""
    (tmp_path / "models").write_text("a file in the way")
    with pytest.raises(JobFailed, match="GPUDROP_WORKER_MODELS_DIR") as failed:
        make_models().path("voice.onnx")
    assert failed.value.code == "STORAGE"


def test_two_processes_at_once_download_it_once(tmp_path, site, file, cached, content):
    """The second waits for the first and then finds the file; both end well."""
    site.hold = threading.Event()
    first, _ = start_fetching(tmp_path / "models", file, site.address)
    wait_for(lambda: site.asked)
    second, waits = start_fetching(tmp_path / "models", file, site.address)
    assert waits.wait(150)
    site.hold.set()
    first.join(150)
    second.join(150)
    assert (first.exitcode, second.exitcode) == (0, 0)
    assert cached.read_bytes() == content
    assert len(site.asked) == 1


def test_who_waits_is_told_for_what(make_models, site, content):
    """While another fetches the file, the one that waits hears of it, and may leave."""
    site.hold = threading.Event()
    fetching = threading.Thread(target=make_models().path, args=("voice.onnx",))
    fetching.start()
    wait_for(lambda: site.asked)

    told = []

    def leave(text: str) -> None:
        told.append(text)
        raise StopWork

    with pytest.raises(StopWork):
        make_models(leave).path("voice.onnx")
    assert told == ["another process is fetching voice.onnx"]
    site.hold.set()
    fetching.join(30)
    assert make_models().path("voice.onnx").read_bytes() == content


def test_a_killed_process_leaves_its_half_to_the_next(make_models, tmp_path, site, file, cached, content):
    """A process that dies in the middle holds no lock, and what it had is not fetched again."""
    site.hold = threading.Event()
    killed, _ = start_fetching(tmp_path / "models", file, site.address)
    part = cached.with_name("voice.onnx.part")
    wait_for(lambda: part.exists() and part.stat().st_size > 1_000_000)
    killed.kill()
    killed.join(30)
    had = part.stat().st_size
    assert had < len(content)
    site.hold.set()
    assert make_models().path("voice.onnx").read_bytes() == content
    assert site.header("range")[-1] == f"bytes={had}-"
