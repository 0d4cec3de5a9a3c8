"""The models that are known: of which files each is made, where they come from, and the digest that decides.

A file that is not in this table is never fetched. The address is put together from its parts, so that the host can be
another one in a test and the revision stands in one place.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from protocol.errors import JobFailed

Host = Literal["github", "huggingface", "owner"]
"""`owner`: the worker's owner added the file by hand, and it cannot be downloaded."""

HOSTS: Mapping[Host, str] = {"github": "https://github.com", "huggingface": "https://huggingface.co"}
"""Where each kind of repository lives."""


@dataclass(frozen=True, kw_only=True)
class ModelFile:
    """One file of one release. `size` and `sha256` say what it is; the other fields only where to look for it."""

    name: str  # how engines ask for it; unique in the table
    host: Host
    repository: str  # owner/name
    revision: str  # a release's tag on GitHub, a commit on Hugging Face
    file: str  # its path there
    size: int  # bytes
    sha256: str
    licence: str

    @property
    def file_name(self) -> str:
        """What the file is called on a disk and in a drop."""
        return self.file.rpartition("/")[2]

    def address(self, hosts: Mapping[Host, str] = HOSTS) -> str:
        """Return where the file is downloaded from."""
        if self.host == "github":
            return f"{hosts['github']}/{self.repository}/releases/download/{self.revision}/{self.file}"
        return f"{hosts['huggingface']}/{self.repository}/resolve/{self.revision}/{self.file}"


@dataclass(frozen=True, kw_only=True)
class Model:
    """What an engine loads: one file, or several that belong together."""

    name: str
    kind: str  # of work that uses it
    purpose: str  # a line for who chooses
    files: tuple[ModelFile, ...]
    notes: str = ""  # what one has to know before using it

    @property
    def size(self) -> int:
        """How many bytes its files have together."""
        return sum(file.size for file in self.files)

    @property
    def licence(self) -> str:
        """The licence of its files."""
        return ", ".join(sorted({file.licence for file in self.files}))

    @property
    def owned(self) -> bool:
        """Whether the worker's owner added it."""
        return any(file.host == "owner" for file in self.files)


def of_files(
    name: str,
    kind: str,
    licence: str,
    repository: str,
    revision: str,
    purpose: str,
    files: Mapping[str, tuple[int, str]],
    notes: str = "",
) -> Model:
    """Return a model of several files of one repository on Hugging Face, each by its path with its size and sha256."""
    return Model(
        name=name,
        kind=kind,
        purpose=purpose,
        notes=notes,
        files=tuple(
            ModelFile(
                name=f"{name}/{file}",
                host="huggingface",
                repository=repository,
                revision=revision,
                file=file,
                size=size,
                sha256=sha256,
                licence=licence,
            )
            for file, (size, sha256) in sorted(files.items())
        ),
    )


def find(name: str, files: Mapping[str, ModelFile]) -> ModelFile:
    """Return the entry of that name; an unknown one raises `JobFailed` UNSUPPORTED with the names most like it."""
    if name not in files:
        raise JobFailed(f"no model file {name!r} is known{suggestion(name, files)}", code="UNSUPPORTED")
    return files[name]


def members(name: str, files: Mapping[str, ModelFile]) -> dict[str, ModelFile]:
    """Return the files called `<name>/<path>` by their paths; of a model without any `JobFailed` UNSUPPORTED."""
    found = {file.removeprefix(f"{name}/"): files[file] for file in files if file.startswith(f"{name}/")}
    if not found:
        models = {file.partition("/")[0] for file in files if "/" in file}
        raise JobFailed(f"no model {name!r} of several files is known{suggestion(name, models)}", code="UNSUPPORTED")
    return found


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return the end of a sentence that says a name is unknown: what it may have been meant to be."""
    names = sorted(known)
    if len(names) <= 4:
        return f"; there are: {', '.join(names)}"
    if near := difflib.get_close_matches(name, names, n=4, cutoff=0.5):
        return f"; did you mean {' or '.join(near)}? `gpudrop models ls` shows all"
    return f"; `gpudrop models ls` shows the {len(names)} that are"
