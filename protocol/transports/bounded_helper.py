"""The helper process of a bounded folder: makes one call after the other, and returns the results.

It may hang forever in any of them. Nothing else runs in it, and nothing is lost with it.
"""

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from protocol.drop import Capabilities
from protocol.errors import GpudropError
from protocol.transports.failures import mapped, portable
from protocol.transports.folder import FolderDrop
from protocol.transports.names import split

_ANY = Capabilities(local=False, settle_s=0, poll_s=1, beat_s=1)
"""The owner knows the capabilities; giving any here avoids checking the folder."""


def serve() -> None:
    """Answer the calls on standard input until it ends."""
    source, target = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr  # whatever prints must not get between the answers
    root = Path(pickle.load(source))  # noqa: S301 - our own parent speaks
    while True:
        try:
            verb, args, more = pickle.load(source)  # noqa: S301
        except EOFError:
            return
        pickle.dump(_answer(root, verb, args, more), target)
        target.flush()


def _answer(root: Path, verb: str, args: tuple[Any, ...], more: dict[str, Any]) -> Any:
    try:
        if verb == "make":
            _make(root)
        drop = FolderDrop(root, capabilities=_ANY)
        acts: dict[str, Callable[..., Any]] = {
            "check": lambda: None,
            "make": lambda: None,
            "list": drop.list,
            "get": drop.get,
            "put": drop.put,
            "copy_in": drop.copy_in,
            "copy_out": drop.copy_out,
            "make_folder": drop.make_folder,
            "delete": drop.delete,
            "attributes": lambda path: _attributes(root, path),
        }
        return acts[verb](*args, **more)
    except GpudropError as error:
        return portable(error)


def _make(root: Path) -> None:
    with mapped(str(root)):
        root.mkdir(parents=True, exist_ok=True)


def _attributes(root: Path, path: str) -> frozenset[str]:
    if not hasattr(os, "listxattr"):
        return frozenset()
    with mapped(path):
        return frozenset(os.listxattr(root.joinpath(*split(path)), follow_symlinks=False))
