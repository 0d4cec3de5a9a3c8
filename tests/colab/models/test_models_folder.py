"""A model of several files: one folder for its library, links to files that the cache verified."""

from __future__ import annotations

import os

import pytest

from colab.models import ModelPlaces, Models
from protocol.errors import JobFailed
from tests.colab.models.conftest import file_of

CONTENTS = {"small/model.bin": b"weights", "small/config.json": b"{}", "other/config.json": b"{}", "alone": b"one"}


@pytest.fixture
def models(tmp_path, site):
    files = {}
    for name, content in CONTENTS.items():
        path = name.rpartition("/")[2]
        repository = f"some/{name.partition('/')[0]}"
        files[name] = file_of(content, name=name, file=path, repository=repository)
        site.files[f"/{repository}/resolve/abc/{path}"] = content
    hosts = {"github": site.address, "huggingface": site.address}
    return Models(ModelPlaces(folder=tmp_path / "models"), files=files, hosts=hosts)


def test_a_folder_has_every_file_under_its_own_name(models, site):
    """All files of the model and no others, fetched once, and the same folder the next time."""
    folder = models.folder("small")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        "model.bin": b"weights",
        "config.json": b"{}",
    }
    asked = len(site.asked)
    assert models.folder("small") == folder
    assert len(site.asked) == asked
    assert models.files("small") == ("small/model.bin", "small/config.json")
    assert models.files("alone") == ("alone",)


def test_models_share_a_file_that_is_the_same(models, site):
    """The same content under the same name is one file of the cache, fetched once."""
    assert models.path("small/config.json") == models.path("other/config.json")
    assert len(site.asked) == 1


def test_a_link_that_leads_elsewhere_is_put_right(models):
    """What lies in the folder in the place of a file is replaced."""
    folder = models.folder("small")
    (folder / "model.bin").unlink()
    (folder / "model.bin").write_bytes(b"something else")
    (folder / "config.json").unlink()
    assert (models.folder("small") / "model.bin").read_bytes() == b"weights"
    assert (folder / "config.json").read_bytes() == b"{}"


def test_a_file_that_went_bad_is_fetched_again(models):
    """The folder's links lead to what was verified now, not to what was there before."""
    folder = models.folder("small")
    models.path("small/model.bin").write_bytes(b"changed")
    assert (models.folder("small") / "model.bin").read_bytes() == b"weights"
    assert folder.is_dir()


@pytest.mark.parametrize("lacking", [("symlink",), ("symlink", "link")])
def test_a_disk_without_links_gets_copies(models, monkeypatch, lacking):
    """Where links cannot be made the folder has the files themselves."""

    def cannot(*_):
        raise OSError("not supported")

    for name in lacking:
        monkeypatch.setattr(os, name, cannot)
    assert (models.folder("small") / "model.bin").read_bytes() == b"weights"
    assert not (models.folder("small") / "model.bin").is_symlink()


def test_an_unknown_model_is_told(models):
    """A file is no model of several, and an unknown name is UNSUPPORTED."""
    for name in ("alone", "tiny"):
        with pytest.raises(JobFailed, match="there are: other, small") as failed:
            models.folder(name)
        assert failed.value.code == "UNSUPPORTED"
