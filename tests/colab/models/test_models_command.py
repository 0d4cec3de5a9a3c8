"""`gpudrop models`: what it prints, for people and for programs, and its exit codes."""

from __future__ import annotations

import functools
import json
import sys

import pytest

from colab.models import Model, ModelPlaces, Models, shop
from colab.models import __main__ as command
from colab.models import owner as owner_table
from tests.colab.models.conftest import file_of
from tests.colab.models.test_models_weights import BAD, GOOD
from tests.support.drops import make_drop

WEIGHTS, CONFIG = b"w" * 5000, b"{}"


@pytest.fixture(autouse=True)
def owner(tmp_path, monkeypatch):
    """A worker's owner with an empty cache and no table, and the network of this machine only."""
    monkeypatch.setenv("GPUDROP_WORKER_MODELS_DIR", str(tmp_path / "models"))
    monkeypatch.setenv("GPUDROP_WORKER_MODELS_FILE", str(tmp_path / "models.toml"))
    for name in ("GPUDROP_WORKER_OFFLINE", "HF_HUB_OFFLINE", "GPUDROP_WORKER_DROP"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def known(site, monkeypatch):
    """Two models that the server has: one of two files, one of a single file."""
    small = tuple(
        file_of(content, name=f"small/{path}", file=path, repository="some/small")
        for path, content in (("model.bin", WEIGHTS), ("config.json", CONFIG))
    )
    alone = file_of(b"one file", name="alone", file="alone.onnx", licence="CC-BY-NC-4.0")
    for file, content in zip((*small, alone), (WEIGHTS, CONFIG, b"one file"), strict=True):
        site.files[f"/{file.repository}/resolve/abc/{file.file}"] = content
    models = {
        "small": Model(name="small", kind="transcribe", purpose="hears", files=small),
        "alone": Model(name="alone", kind="upscale", purpose="draws", files=(alone,), notes="not for sale"),
    }
    files = {file.name: file for model in models.values() for file in model.files}
    made = functools.partial(Models, files=files, hosts={"github": site.address, "huggingface": site.address})
    monkeypatch.setattr(command, "Models", made)
    monkeypatch.setattr(shop, "Models", made)
    for module in (shop, owner_table):
        monkeypatch.setattr(module, "MODELS", models)
        monkeypatch.setattr(module, "FILES", files)
    return models


@pytest.fixture
def run(monkeypatch, capsys):
    """Return a runner of the command: exit code, stdout, stderr."""

    def ran(*arguments):
        monkeypatch.setattr(sys, "argv", ["gpudrop models", *(str(argument) for argument in arguments)])
        with pytest.raises(SystemExit) as end:
            command.main()
        said = capsys.readouterr()
        return int(end.value.code or 0), said.out, said.err

    return ran


def test_models_are_listed_before_and_after_they_are_fetched(run, known):
    """Name, kind, size, licence, where, and whether verified; a model that was fetched is here and verified."""
    code, out, _ = run("ls")
    assert code == 0
    assert out.splitlines()[1].split() == [
        "small",
        "transcribe",
        "5.0",
        "kB",
        "Apache-2.0",
        "not",
        "here",
        "-",
        "hears",
    ]
    assert run("pull", "small")[0] == 0
    code, out, _ = run("ls", "--json")
    listed = {row["name"]: row for row in json.loads(out)["models"]}
    assert (listed["small"]["where"], listed["small"]["verified"], listed["small"]["size"]) == ("here", True, 5002)
    assert (listed["alone"]["where"], listed["alone"]["licence"]) == ("not here", "CC-BY-NC-4.0")
    assert [row["name"] for row in json.loads(run("ls", "--kind", "upscale", "--json")[1])["models"]] == ["alone"]


def test_a_file_that_changed_is_not_called_verified(run, known, tmp_path):
    """`ls` believes what was verified only of the very file that was; one file of two is partly here."""
    run("pull", "small/model.bin")
    assert json.loads(run("ls", "small", "--json")[1])["models"][0]["where"] == "partly here"
    run("pull", "small")
    path = Models(ModelPlaces(folder=tmp_path / "models"), files={f.name: f for f in known["small"].files}).path(
        "small/model.bin"
    )
    path.write_bytes(b"v" * len(WEIGHTS))
    row = json.loads(run("ls", "small", "--json")[1])["models"][0]
    assert (row["where"], row["verified"]) == ("here", False)


def test_all_files_of_a_model_come_at_once_and_only_once(run, known, site):
    """`pull` fetches what is not here; a second time asks nobody, and a licence's note is told."""
    code, out, err = run("pull", "small", "alone")
    assert code == 0
    assert "small: verified, 2 files" in out
    assert "note: not for sale" in err
    assert len(site.asked) == 3
    assert run("pull", "--kind", "transcribe")[0] == 0
    assert len(site.asked) == 3


def test_a_pull_that_was_cut_goes_on(run, known, site, monkeypatch):
    """What had arrived is not asked for again."""
    monkeypatch.setattr("colab.models.download.WAITS_S", ())
    site.cuts = [2000]
    code, _, err = run("pull", "small/model.bin")
    assert (code, len(site.asked)) == (6, 1)
    assert "2000 bytes are kept" in err
    assert run("pull", "small/model.bin")[0] == 0
    assert site.header("range") == [None, "bytes=2000-"]


def test_the_drops_shelf_is_filled_and_read(run, known, site, tmp_path, monkeypatch):
    """With --drop a pulled model is there for other workers, and one whose cache is empty gets it from there."""
    drop = make_drop(tmp_path / "drop")
    run("pull", "small")
    code, out, _ = run("pull", "small", "--drop", drop, "--json")
    assert code == 0
    assert json.loads(out)["models"][0]["in_drop"] is True
    asked = len(site.asked)
    monkeypatch.setenv("GPUDROP_WORKER_MODELS_DIR", str(tmp_path / "elsewhere"))
    assert json.loads(run("ls", "small", "--drop", drop, "--json")[1])["models"][0]["where"] == "in the drop"
    assert run("pull", "small", "--drop", drop)[0] == 0
    assert len(site.asked) == asked


def test_nothing_to_verify_is_said(run, known, tmp_path):
    """On stderr, and it is no failure; programs read the same as ever."""
    assert run("verify") == (0, "", "no model files here: nothing to verify\n")
    drop = make_drop(tmp_path)
    assert run("verify", "--drop", drop) == (0, "", "no model files on the shelf of the drop: nothing to verify\n")
    code, out, err = run("verify", "--json")
    assert (code, err) == (0, "")
    assert set(json.loads(out)["files"].values()) == {"not here"}


def test_verify_reads_everything_through(run, known, tmp_path):
    """A changed file is told, set aside, and exit code 4; one that is not here is 3 only if it was named."""
    run("pull", "small")
    assert run("verify") == (0, "ok        small/model.bin\nok        small/config.json\n", "")
    next((tmp_path / "models").glob("*/model.bin")).write_bytes(b"v" * len(WEIGHTS))
    code, out, err = run("verify", "small")
    assert code == 4
    assert "wrong     small/model.bin" in out
    assert "gpudrop models pull" in err
    assert run("verify", "alone")[0] == 3
    assert json.loads(run("verify", "--json")[1])["files"]["alone"] == "not here"


def test_the_shelf_is_verified_too(run, known, tmp_path):
    """A file of the drop that is not what it should be is told, and stays: names in a drop are written once."""
    drop = make_drop(tmp_path / "drop")
    run("pull", "small", "--drop", drop)
    assert run("verify", "--drop", drop)[:2] == (0, "ok        small/model.bin\nok        small/config.json\n")
    [path] = drop.glob("_models/*/model.bin")
    path.write_bytes(b"v" * len(WEIGHTS))
    code, out, err = run("verify", "small", "--drop", drop)
    assert code == 4
    assert "wrong     small/model.bin" in out
    assert "delete it from the drop" in err
    assert path.read_bytes() == b"v" * len(WEIGHTS)
    assert list((tmp_path / "models").rglob("*.copy")) == []


def test_path_tells_where_and_fetches_nothing(run, known, site):
    """A folder for a model of several files, a file for one of one; not here is exit code 3."""
    assert run("path", "small")[0] == 3
    assert site.asked == []
    run("pull", "small", "alone")
    folder = run("path", "small")[1].strip()
    assert folder.endswith(json.loads(run("path", "small", "--json")[1])["folder"].rpartition("/")[2])
    assert run("path", "alone")[1].strip().endswith("alone.onnx")


def test_a_model_is_added_listed_and_removed(run, known, tmp_path):
    """The owner's own one is marked in the list, and gone after `rm`."""
    (tmp_path / "stamps.pth").write_bytes(GOOD["zip.pth"])
    code, out, _ = run("add", "stamps", "--kind", "upscale", "--file", tmp_path / "stamps.pth", "--json")
    assert code == 0
    assert json.loads(out)["files"][0]["size"] == len(GOOD["zip.pth"])
    assert "stamps (yours)" in run("ls")[1]
    assert json.loads(run("rm", "stamps", "--json")[1])["forgotten"] is True
    assert "stamps" not in run("ls")[1]


def test_a_model_that_goes_leaves_what_others_need(run, known, tmp_path):
    """`rm` of a known model deletes its files and links, and it can be fetched again."""
    run("pull", "small")
    run("path", "small")
    assert "5.0 kB freed" in run("rm", "small")[1]
    assert [path for path in (tmp_path / "models").rglob("*") if path.name in ("model.bin", "config.json")] == []
    assert run("pull", "small")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("pull", "smal"), 3, "did you mean small"),
        (("pull", "small/modl.bin"), 3, "did you mean small/model.bin"),
        (("pull",), 2, "name the models to fetch"),
        (("ls", "small/model.bin"), 2, "ls lists models"),
        (("add", "x", "--kind", "mining", "--file", "x"), 2, "there is no kind 'mining'"),
        (("add", "small", "--kind", "upscale", "--file", "x"), 2, "never replaced"),
        (("add", "x", "--kind", "upscale", "--file", "x"), 3, "is not a file"),
        (("add", "x", "--kind", "tts", "--file", "x"), 2, "there are: transcribe, upscale, enhance"),
        (("add", "x", "--kind", "analyze", "--file", "x"), 2, "there are: transcribe, upscale, enhance"),
        (("add", "turbo", "--kind", "transcribe", "--file", "x"), 2, "choose another name"),
        (("add", "lanczos", "--kind", "upscale", "--file", "x"), 2, "choose another name"),
        (("rm", "smal"), 3, "did you mean small"),
        (("pull", "small", "--drop", "/nowhere/at/all"), 6, "/nowhere/at/all"),
        (("frobnicate",), 2, "no such command"),
    ],
)
def test_a_mistake_is_a_line_and_a_code(run, known, arguments, code, said):
    """No traceback, and what to do."""
    got, _, err = run(*arguments)
    assert (got, said in err) == (code, True), err
    assert "Traceback" not in err


