"""The table of kinds: what may be asked for, and what must come back.

Every module of this folder that defines `KIND` is a row. It is the one table that is read from a folder instead of
being written down: docs/why/a-kind-is-two-places.md says why. A module is imported when its kind is first used, so
that a command which needs no kind starts fast.
"""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from protocol.kinds.kind import Kind


class Kinds(Mapping[str, "Kind"]):
    """The kinds by name, in alphabetical order."""

    def __getitem__(self, name: str) -> Kind:
        """Return a kind; its module is imported now or was before."""
        if name not in _sources():
            raise KeyError(name)
        kind: Kind = importlib.import_module(f"{__name__}.{name}").KIND
        assert kind.name == name, f"protocol/kinds/{name}.py defines the kind {kind.name}"
        return kind

    def __iter__(self) -> Iterator[str]:
        """Yield the names. No module is imported."""
        return iter(_sources())

    def __len__(self) -> int:
        """Return how many there are."""
        return len(_sources())


KINDS = Kinds()


def summaries() -> dict[str, str]:
    """Return the first paragraph about each kind that takes a file, by name. No module is imported."""
    return {name: _summary(source) for name, source in _sources().items() if _takes_files(source)}


@functools.cache
def _sources() -> Mapping[str, ast.Module]:
    """Return the syntax trees of the modules of this folder that define a kind, by their names."""
    modules = sorted(Path(__file__).parent.glob("*.py"))
    trees = {path.stem: ast.parse(path.read_text(encoding="utf-8")) for path in modules}
    return {name: tree for name, tree in trees.items() if _definition(tree) is not None}


def _definition(tree: ast.Module) -> ast.Call | None:
    """Return the call that makes `KIND`."""
    for statement in tree.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id="KIND")], value=ast.Call() as call):
                return call
    return None


def _takes_files(tree: ast.Module) -> bool:
    definition = _definition(tree)
    return definition is not None and any(each.arg == "takes" for each in definition.keywords)


def _summary(tree: ast.Module) -> str:
    """Return the first paragraph of what `Params` says of itself, as one line."""
    params = next(each for each in tree.body if isinstance(each, ast.ClassDef) and each.name == "Params")
    return " ".join(inspect.cleandoc(ast.get_docstring(params) or "").partition("\n\n")[0].split())
