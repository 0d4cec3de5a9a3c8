"""`gpudrop key`: what it makes, what it shows, and where it refuses to write."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dispatcher.cli import app
from dispatcher.config import Settings
from protocol.errors import NotFoundError, UsageError
from protocol.signing import read_key, read_trusted


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return where keys go when nothing else is said."""
    monkeypatch.setenv("GPUDROP_CONFIG_DIR", str(tmp_path / "config"))
    return tmp_path / "config" / "keys"


def gpudrop(*words: str) -> str:
    """Run a command of `gpudrop key` and return what it printed; its error is raised."""
    return CliRunner().invoke(app, ["key", *words], catch_exceptions=False).stdout


def test_new_makes_both_keys_and_says_what_to_do(place: Path) -> None:
    """One command makes what `auth: require` needs; it prints public halves only, files are for this user only."""
    told = gpudrop("new")
    secrets = [read_key((place / f"{role}.key").read_text()) for role in ("dispatcher", "worker")]
    assert [key.role for key in secrets] == ["dispatcher", "worker"]
    assert read_trusted((place / "trusted.keys").read_text()) == tuple(key.public for key in secrets)
    assert all(str(key.public) in told and key.spell_secret() not in told for key in secrets)
    assert all(name in told for name in ("GPUDROP_AUTH", "GPUDROP_WORKER_KEY", "GPUDROP_WORKER_TRUST"))
    assert {path.stat().st_mode & 0o777 for path in place.iterdir()} == {0o600}
    assert Settings(auth="require").identity("memory:x").key == secrets[0]


def test_show_prints_public_halves_and_one_secret_on_request(place: Path) -> None:
    """What is pasted elsewhere is printed when asked for by name, and nothing more."""
    made = json.loads(gpudrop("new", "--json"))
    assert json.loads(gpudrop("show", "--json")) == made
    key = read_key(gpudrop("show", "--secret", "worker"))
    assert str(key.public) == made["worker"]["public"]
    assert key.spell_secret() not in gpudrop("show")
    with pytest.raises(UsageError, match="the roles are: dispatcher, worker"):
        gpudrop("show", "--secret", "nobody")


def test_keys_are_never_replaced(place: Path) -> None:
    """A second `new` leaves the first keys as they are."""
    gpudrop("new")
    before = [path.read_bytes() for path in sorted(place.iterdir())]
    with pytest.raises(UsageError, match="already exists"):
        gpudrop("new")
    assert [path.read_bytes() for path in sorted(place.iterdir())] == before


@pytest.mark.parametrize("known_by", ["card", "setting"])
def test_no_key_is_written_into_a_drop(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, known_by: str
) -> None:
    """A folder inside a drop is refused, whether the drop has its card already or is only named in the settings."""
    drop = tmp_path / "drop"
    drop.mkdir()
    if known_by == "card":
        (drop / "_drop.json").write_text("{}")
    else:
        monkeypatch.setenv("GPUDROP_DROP", str(drop))
    with pytest.raises(UsageError, match="is inside the drop"):
        gpudrop("new", "--folder", str(drop / "sub" / "keys"))
    assert not (drop / "sub").exists()


def test_show_without_keys_says_how_to_make_them(place: Path) -> None:
    """Nothing there is exit 3 with the hint."""
    for words in (["show"], ["show", "--secret", "worker"]):
        with pytest.raises(NotFoundError, match="gpudrop key new"):
            gpudrop(*words)
