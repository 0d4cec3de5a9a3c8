"""Models that stay in memory for the next job, and make room before another one is loaded.

`functools.lru_cache` lets go of the last model only when the next one is there already, so that a GPU would have to
hold both.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, ParamSpec, TypeVar

from colab.handlers.device_failures import free_again

P = ParamSpec("P")
T = TypeVar("T")


class Resident(Generic[P, T]):
    """A loader that keeps the last `most` models that it loaded, by what they were asked for with."""

    def __init__(self, load: Callable[P, T], most: int) -> None:
        self._load, self._most = load, most
        self._kept: OrderedDict[Hashable, T] = OrderedDict()

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> T:
        """Return the model, loaded now or before. What raises keeps nothing."""
        key = (args, tuple(sorted(kwargs.items())))
        if key not in self._kept:
            self._make_room()
            self._kept[key] = self._load(*args, **kwargs)
        self._kept.move_to_end(key)
        return self._kept[key]

    def __len__(self) -> int:
        """Return how many models are in memory."""
        return len(self._kept)

    def cache_clear(self) -> None:
        """Let go of all of them."""
        self._kept.clear()

    def _make_room(self) -> None:
        if len(self._kept) >= self._most:
            self._kept.popitem(last=False)
            free_again()


def resident(most: int = 1) -> Callable[[Callable[P, T]], Resident[P, T]]:
    """Return a decorator for a function that loads a model."""
    return lambda load: Resident(load, most)
