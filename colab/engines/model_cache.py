"""Models that stay in memory for the next job. Room is made before another one is loaded.

`functools.lru_cache` drops the last model only after the next one is loaded, so a GPU would have to hold both.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from typing import Generic, ParamSpec, TypeVar

from colab.engines.device_failures import free_again

P = ParamSpec("P")
T = TypeVar("T")


class ModelCache(Generic[T]):
    """The `most` models that were used last."""

    def __init__(self, most: int = 1) -> None:
        self._most = most
        self._models: OrderedDict[Hashable, T] = OrderedDict()

    def get(self, key: Hashable, load: Callable[[], T]) -> T:
        """Return the model of this key, loading it if it is not in memory. A load that raises leaves nothing."""
        if key not in self._models:
            if len(self._models) >= self._most:
                self._models.popitem(last=False)
                free_again()
            self._models[key] = load()
        self._models.move_to_end(key)
        return self._models[key]

    def clear(self) -> None:
        """Release all of them."""
        self._models.clear()

    def __len__(self) -> int:
        """Return how many models are in memory."""
        return len(self._models)

    def __iter__(self) -> Iterator[T]:
        """Yield the models in memory."""
        return iter(self._models.values())


class CachedLoader(Generic[P, T]):
    """A function that loads a model, with a cache keyed by its arguments."""

    def __init__(self, load: Callable[P, T], most: int) -> None:
        self._load = load
        self.cache: ModelCache[T] = ModelCache(most)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> T:
        """Return the model, loaded now or before."""
        return self.cache.get((args, tuple(sorted(kwargs.items()))), lambda: self._load(*args, **kwargs))


def cached(most: int = 1) -> Callable[[Callable[P, T]], CachedLoader[P, T]]:
    """Return a decorator for a function that loads a model."""
    return lambda load: CachedLoader(load, most)
