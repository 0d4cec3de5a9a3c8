"""Where keys are kept, and every way in which the settings of a side can be wrong."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from protocol import keys
from protocol.errors import EnvironmentNotReady, UsageError
from protocol.keys import KeySettings, identity, key_file, write_file
from protocol.signing import ANONYMOUS, Key, new_key

OURS, THEIRS = new_key("dispatcher"), new_key("worker")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of keys as `gpudrop key new` leaves it."""
    made = tmp_path / "keys"
    for key in (OURS, THEIRS):
        write_file(key_file(made, key.role), key.spell_secret() + "\n")
    write_file(made / keys.TRUSTED, f"{OURS.public}\n{THEIRS.public}\n")
    return made


def told(keys_in: Path, **more: Any) -> KeySettings:
    """Return a dispatcher's settings."""
    return KeySettings(**{"role": "dispatcher", "prefix": "GPUDROP_", "folder": keys_in, "mode": "require", **more})


def test_the_folder_of_keys_is_enough(folder: Path) -> None:
    """With the keys where `key new` puts them, both sides need only say that they want signatures."""
    ours = identity(told(folder), "memory:x")
    theirs = identity(told(folder, role="worker", prefix="GPUDROP_WORKER_"), "memory:x")
    assert (ours.key, theirs.key) == (OURS, THEIRS)
    assert ours.trust == theirs.trust
    assert identity(told(folder, mode="off"), "memory:x") == ANONYMOUS


@pytest.mark.parametrize("spelt", ["inline", "file"])
def test_keys_may_be_named(folder: Path, tmp_path: Path, spelt: str) -> None:
    """A key and the trusted ones come from a setting itself or from a file that it names."""
    other = new_key("dispatcher")
    write_file(tmp_path / "mine.key", other.spell_secret())
    write_file(tmp_path / "trusted", str(THEIRS.public))
    named = {"inline": (other.spell_secret(), str(THEIRS.public))}.get(
        spelt, (str(tmp_path / "mine.key"), str(tmp_path / "trusted"))
    )
    found = identity(told(folder, key=named[0], trust=named[1]), "memory:x")
    assert found.key == other
    assert found.trust.dispatcher_keys == (other.public,)
    assert found.trust.worker_keys == (THEIRS.public,)


def test_a_key_signs_even_where_nothing_is_demanded(folder: Path) -> None:
    """Naming a key is enough to sign, so that the far side can demand it first."""
    found = identity(told(folder, mode="off", key=OURS.spell_secret()), "memory:x")
    assert (found.key, found.trust.mode) == (OURS, "off")


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no key at all": ({"folder": Path("/nowhere")}, "gpudrop key new"),
    "a file that is not there": ({"key": "/nowhere/x.key"}, "cannot be read"),
    "not a key": ({"key": "gpudrop-nonsense"}, "not a gpudrop key"),
    "the public half": ({"key": str(OURS.public)}, "public half"),
    "the other side's key": ({"key": THEIRS.spell_secret()}, "is a worker's key"),
    "nobody to trust": ({"trust": str(OURS.public)}, "no worker's key is trusted"),
    "a secret among the trusted": ({"trust": THEIRS.spell_secret()}, "only its public half"),
    "trusted keys that are none": ({"trust": "gpudrop-x"}, "not a gpudrop public key"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_cannot_be_says_the_hint_and_no_secret(folder: Path, what: str) -> None:
    """Each wrong setting is an environment that is not ready (exit 6); its message names the hint, never the key."""
    more, words = WRONG[what]
    with pytest.raises(EnvironmentNotReady, match=words) as error:
        identity(told(folder, **more), "memory:x")
    assert error.value.exit_code == 6
    for key in (OURS, THEIRS):
        assert key.spell_secret()[-43:] not in str(error.value)


def test_an_unknown_mode_is_named(folder: Path) -> None:
    """A mode that there is not is a usage error."""
    with pytest.raises(UsageError, match="GPUDROP_AUTH is 'strict'"):
        identity(told(folder, mode="strict"), "memory:x")


@pytest.mark.skipif(os.name != "posix", reason="modes are Unix's")
def test_a_key_that_others_may_read_is_refused(folder: Path) -> None:
    """A secret with loose permissions is no secret; files are made with tight ones."""
    path = key_file(folder, "dispatcher")
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o644)
    with pytest.raises(EnvironmentNotReady, match="chmod 600"):
        identity(told(folder), "memory:x")


@pytest.mark.parametrize("how", ["named", "card", "link"])
def test_a_key_inside_a_drop_is_refused(tmp_path: Path, how: str) -> None:
    """Everybody can read a drop: a key or the list of trusted keys in it, or linked into it, is not used."""
    drop = tmp_path / "drop"
    write_file(drop / "keys" / "d.key", OURS.spell_secret())
    if how != "named":
        (drop / "_drop.json").write_text("{}")
    (tmp_path / "link").symlink_to(drop / "keys")
    key = tmp_path / "link" / "d.key" if how == "link" else drop / "keys" / "d.key"
    with pytest.raises(EnvironmentNotReady, match="is in the drop"):
        identity(told(tmp_path / "none", key=str(key)), drop if how == "named" else "memory:x")


def test_a_key_file_is_never_written_over(folder: Path) -> None:
    """A second key under the same name would lock out whoever trusts the first."""
    with pytest.raises(FileExistsError):
        write_file(key_file(folder, "worker"), "x")


class _Ring:
    """A keyring that holds its passwords in memory."""

    class errors:  # noqa: N801 - as the library names it
        """The library's errors."""

        class KeyringError(Exception):
            """No keyring answers."""

    def __init__(self, *, broken: bool = False) -> None:
        self.held: dict[tuple[str, str], str] = {}
        self.broken = broken

    def get_password(self, service: str, name: str) -> str | None:
        """Return a password."""
        if self.broken:
            raise self.errors.KeyringError("locked")
        return self.held.get((service, name))

    def set_password(self, service: str, name: str, text: str) -> None:
        """Keep a password."""
        self.held[service, name] = text


def test_the_keyring_holds_a_key(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`keyring` names the system's keyring; a missing key, a locked ring and a missing library say what to do."""
    ring = _Ring()
    monkeypatch.setitem(keys.__dict__, "importlib", type("I", (), {"import_module": staticmethod(lambda name: ring)}))
    with pytest.raises(EnvironmentNotReady, match="key new --keyring"):
        identity(told(folder, key="keyring"), "memory:x")
    mine: Key = new_key("dispatcher")
    keys.to_keyring(mine)
    assert identity(told(folder, key="keyring"), "memory:x").key == mine
    ring.broken = True
    with pytest.raises(EnvironmentNotReady, match="does not answer: locked"):
        identity(told(folder, key="keyring"), "memory:x")

    def absent(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setitem(keys.__dict__, "importlib", type("I", (), {"import_module": staticmethod(absent)}))
    with pytest.raises(EnvironmentNotReady, match="pip install keyring"):
        identity(told(folder, key="keyring"), "memory:x")
