"""The owner's own table: models that the owner of a worker added by hand, and trusts.

It is a TOML file in the owner's configuration; nothing that comes out of a drop is ever read as one. Its entries say
what a file is, not where it lies: the file itself is in the cache, or on the shelf of a drop.
"""

from __future__ import annotations

import json
import logging
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from colab.models.known import FILES, MODELS
from colab.models.known_whisper import lacking
from colab.models.table import Model, ModelFile
from protocol.errors import SpecError, UsageError
from protocol.kinds import transcribe, upscale
from protocol.layout import check_portable_name

OwnedKind = Literal["transcribe", "upscale", "enhance"]
OWNED_KINDS: tuple[str, ...] = get_args(OwnedKind)
"""The kinds of work whose engines load a model that a job names. Voices and what sees are those of the table alone."""

log = logging.getLogger(__name__)

LIMIT = 1 << 20  # bytes of the table
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")

SHORT_NAMES: Mapping[str, tuple[str, ...]] = {
    "transcribe": ("auto", *transcribe.MODELS),
    "upscale": ("auto", "lanczos", *upscale.MODELS),
    "enhance": ("auto",),
}
"""What jobs of a kind may say instead of a model's name: an owner's model could not be meant by it."""

_Line = Annotated[str, Field(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    file: _Line
    size: int = Field(gt=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: OwnedKind | Literal["tts", "analyze"]  # the last two are in tables of old; nothing loads such a model
    licence: _Line = "unknown"
    purpose: _Line = ""
    files: tuple[_File, ...] = Field(min_length=1, max_length=200)


_TABLE = TypeAdapter(dict[str, _Entry])


def check_name(name: str) -> str:
    """Return `name` if an owner's model may be called so; UsageError says why not."""
    if not NAME.fullmatch(name):
        raise UsageError(
            f"a model cannot be called {name!r}: lower-case letters, digits, '.', '_' and '-', at most 64, and a "
            "letter or digit at the start"
        )
    try:
        check_portable_name(name)
    except ValueError as problem:
        raise UsageError(f"a model cannot be called {name!r}: it {problem}") from problem
    if name in _taken():
        raise UsageError(f"{name!r} is a model that gpudrop knows, and a known one is never replaced: choose a name")
    return name


def check_new(name: str, kind: str) -> None:
    """Return if a job for `kind` could name a model that is called so; UsageError says why not."""
    if kind not in OWNED_KINDS:
        raise UsageError(
            f"there is no kind {kind!r} whose engines load a model of one's own; there are: {', '.join(OWNED_KINDS)}"
        )
    check_name(name)
    if name in SHORT_NAMES[kind]:
        raise UsageError(f"{name!r} is what jobs for {kind} call something else: choose another name")


def read(path: Path) -> dict[str, Model]:
    """Return the models of an owner's table, none where there is no file; SpecError lists all that is wrong in it."""
    try:
        with path.open("rb") as file:
            data = file.read(LIMIT + 1)
    except FileNotFoundError:
        return {}
    except OSError as problem:
        raise SpecError(str(path), [f"cannot be read: {problem}"]) from problem
    if len(data) > LIMIT:
        raise SpecError(str(path), [f"is longer than {LIMIT} bytes"])
    try:
        entries = _TABLE.validate_python(tomllib.loads(data.decode("utf-8")))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as problem:
        raise SpecError(str(path), [str(problem)]) from problem
    except ValidationError as problem:
        lines = [f"{'.'.join(str(part) for part in error['loc'])}: {error['msg']}" for error in problem.errors()]
        raise SpecError(str(path), lines) from problem
    _check(path, entries)
    for name, entry in entries.items():
        if entry.kind not in OWNED_KINDS:
            log.warning("%s: nothing loads %s, a model for %s: `gpudrop models rm %s`", path, name, entry.kind, name)
    return {name: _model(name, entry) for name, entry in entries.items()}


def model_of(name: str, kind: str, licence: str, purpose: str, files: Iterable[tuple[str, int, str]]) -> Model:
    """Return an owner's model of files given as name, size and sha256; UsageError for what a table may not hold."""
    listed = [{"file": file, "size": size, "sha256": sha256} for file, size, sha256 in files]
    if kind == "transcribe" and (without := lacking([str(entry["file"]) for entry in listed])):
        raise UsageError(
            f"a Whisper for CTranslate2 has a {', a '.join(without)} too: give a --file for each of its files"
        )
    told = {"kind": kind, "licence": licence, "purpose": purpose, "files": listed}
    try:
        entry = _Entry.model_validate(told)
    except ValidationError as problem:
        first = problem.errors()[0]
        raise UsageError(f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}") from problem
    if problems := _problems(check_name(name), entry):
        raise UsageError("; ".join(problems))
    return _model(name, entry)


def write(path: Path, models: Mapping[str, Model]) -> None:
    """Replace an owner's table."""
    text = "# Models that the owner of this worker added: `gpudrop models add` and `gpudrop models rm` write this.\n"
    text += "".join(_written(model) for _, model in sorted(models.items()))
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.new")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)


def _check(path: Path, entries: Mapping[str, _Entry]) -> None:
    problems: list[str] = []
    for name, entry in entries.items():
        try:
            check_name(name)
        except UsageError as problem:
            problems.append(str(problem))
        problems += [f"{name}: {line}" for line in _problems(name, entry)]
    if problems:
        raise SpecError(str(path), problems)


def _problems(name: str, entry: _Entry) -> list[str]:
    """Return what is wrong with the names of an entry's files."""
    found = []
    for file in entry.files:
        try:
            check_portable_name(file.file)
        except ValueError as problem:
            found.append(f"the file name {file.file!r} {problem}")
    if len({file.file.casefold() for file in entry.files}) < len(entry.files):
        found.append(f"two files of {name} have the same name")
    return found


def _taken() -> set[str]:
    return {*MODELS, *(name.partition("/")[0] for name in FILES)}


def _model(name: str, entry: _Entry) -> Model:
    alone = len(entry.files) == 1
    files = tuple(
        ModelFile(
            name=name if alone else f"{name}/{file.file}",
            host="owner",
            repository="",
            revision="",
            file=file.file,
            size=file.size,
            sha256=file.sha256,
            licence=entry.licence,
        )
        for file in entry.files
    )
    return Model(name=name, kind=entry.kind, purpose=entry.purpose, files=files)


def _written(model: Model) -> str:
    lines = [f"\n[{_quoted(model.name)}]", f"kind = {_quoted(model.kind)}", f"licence = {_quoted(model.licence)}"]
    lines += [f"purpose = {_quoted(model.purpose)}"] if model.purpose else []
    for file in model.files:
        lines += [
            f"\n[[{_quoted(model.name)}.files]]",
            f"file = {_quoted(file.file)}",
            f"size = {file.size}",
            f"sha256 = {_quoted(file.sha256)}",
        ]
    return "".join(f"{line}\n" for line in lines)


def _quoted(value: Any) -> str:
    """Return a TOML string. JSON's rules are a part of TOML's but for what `_Line` keeps out."""
    return json.dumps(value, ensure_ascii=False)
