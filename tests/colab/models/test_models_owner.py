"""The owner's own table: what it may hold, who reads it, and that nothing in it replaces what is known."""

from __future__ import annotations

import dataclasses
import errno
import hashlib
import logging
import threading
from pathlib import Path

import pytest

from colab.config import ModelSettings, WorkerSettings
from colab.models import Model, ModelPlaces, Models, UnsafeWeights
from colab.models.known import FILES
from colab.models.owner import LIMIT, check_name, model_of, read, write
from colab.models.shop import add, remove
from protocol.errors import JobFailed, NotFoundError, SpecError, UsageError
from tests.colab.models.test_models_weights import BAD, GOOD
from tests.support.drops import make_drop

TOLD = {"kind": "upscale", "licence": "MIT", "purpose": "for stamps"}


@pytest.fixture
def table(tmp_path):
    return tmp_path / "config" / "models.toml"


@pytest.fixture
def places(tmp_path):
    return ModelPlaces(folder=tmp_path / "models", offline=True)


@pytest.fixture
def weights(tmp_path):
    path = tmp_path / "4x-Stamps.pth"
    path.write_bytes(GOOD["zip.pth"])
    return path


def with_table(places, table, **more):
    return Models(
        ModelPlaces(**{"folder": places.folder, "offline": True, "owned": tuple(read(table).values())} | more)
    )


def test_a_model_that_was_added_is_used_like_any_other(places, table, weights):
    """Its file is in the cache under the owner's name, with digest and size in the table, until it is removed."""
    add(places, table, "stamps", [weights], TOLD)
    weights.unlink()
    models = with_table(places, table)
    assert models.path("stamps").read_bytes() == GOOD["zip.pth"]
    assert models.owned("upscale") == ("stamps",)
    assert models.owned("tts") == ()
    assert read(table)["stamps"].purpose == "for stamps"
    assert remove(ModelPlaces(folder=places.folder, owned=tuple(read(table).values())), table, "stamps") == (
        len(GOOD["zip.pth"]),
        True,
    )
    assert read(table) == {}
    with pytest.raises(JobFailed, match="no model file 'stamps'"):
        with_table(places, table).path("stamps")


def test_a_model_of_several_files_is_a_folder(places, table, tmp_path):
    """Each file stands under the model's name, and `folder` has them all."""
    for name in ("tensors.safetensors", "config.json"):
        (tmp_path / name).write_bytes(GOOD[name])
    add(places, table, "mine", [tmp_path / "tensors.safetensors", tmp_path / "config.json"], TOLD | {"kind": "enhance"})
    folder = with_table(places, table).folder("mine")
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "tensors.safetensors"]


def test_a_whisper_that_lacks_a_file_is_not_added(places, table, tmp_path):
    """The library would ask a hub for what is not there; what is to be given is told."""
    given = {"model.bin": bytes.fromhex("06000000") + b"weights", "config.json": b"{}", "vocabulary.txt": b"a"}
    for name, data in given.items():
        (tmp_path / name).write_bytes(data)
    with pytest.raises(UsageError, match=r"has a tokenizer\.json too"):
        add(places, table, "german", [tmp_path / name for name in given], TOLD | {"kind": "transcribe"})
    assert not table.exists()
    (tmp_path / "tokenizer.json").write_bytes(b"{}")
    files = [tmp_path / name for name in (*given, "tokenizer.json")]
    add(places, table, "german", files, TOLD | {"kind": "transcribe"})
    assert with_table(places, table).owned("transcribe") == ("german",)


@pytest.mark.parametrize("kind", ["tts", "analyze"])
def test_kinds_that_load_no_model_of_ones_own_are_not_offered(places, table, weights, kind, caplog):
    """An entry of old is said to be of no use, and can still be removed."""
    with pytest.raises(UsageError, match="transcribe, upscale, enhance"):
        add(places, table, "stamps", [weights], TOLD | {"kind": kind})
    add(places, table, "stamps", [weights], TOLD)
    table.write_text(table.read_text().replace('"upscale"', f'"{kind}"'))
    with caplog.at_level(logging.WARNING):
        assert list(read(table)) == ["stamps"]
    assert f"nothing loads stamps, a model for {kind}" in caplog.text
    remove(ModelPlaces(folder=places.folder, owned=tuple(read(table).values())), table, "stamps")
    assert read(table) == {}


def test_what_could_run_code_is_not_added(places, table, tmp_path):
    """A pickle with code leaves neither an entry nor a file behind."""
    evil = tmp_path / "evil.pth"
    evil.write_bytes(BAD["zip.pth"][0])
    with pytest.raises(UnsafeWeights, match="system"):
        add(places, table, "evil", [evil], TOLD)
    assert not table.exists()
    assert not places.folder.exists()


def test_an_entry_written_by_hand_is_looked_into_before_it_is_loaded(places, table):
    """Who edits the table and the cache by hand does not get a pickle with code either."""
    model = model_of("evil", "upscale", "MIT", "", [("evil.pth", len(BAD["zip.pth"][0]), _sha256(BAD["zip.pth"][0]))])
    write(table, {"evil": model})
    models = with_table(places, table)
    path = places.folder / model.files[0].sha256[:16] / "evil.pth"
    path.parent.mkdir(parents=True)
    path.write_bytes(BAD["zip.pth"][0])
    for _ in range(2):
        with pytest.raises(UnsafeWeights, match="system"):
            models.path("evil")


def _sha256(data):
    return hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize(
    "name", ["realesrgan-x4plus", "kokoro-82m", "kokoro-v1.0.onnx", "whisper-small", "kokoro-onnx"]
)
def test_a_known_name_is_never_replaced(places, table, weights, name):
    """Neither by `add` nor by an entry written by hand."""
    with pytest.raises(UsageError, match="a known one is never replaced"):
        add(places, table, name, [weights], TOLD)
    table.parent.mkdir()
    table.write_text(f'["{name}"]\nkind = "upscale"\nfiles = [{{file = "a.pth", size = 1, sha256 = "{"0" * 64}"}}]\n')
    with pytest.raises(SpecError, match="never replaced"):
        read(table)


