"""What may stand in a column: the same on every database, whatever a worker or a disk has sent."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from sqlalchemy import JSON, BigInteger, Dialect, Integer, String
from sqlalchemy.types import TypeDecorator, TypeEngine

from protocol.errors import UsageError
from usertext.redaction import without_secrets, without_secrets_in

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
"""PostgreSQL's text holds no NUL, and no database a lone surrogate, which has no bytes in UTF-8."""

BigInt = BigInteger().with_variant(Integer, "sqlite")
"""BigInt numbers to 2^53, as they come over the wire (SQLite's INTEGER is as wide)."""


def storable(text: str) -> str:
    """Return text that every database holds: what none can hold becomes the replacement character."""
    return _UNSTORABLE.sub("\ufffd", text)


class PlainText(TypeDecorator[str]):
    """Text, compared and sorted by code points on every database; a NUL in it is replaced, see `storable`."""

    impl = String
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Sort as SQLite does, not by the language that a server was set up for."""
        return dialect.type_descriptor(String(collation="C") if dialect.name == "postgresql" else String())

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Make text fit to be stored."""
        return value if value is None else storable(value)


class RedactedText(PlainText):
    """Text that somebody or something said: an error, a note, a title. It is stored without secrets."""

    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Take passwords, tokens and keys out before the text is stored."""
        return value if value is None else storable(without_secrets(value))


class RedactedJson(TypeDecorator[Any]):
    """A JSON value that is kept for people to read. Its texts are stored without secrets."""

    impl = JSON(none_as_null=True)
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        """Take passwords, tokens and keys out before the value is stored."""
        return without_secrets_in(value)


class PathText(PlainText):
    """A path or an address: it comes back exactly as it was, or is refused."""

    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Refuse what would come back as the name of something else."""
        if value is not None and storable(value) != value:
            raise UsageError(f"the path {value!r} is not written in UTF-8: rename the folder, or choose another one")
        return value


def to_json(value: Any) -> str:
    """Return a value as JSON that every database takes: without NaN (null instead), NULs and lone surrogates."""
    return json.dumps(_plain(value), allow_nan=False)


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {storable(str(key)): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
