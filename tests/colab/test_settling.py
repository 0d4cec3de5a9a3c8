"""How long a worker on a plain folder waits for rival claims: by where the job's owner is."""

from __future__ import annotations

from pathlib import Path

import pytest

from protocol.drop import SYNC_TOOL
from protocol.messages import ClaimTerms, Offer, Request
from protocol.neighbours import whereabouts
from protocol.transports.folder import FolderDrop
from tests.support.workers import DROP_ID, Clock, FakeBench, drop_in, worker_on


@pytest.mark.parametrize(
    ("system", "asked_s", "settle_s"),
    [
        ("this machine", 0, 0),
        ("this machine", 30, 30),  # its owner has seen a worker elsewhere
        ("another machine", 0, SYNC_TOOL.settle_s),
        ("another machine", 60, 60),
        (None, 0, 0),
        (None, 30, 0),  # an older owner, which knows nothing of this: turns are taken exclusively, as ever
    ],
)
def test_claims_settle_where_somebody_is_elsewhere(
    tmp_path: Path, system: str | None, asked_s: float, settle_s: float
) -> None:
    """Nobody waits on one machine, whoever sends from another is not believed that this is one."""
    (tmp_path / "drop").mkdir()
    drop, clock = FolderDrop(tmp_path / "drop"), Clock()
    drop_in(drop)
    worker = worker_on(drop, clock, FakeBench(clock))
    offer = Offer(
        drop=DROP_ID,
        id="j",
        dispatcher="0" * 16,
        kind="echo",
        digest="0" * 64,
        claim=ClaimTerms(settle_s=asked_s, lease_s=16),
        where=whereabouts(drop.capabilities, DROP_ID, system),
    )
    terms, _ = worker._terms(Request(params={}, job=offer))
    assert (terms.settle_s, terms.lease_s) == (settle_s, 16)
    worker.end()
