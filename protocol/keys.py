"""Where keys are stored (a file, the system's keyring, a setting), and a side's identity from its settings.

Both sides use this. What a key is and what its signature proves is in `protocol/signing.py`.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast, get_args

from protocol.errors import EnvironmentNotReady, UsageError
from protocol.layout import DROP_CARD
from protocol.signing import ANONYMOUS, Identity, Key, Mode, PublicKey, Role, read_key, read_trusted, trusting

KEYRING = "keyring"
"""The value of the key setting that means the system's keyring."""

TRUSTED = "trusted.keys"
_SERVICE = "gpudrop"
_LONGEST = 100_000


@dataclass(frozen=True, kw_only=True)
class KeySettings:
    """A side's settings for its identity. `prefix` begins the names of its settings, for messages."""

    role: Role
    prefix: str  # "GPUDROP_" or "GPUDROP_WORKER_"
    folder: Path  # where `gpudrop key new` puts keys
    mode: str = "off"
    key: str | None = None  # the key itself, a file, or "keyring"
    trust: str | None = None  # public keys, or a file of them


def key_file(folder: Path, role: Role) -> Path:
    """Return the path of a side's key in the folder of keys."""
    return folder / f"{role}.key"


def identity(settings: KeySettings, drop: str | Path) -> Identity:
    """Return a side's identity at `drop`.

    With the mode off it signs if a key is set, and trusts everyone. A key that is missing, wrong, readable by others or
    inside the drop, or an empty list of trusted keys, raises EnvironmentNotReady with the hint.
    """
    mode = _mode(settings)
    if mode == "off" and settings.key is None:
        return ANONYMOUS
    key = _own(settings, drop)
    trust = trusting(mode, _trusted(settings, drop), key)
    if mode == "require":
        _check_required(settings, key, trust.worker_keys if settings.role == "dispatcher" else trust.dispatcher_keys)
    return Identity(key=key, trust=trust)


def _mode(settings: KeySettings) -> Mode:
    for mode in get_args(Mode):
        if settings.mode == mode:
            return cast(Mode, mode)
    raise UsageError(f"{settings.prefix}AUTH is {settings.mode!r}; it can be {', '.join(get_args(Mode))}")


def _check_required(settings: KeySettings, key: Key | None, others: tuple[PublicKey, ...]) -> None:
    other = "worker" if settings.role == "dispatcher" else "dispatcher"
    if key is None:
        raise EnvironmentNotReady(
            f"{settings.prefix}AUTH is require, but this {settings.role} has no key. Run: gpudrop key new, "
            f"or name a key in {settings.prefix}KEY"
        )
    if not others:
        raise EnvironmentNotReady(
            f"{settings.prefix}AUTH is require, but no {other}'s key is trusted. Put its public key into "
            f"{settings.prefix}TRUST (gpudrop key show prints it)"
        )


def _own(settings: KeySettings, drop: str | Path) -> Key | None:
    """Return this side's key: the one in its settings, else the one in the folder of keys, else None."""
    name = f"{settings.prefix}KEY"
    if settings.key is None:
        path = key_file(settings.folder, settings.role)
        if not path.exists():
            return None
        return _of(settings.role, read_file(path, drop), str(path))
    if settings.key == KEYRING:
        return _of(settings.role, from_keyring(settings.role), f"{name}=keyring")
    if settings.key.strip().startswith("gpudrop-"):
        return _of(settings.role, settings.key, name)
    path = Path(settings.key).expanduser()
    return _of(settings.role, read_file(path, drop), f"{name}={path}")


def _of(role: Role, text: str, where: str) -> Key:
    with _named(where, f"Use the {role}'s key that gpudrop key new made"):
        key = read_key(text)
        if key.role != role:
            raise ValueError(f"is a {key.role}'s key, and this side is a {role}")
        return key


def _trusted(settings: KeySettings, drop: str | Path) -> tuple[PublicKey, ...]:
    """Return the public keys to trust: those in the setting or its file, else those that `key new` made."""
    name = f"{settings.prefix}TRUST"
    if settings.trust is None:
        path = settings.folder / TRUSTED
        return _keys(_read(path, drop), str(path)) if path.exists() else ()
    if "gpudrop-" in settings.trust:
        return _keys(settings.trust, name)
    path = Path(settings.trust).expanduser()
    return _keys(_read(path, drop), f"{name}={path}")


def _keys(text: str, where: str) -> tuple[PublicKey, ...]:
    with _named(where, "Use the public keys that gpudrop key show prints"):
        return read_trusted(text)


@contextlib.contextmanager
def _named(where: str, hint: str) -> Iterator[None]:
    """Turn what is wrong with a key into an error that says where the key is, and never what it is."""
    try:
        yield
    except ValueError as error:
        raise EnvironmentNotReady(f"{where} {error}. {hint}") from error


def read_file(path: Path, drop: str | Path | None = None) -> str:
    """Read the file of a secret key. If others can read it, or it is in a drop, EnvironmentNotReady is raised."""
    text = _read(path, drop)
    if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise EnvironmentNotReady(f"{path} can be read by other users of this machine. Run: chmod 600 {path}")
    return text


def _read(path: Path, drop: str | Path | None) -> str:
    if (inside := drop_around(path, drop)) is not None:
        raise EnvironmentNotReady(f"{path} is in the drop {inside}, where others can write. Move it elsewhere")
    try:
        with path.open("rb") as file:
            return file.read(_LONGEST).decode("ascii", "replace")
    except OSError as error:
        raise EnvironmentNotReady(f"{path} cannot be read: {error.strerror}. Run: gpudrop key new") from error


def drop_around(path: Path, drop: str | Path | None = None) -> Path | None:
    """Return the drop that contains `path`: `drop`, or any folder with a drop card; None if there is none."""
    real = Path(os.path.realpath(path))
    named = [] if drop is None or _is_address(drop) else [Path(os.path.realpath(str(drop).removeprefix("folder://")))]
    return next((p for p in real.parents if p in named or (p / DROP_CARD).exists()), None)


def _is_address(drop: str | Path) -> bool:
    return isinstance(drop, str) and ":" in drop[2:] and not drop.startswith("folder:")


def write_file(path: Path, text: str) -> None:
    """Create a file that only this user may read; an existing one is never overwritten (FileExistsError)."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), 0o600)
    with os.fdopen(fd, "w", encoding="ascii") as file:
        file.write(text)


def from_keyring(role: Role) -> str:
    """Return a side's key from the system's keyring; EnvironmentNotReady if there is no keyring or no key in it."""
    with _keyring() as ring:
        text = ring.get_password(_SERVICE, role)
    if text is None:
        raise EnvironmentNotReady(f"the keyring has no {role}'s key. Run: gpudrop key new --keyring")
    return str(text)


def to_keyring(key: Key) -> None:
    """Put a key into the system's keyring."""
    with _keyring() as ring:
        ring.set_password(_SERVICE, key.role, key.spell_secret())


@contextlib.contextmanager
def _keyring() -> Iterator[Any]:
    """Yield the system's keyring; the library is imported only when a keyring is used."""
    try:
        ring = importlib.import_module("keyring")
    except ImportError as error:
        raise EnvironmentNotReady("the library keyring is not installed. Run: pip install keyring") from error
    try:
        yield ring
    except ring.errors.KeyringError as error:
        raise EnvironmentNotReady(f"the system's keyring does not answer: {error}. Keep the key in a file") from error
