"""The notebook's workbench: it outlives a run of the last cell, so that an interrupt does not cost loaded models."""

from __future__ import annotations

from colab.bench import Bench, Workbench
from colab.models import ModelPlaces


class LastingBench(Bench):
    """A bench whose process goes on when a worker lets go of it."""

    def close(self) -> None:
        """Leave the process as it is, with the models that it has loaded."""


class Resident:
    """The one bench of a notebook. The next run gets it again, unless its process died or the places changed."""

    def __init__(self) -> None:
        self._bench: LastingBench | None = None
        self._places: ModelPlaces | None = None

    def bench(self, kinds: tuple[str, ...], places: ModelPlaces) -> Workbench:
        """Return the bench for a run: the one that is there, or a new one."""
        if self._bench is None or self._places != places or not self._bench.is_alive():
            self.end()
            self._bench, self._places = LastingBench(kinds, places), places
        self._bench.kinds = kinds
        return self._bench

    @property
    def loaded(self) -> frozenset[str]:
        """The kinds of work whose models the bench may hold."""
        return frozenset(self._bench.loaded) if self._bench is not None and self._bench.is_alive() else frozenset()

    def end(self) -> None:
        """End the bench, and with it the memory that its models take."""
        if self._bench is not None:
            self._bench.kill()
            self._bench = None
