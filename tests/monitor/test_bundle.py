"""A bug report's archive tells what happened, and neither who, nor where, nor any secret."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from dispatcher.cli.telling import whole_run
from dispatcher.config import Settings
from dispatcher.monitor.bundle import bundle
from dispatcher.runs.record import Artifact, AttemptRecord, Delivery, Ended, Run, RunExtras
from dispatcher.runs.store import RunStore
from protocol.errors import UsageError
from protocol.integrity import sha256_of

Send = Callable[..., Run]

HOME = "/srv/people/mariella"
SECRETS = {
    "token": "hf_PlantedTokenPlanted123",
    "password": "correcthorsebattery",
    "bearer": "planted.bearer.value.0001",
    "mail": "mariella.planted@example.org",
    "encoded mail": "mariella.planted%40example.org",
    "home": HOME,
    "another's home": "/home/otherplanted",
    "Windows home": r"C:\\Users\\windowsplanted",
    "user": "mariella",
    "machine": "plantedhost",
    "key": "gpudrop-secret-worker:PlantedPlantedPlantedPlantedPlantedPlanted1",
    "pem": "PLANTEDPEMBODY",
    "address": "planteduser:plantedpass",
}
TEXT = (
    f"cannot open {HOME}/films/clip.mp4 on plantedhost as mariella (mariella.planted@example.org)\n"
    f"HF_TOKEN=hf_PlantedTokenPlanted123 password: correcthorsebattery\n"
    "Authorization: Bearer planted.bearer.value.0001\n"
    "https://planteduser:plantedpass@host.example/x?u=mariella.planted%40example.org\n"
    r"C:\Users\windowsplanted\x and C:\\Users\\windowsplanted and /home/otherplanted/y MARIELLA"
    "\ngpudrop-secret-worker:PlantedPlantedPlantedPlantedPlantedPlanted1\n"
    "-----BEGIN PRIVATE KEY-----\nPLANTEDPEMBODY\n-----END PRIVATE KEY-----\n"
)


@pytest.fixture
def mine(settings: Settings) -> Settings:
    """Return the settings of a user with a name, a home and a machine."""
    return settings.model_copy(update={"user": "mariella", "machine": "plantedhost", "home": Path(HOME)})


@pytest.fixture
def planted(store: RunStore, sent: Send, tmp_path: Path) -> Run:
    """Return a failed run that has all of it in every place where a text can be."""
    run = sent(TEXT)
    log, film = tmp_path / "try-1-plantedhost.log.txt", tmp_path / "film.mp4"
    log.write_text(TEXT * 3, encoding="utf-8")
    film.write_bytes(b"film of mariella")
    size, sha256 = sha256_of(film)
    files = [
        Artifact(role="input", name="source", path=str(film), size=size, sha256=sha256, media={"by": TEXT}),
        Artifact(role="log", name=log.name, path=str(log), size=1, sha256="0" * 64),
    ]
    tags = ["mariella", "hf_PlantedTokenPlanted123"]
    target = f"{HOME}/out/clip.mp4"
    store.attach(run.id, RunExtras(inputs=files[:1], tags=tags, deliveries=[Delivery(name="x", target=target)]))
    store.attach(run.id, RunExtras(steps={"then": [{"token": "plain-planted-value", "to": TEXT}]}))
    store.trace.keep_files(run.id, files)
    attempt = AttemptRecord(nonce="a" * 16, n=1, worker="plantedhost-1", status="failed", seen_at=1.0, error_text=TEXT)
    store.progress(run.id, at=1.0, note=TEXT, text=TEXT, worker="plantedhost-1")
    ended = Ended(outputs={"note": TEXT, "api_key": "plain-planted-value"}, attempts=[attempt])
    store.commit(run.id, "failed", at=2.0, error_code="ENGINE", error_text=TEXT, ended=ended)
    return store.get(run.id)


def made(settings: Settings, store: RunStore, run: Run, out: Path, *, files: bool = False) -> dict[str, bytes]:
    """Make an archive and return what is in it."""
    facts = [{"check": "drop", "said": TEXT}]
    names = bundle(settings, store, run, out, whole_run(store, run), files=files, facts=facts)
    with zipfile.ZipFile(out) as archive:
        assert archive.namelist() == names
        return {name: archive.read(name) for name in names}


@pytest.mark.parametrize("secret", SECRETS)
def test_nothing_that_was_planted_is_in_it(
    store: RunStore, planted: Run, mine: Settings, tmp_path: Path, secret: str
) -> None:
    """Whatever field, log or file name it was put into, and however it is written there."""
    inside = made(mine, store, planted, tmp_path / "bundle.zip")
    whole = b"\n".join([*map(str.encode, inside), *inside.values()]).decode("utf-8").casefold()
    for spelling in (SECRETS[secret], SECRETS[secret].replace("\\\\", "\\"), SECRETS[secret].replace("/", "\\/")):
        assert spelling.casefold() not in whole
    assert "plain-planted-value" not in whole
    assert "film of" not in whole


def test_what_helps_is_in_it(store: RunStore, planted: Run, mine: Settings, tmp_path: Path) -> None:
    """The run with its history and attempts, logs, request, versions and what doctor says are there, and readable."""
    inside = made(mine, store, planted, tmp_path / "bundle.zip")
    assert {"run.json", "request.json", "history.txt", "versions.json", "doctor.json"} < set(inside)
    assert any(name.startswith("logs/") for name in inside)
    assert any(name.startswith("drop/") for name in inside)
    assert b'"code": "ENGINE"' in inside["run.json"]
    assert b"cannot open ~/films/clip.mp4" in inside["history.txt"]
    assert b'"pydantic"' in inside["versions.json"]


def test_files_are_in_it_only_if_asked_for(store: RunStore, planted: Run, mine: Settings, tmp_path: Path) -> None:
    """The user's own media leave his machine when he says so."""
    assert not any(name.startswith("files/") for name in made(mine, store, planted, tmp_path / "a.zip"))
    inside = made(mine, store, planted, tmp_path / "b.zip", files=True)
    assert inside["files/input/source"] == b"film of mariella"


def test_an_archive_that_is_there_stays(store: RunStore, planted: Run, mine: Settings, tmp_path: Path) -> None:
    """Nothing is written over, and what is made only its user can read."""
    out = tmp_path / "bundle.zip"
    made(mine, store, planted, out)
    assert out.stat().st_mode & 0o077 == 0
    with pytest.raises(UsageError, match="is there already"):
        made(mine, store, planted, out)


def test_the_end_of_a_huge_log_that_cuts_a_key_shows_none_of_it(
    store: RunStore, planted: Run, mine: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the end of a long log goes in; where that begins within a private key, the rest of the key does not."""
    monkeypatch.setattr("dispatcher.monitor.bundle.LOG_BYTES", 60)
    log = next(it for it in store.trace.files(planted.id) if it.role == "log")
    key = "-----BEGIN PRIVATE KEY-----\nfirst\nSECONDHALF\n-----END PRIVATE KEY-----\n"
    Path(log.path).write_text(f"{'x' * 500}\n{key}the end\n")
    inside = made(mine, store, planted, tmp_path / "bundle.zip")
    text = next(data for name, data in inside.items() if name.startswith("logs/")).decode()
    assert "the end" in text
    assert "SECONDHALF" not in text
