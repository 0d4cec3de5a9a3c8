"""Fault injection for the memory drop: what real channels do, scripted and repeatable, without clock or chance."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, ParamSpec, TypeVar

from protocol.errors import ChannelError

Operation = Literal["list", "get", "put", "copy_in", "copy_out", "make_folder", "delete", "barrier"]

P = ParamSpec("P")
T = TypeVar("T")


def _no_error(operation: Operation, path: str) -> ChannelError | None:
    return None


def _not(path: str) -> bool:
    return False


def _whole(path: str, data: bytes) -> bytes:
    return data


def _by_its_name(path: str) -> str:
    return path


@dataclass
class Weather:
    """What the channel does to one side. Each hook is called at every operation and can be replaced at any time.

    The marker before its data: `hides = lambda path: ".out-" in path`; torn at byte 7:
    `shows = lambda path, data: data[:7]`; one error: `fails = times(1, lambda operation, path: ChannelError(path))`.
    """

    fails: Callable[[Operation, str], ChannelError | None] = _no_error  # raised before anything is done
    loses: Callable[[Operation, str], ChannelError | None] = _no_error  # raised although it was done
    hides: Callable[[str], bool] = _not  # there, and not visible to this side (yet)
    called: Callable[[str], str] = _by_its_name  # the name it has for this side until it is whole, as sync tools do it
    shows: Callable[[str, bytes], bytes] = _whole  # what of a file this side sees
    keeps: Callable[[str, bytes], bytes] = _whole  # what is kept of a file that this side writes
    doubles: Callable[[str], bool] = _not  # kept as another file of that name, instead of NameTaken


def times(count: int, hook: Callable[P, T]) -> Callable[P, Any]:
    """Let a hook of `fails`, `loses`, `hides` or `doubles` strike `count` times, and never again."""
    left, lock = [count], threading.Lock()

    def counted(*args: P.args, **kwargs: P.kwargs) -> T | None:
        with lock:
            struck = hook(*args, **kwargs) if left[0] else None
            left[0] -= 1 if struck else 0
            return struck

    return counted
