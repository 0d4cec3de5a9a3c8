"""What becomes of a job while it is sent, as its inputs are a user's own files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dispatcher.jobs.client import Client
from dispatcher.jobs.job import Job
from protocol.errors import GpudropError, NotFoundError, UsageError
from tests.support.drops import client, make_drop


@pytest.fixture
def gpu(tmp_path: Path) -> Iterator[Client]:
    """Return a client of an empty drop."""
    with client(make_drop(tmp_path / "drop"), tmp_path / "data") as opened:
        yield opened


@pytest.mark.parametrize(
    ("happens", "error"),
    [(Path.unlink, NotFoundError), (lambda path: path.write_bytes(b"another, longer one"), UsageError)],
    ids=["gone", "changed"],
)
def test_nobody_is_offered_what_cannot_be_had(
    gpu: Client, tmp_path: Path, happens: Callable[[Path], object], error: type[GpudropError]
) -> None:
    """An input that goes or changes between its digest and its copy ends the run, and leaves nothing in the drop."""
    film = tmp_path / "film"
    film.write_bytes(b"a film")
    digested = gpu._digests.of

    def and_then(path: Path) -> tuple[int, str]:
        facts = digested(path)
        happens(path)
        return facts

    gpu._digests.of = and_then  # type: ignore[method-assign]
    with pytest.raises(error, match="film"):
        gpu.submit(Job(kind="echo", params={"text": "hello"}, inputs={"source": film}))
    [run] = gpu.store.recent()
    assert run.status == "cancelled"
    assert "film" in str(run.error_text)
    assert not (tmp_path / "drop" / run.job).exists()