def test_what_is_known_decides_even_if_a_table_slipped_through(tmp_path, weights):
    """Whoever makes the places by hand cannot replace a known file either."""
    [file] = model_of("stamps", "upscale", "MIT", "", [("a.pth", 1, "0" * 64)]).files
    false = Model(name="x", kind="upscale", purpose="", files=(dataclasses.replace(file, name="realesrgan-x4plus"),))
    models = Models(ModelPlaces(folder=tmp_path, owned=(false,)))
    assert models.sha256("realesrgan-x4plus") == FILES["realesrgan-x4plus"].sha256


def test_two_that_add_at_once_are_both_remembered(places, table, weights):
    """The table is changed by one at a time."""
    threads = [
        threading.Thread(target=add, args=(places, table, name, [weights], TOLD)) for name in ("one", "two", "three")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(read(table)) == ["one", "three", "two"]


def test_a_full_disk_keeps_nothing_half(places, table, weights, monkeypatch):
    """No entry, no part of a file, and STORAGE with the hint."""

    def full(_source, target):
        Path(target).write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("colab.models.cache.shutil.copyfile", full)
    with pytest.raises(JobFailed, match="no room left") as failed:
        add(places, table, "stamps", [weights], TOLD)
    assert failed.value.code == "STORAGE"
    assert not table.exists()
    assert [path for path in places.folder.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("name", ["", "../up", "a/b", "A", "con", "x" * 65, "a b", ".hidden", "a.", "ä"])
def test_a_name_is_plain(name):
    """What cannot be a name everywhere is refused with what may be one."""
    with pytest.raises(UsageError, match="a model cannot be called"):
        check_name(name)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[a", "Expected"),
        ("a = 1", "valid dictionary"),
        ('[a]\nkind = "upscale"\nfiles = []', "at least 1"),
        ('[a]\nkind = "mining"\nfiles = [{file = "a", size = 1, sha256 = "%s"}]' % ("0" * 64), "kind"),
        ('[a]\nkind = "upscale"\nfiles = [{file = "../a", size = 1, sha256 = "%s"}]' % ("0" * 64), "file name"),
        ('[a]\nkind = "upscale"\nfiles = [{file = "a", size = 0, sha256 = "%s"}]' % ("0" * 64), "greater than 0"),
        ('[a]\nkind = "upscale"\nfiles = [{file = "a", size = 1, sha256 = "0"}]', "pattern"),
        (
            '[a]\nkind = "upscale"\nurl = "http://x"\nfiles = [{file = "a", size = 1, sha256 = "%s"}]' % ("0" * 64),
            "url",
        ),
        ("# " + "x" * LIMIT, "longer than"),
        ("\xff", "invalid start byte"),
    ],
)
def test_a_table_that_is_wrong_says_where(table, text, why):
    """SpecError with a line for each problem; a worker does not start with half a table."""
    table.parent.mkdir()
    table.write_bytes(text.encode("latin-1"))
    with pytest.raises(SpecError, match=why):
        read(table)


def test_the_worker_reads_its_owners_table(table, tmp_path, monkeypatch, places, weights):
    """`GPUDROP_WORKER_MODELS_FILE` names it; without one there is none."""
    monkeypatch.setenv("GPUDROP_WORKER_MODELS_FILE", str(table))
    assert WorkerSettings(drop=str(tmp_path)).model_places().owned == ()
    add(places, table, "stamps", [weights], TOLD)
    assert [model.name for model in WorkerSettings(drop=str(tmp_path)).model_places().owned] == ["stamps"]
    assert ModelSettings().places(None).drop is None


def test_an_added_model_reaches_another_machine_through_the_drop(places, table, weights, tmp_path):
    """Its file is taken from the shelf where the same owner's table is; the table itself never comes from a drop."""
    drop = str(make_drop(tmp_path / "drop"))
    add(places, table, "stamps", [weights], TOLD)
    assert with_table(places, table, drop=drop).offer("stamps")
    elsewhere = with_table(places, table, drop=drop, folder=tmp_path / "elsewhere")
    assert elsewhere.shelved(["stamps"]) == {"stamps"}
    assert elsewhere.path("stamps").read_bytes() == GOOD["zip.pth"]


def test_an_added_file_that_is_gone_says_how_to_bring_it_back(places, table, weights, caplog):
    """It cannot be downloaded: the error says where to put it."""
    add(places, table, "stamps", [weights], TOLD)
    models = with_table(places, table, offline=False)
    models.path("stamps").unlink()
    with caplog.at_level(logging.WARNING), pytest.raises(JobFailed, match="added, is not here any more") as failed:
        models.path("stamps")
    assert failed.value.code == "UNSUPPORTED"


def test_adding_twice_or_nothing_is_refused(places, table, weights, tmp_path):
    """The second of a name, two files of one name, and a file that is not there."""
    add(places, table, "stamps", [weights], TOLD)
    with pytest.raises(UsageError, match="is there already"):
        add(places, table, "stamps", [weights], TOLD)
    with pytest.raises(UsageError, match="same name"):
        add(places, table, "twice", [weights, weights], TOLD)
    with pytest.raises(NotFoundError, match="is not a file"):
        add(places, table, "nothing", [tmp_path / "absent.pth"], TOLD)
    with pytest.raises(UsageError, match="licence"):
        add(places, table, "lines", [weights], TOLD | {"licence": "a\nb"})
    assert list(read(table)) == ["stamps"]
