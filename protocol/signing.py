"""Signatures: which key signed a message, what that key may sign, and which keys a reader trusts (FORMAT.md, Security).

Pure: keys come in as text and nothing is read or written here; `protocol/keys.py` knows where keys are stored.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

Role = Literal["dispatcher", "worker"]
Mode = Literal["off", "warn", "require"]

MAY_SIGN: dict[Role, frozenset[str]] = {
    "dispatcher": frozenset({"request", "cancel", "need", "reject", "accepted", "drain"}),
    "worker": frozenset({"claim", "part", "done", "error", "beat", "hello", "drain"}),
}
"""What each side may sign. `_drop.json` is never signed: it only holds the drop's id, which every message repeats."""

_KEY = re.compile(rf"gpudrop-(?P<part>secret|public)-(?P<role>{'|'.join(get_args(Role))}):(?P<raw>[A-Za-z0-9_-]{{43}})")


@dataclass(frozen=True)
class PublicKey:
    """The public half of a key. Its text is `gpudrop-public-<role>:<32 bytes, base64url>`."""

    role: Role
    raw: bytes

    @property
    def id(self) -> str:
        """Return the id by which a signature names its key: the first 16 hex digits of the sha256 of its bytes."""
        return hashlib.sha256(self.raw).hexdigest()[:16]

    def __str__(self) -> str:
        return f"gpudrop-public-{self.role}:{_spelt(self.raw)}"


@dataclass(frozen=True)
class Key:
    """A key that signs for one side. Its secret half is in no `repr` and no `str`."""

    role: Role
    secret: bytes = field(repr=False)

    @property
    def public(self) -> PublicKey:
        """Return the public half."""
        return PublicKey(self.role, self._private().public_key().public_bytes_raw())

    def spell_secret(self) -> str:
        """Return the whole key as text, only for where it is stored."""
        return f"gpudrop-secret-{self.role}:{_spelt(self.secret)}"

    def sign(self, type: str, body: bytes) -> dict[str, str]:  # noqa: A002 - the format's word
        """Return the `sig` of a message of canonical form `body`. ValueError for a type that is not this role's."""
        if type not in MAY_SIGN[self.role]:
            raise ValueError(f"a {self.role}'s key does not sign {type!r}")
        return {"key": self.public.id, "by": _spelt(self._private().sign(body))}

    def _private(self) -> Ed25519PrivateKey:
        # Imported only where signatures are used: it takes 40 ms.
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return Ed25519PrivateKey.from_private_bytes(self.secret)


@dataclass(frozen=True, kw_only=True)
class Trust:
    """Which keys a reader trusts, and what it does about other messages: accept them, warn, or ignore them."""

    mode: Mode = "off"
    dispatcher_keys: tuple[PublicKey, ...] = ()
    worker_keys: tuple[PublicKey, ...] = ()

    def doubt(self, type: str, body: bytes, sig: object) -> str | None:  # noqa: A002
        """Return why a message of this type and canonical form is not trusted, or None if it is."""
        if sig is None:
            return "is not signed"
        if not (isinstance(sig, dict) and isinstance(sig.get("key"), str) and isinstance(sig.get("by"), str)):
            return "has a malformed signature"
        known = {key.id: key for key in (*self.dispatcher_keys, *self.worker_keys)}
        key = known.get(sig["key"])
        if key is None:
            return f"is signed by the key {sig['key'][:16]!r}, which is not trusted here"
        if type not in MAY_SIGN[key.role]:
            return f"is signed by a {key.role}'s key ({key.id}), which must not sign {type!r}"
        return None if _fits(key, body, sig["by"]) else f"does not match its signature by {key.id}"


OFF = Trust()
"""Signatures are not checked."""


@dataclass(frozen=True, kw_only=True)
class Identity:
    """The key with which one side signs, if any, and the keys that it trusts."""

    key: Key | None = None
    trust: Trust = OFF


ANONYMOUS = Identity()


def new_key(role: Role) -> Key:
    """Generate a key."""
    return Key(role, secrets.token_bytes(32))


def read_key(text: str) -> Key:
    """Parse a secret key. ValueError says what is wrong, and never repeats the text."""
    found = _KEY.fullmatch(text.strip())
    if found is None:
        raise ValueError("is not a gpudrop key: those begin with gpudrop-secret-")
    if found["part"] == "public":
        raise ValueError("is the public half of a key; the secret half is needed to sign")
    return Key(_role(found), _unspelt(found["raw"]))


def read_public(text: str) -> PublicKey:
    """Parse a public key. ValueError says what is wrong, and never repeats the text."""
    found = _KEY.fullmatch(text.strip())
    if found is None:
        raise ValueError("is not a gpudrop public key: those begin with gpudrop-public-")
    if found["part"] == "secret":
        raise ValueError("is a secret key; only its public half belongs here")
    return PublicKey(_role(found), _unspelt(found["raw"]))


def read_trusted(text: str) -> tuple[PublicKey, ...]:
    """Return the public keys in `text`, separated by blanks, commas or newlines; `#` starts a comment."""
    words = re.sub(r"#.*", "", text).replace(",", " ").split()
    return tuple(dict.fromkeys(map(read_public, words)))


def trusting(mode: Mode, keys: tuple[PublicKey, ...], own: Key | None) -> Trust:
    """Return the trust of a side that trusts `keys` and itself."""
    known = dict.fromkeys((*keys, own.public) if own else keys)
    return Trust(
        mode=mode,
        dispatcher_keys=tuple(key for key in known if key.role == "dispatcher"),
        worker_keys=tuple(key for key in known if key.role == "worker"),
    )


def _role(found: re.Match[str]) -> Role:
    return "dispatcher" if found["role"] == "dispatcher" else "worker"


def _spelt(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode("ascii").rstrip("=")


def _unspelt(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def _fits(key: PublicKey, body: bytes, by: str) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(key.raw).verify(_unspelt(by), body)
    except (InvalidSignature, ValueError, binascii.Error):
        return False
    return True
