"""The model files that are known: where each comes from, how long it is, and the digest that decides.

A file that is not in this table is never fetched. The address is put together from its parts, so that the host can be
another one in a test and the revision stands in one place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from protocol.errors import JobFailed

Host = Literal["github", "huggingface"]

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


def find(name: str, files: Mapping[str, ModelFile]) -> ModelFile:
    """Return the entry of that name; an unknown one raises `JobFailed` UNSUPPORTED and lists what there is."""
    if name not in files:
        raise JobFailed(f"no model file {name!r} is known; there are: {', '.join(sorted(files))}", code="UNSUPPORTED")
    return files[name]
