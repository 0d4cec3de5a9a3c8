"""How long a worker on a plain folder waits for rival claims: by where the job's owner is."""

from __future__ import annotations

from pathlib import Path

import pytest

from colab.attach import Attached
from colab.full_form import FullForm
from colab.keeper import Keeper
from colab.known_jobs import KnownJobs
from protocol.drop import SYNC_TOOL
from protocol.messages import ClaimTerms, Offer, Request
from protocol.neighbours import whereabouts
from protocol.transports.folder import FolderDrop
from tests.support.workers import DROP_ID, Clock, drop_in


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
    drop = FolderDrop(tmp_path / "drop")
    drop_in(drop)
    at = Attached(drop=drop, drop_id=DROP_ID, worker="w", boot="a" * 16, host=Clock().host())
    memory = KnownJobs(at, Keeper(at.host)).memory("j")
    offer = Offer(
        drop=DROP_ID,
        id="j",
        dispatcher="0" * 16,
        kind="echo",
        digest="0" * 64,
        claim=ClaimTerms(settle_s=asked_s, lease_s=16),
        where=whereabouts(drop.capabilities, DROP_ID, system),
    )
    terms = FullForm(at, memory, Request(params={}, job=offer)).terms
    assert (terms.settle_s, terms.lease_s) == (settle_s, 16)