def test_what_is_wrong_with_a_download_has_its_code(run, known, site, tmp_path, monkeypatch):
    """Other bytes are 4, no network 6, no room 6, a pickle with code 4, a broken table 5."""
    site.files["/some/model/resolve/abc/alone.onnx"] = b"0ne file"
    code, _, err = run("pull", "alone")
    assert (code, "expected 8 bytes with sha256" in err) == (4, True)
    monkeypatch.setenv("GPUDROP_WORKER_OFFLINE", "1")
    code, _, err = run("pull", "small", "--json")
    assert (code, json.loads(err)["exit_code"]) == (6, 6)
    monkeypatch.delenv("GPUDROP_WORKER_OFFLINE")
    monkeypatch.setattr("colab.models.download.KEPT_FREE", 1 << 60)
    assert run("pull", "small")[0] == 6
    (tmp_path / "evil.pth").write_bytes(BAD["zip.pth"][0])
    assert run("add", "evil", "--kind", "upscale", "--file", tmp_path / "evil.pth")[0] == 4
    (tmp_path / "models.toml").write_text("[")
    assert run("ls")[0] == 5


def test_a_first_byte_that_comes_late_tells_no_time(known, monkeypatch, capsys):
    """Of one moment no pace follows: after a long wait for the server the first line says how much is there."""
    clock = iter([0.0, 12.0, 23.0])
    monkeypatch.setattr("colab.models.showing.time.monotonic", lambda: next(clock))
    from colab.models.showing import _Lines

    lines = _Lines(10_000_000)
    file = known["alone"].files[0]
    for done in (1_000_000, 3_200_000):
        lines.arrived(file, done)
    assert capsys.readouterr().err == "alone: 1.0 MB of 10.0 MB\nalone: 3.2 MB of 10.0 MB, 34 s left\n"


def test_far_from_a_terminal_progress_is_lines_with_the_time_left(known, monkeypatch, capsys):
    """Every few seconds: how much, of how much, and how long it will take."""
    clock = iter([0.0, 1.0, 11.0, 12.0])
    monkeypatch.setattr("colab.models.showing.time.monotonic", lambda: next(clock))
    from colab.models.showing import _Lines

    lines = _Lines(10_000_000)
    file = known["alone"].files[0]
    for done in (1_000_000, 2_000_000, 3_000_000):
        lines.arrived(file, done)
    assert capsys.readouterr().err == "alone: 2.0 MB of 10.0 MB, 80 s left\n"
