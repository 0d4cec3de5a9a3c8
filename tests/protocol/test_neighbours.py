"""Who proves to be on this machine, and what the proof gives away."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from protocol import codec
from protocol.claims import IDLE_FACTOR, LEASE_BEATS, LeaseWatch
from protocol.drop import ONE_MACHINE, REMOTE, SYNC_TOOL, Capabilities
from protocol.layout import Attempt
from protocol.messages import Claim, ClaimTerms, Limits, WorkerCard
from protocol.neighbours import Neighbours, whereabouts
from protocol.transports import memory
from protocol.transports.folder import CARRIED, LOCAL
from protocol.transports.host import SYSTEM, running_system
from protocol.transports.synced import SYNCED

DROP, OTHER_DROP = "d" * 16, "e" * 16
SECRET = "0f0e0d0c-1111-2222-3333-444455556666"
FOLDER = replace(LOCAL, folder="64769:1234")


@pytest.mark.parametrize(
    ("pace", "drop_id", "system"),
    [
        (replace(LOCAL, folder="64769:1235"), DROP, SECRET),
        (FOLDER, OTHER_DROP, SECRET),
        (FOLDER, DROP, "another start of the same machine"),
        (CARRIED, DROP, SECRET),
        (FOLDER, DROP, None),
    ],
    ids=["another folder", "another drop", "another machine or start", "known to be carried", "a system without an id"],
)
def test_only_the_same_folder_of_the_same_running_machine_is_here(
    pace: Capabilities, drop_id: str, system: str | None
) -> None:
    """Every other party is elsewhere, and so is one that proves nothing."""
    here = Neighbours(FOLDER, DROP, SECRET)
    assert here.is_here(whereabouts(FOLDER, DROP, SECRET))
    assert not here.is_here(whereabouts(pace, drop_id, system))


def test_without_an_id_of_its_own_nobody_is_here() -> None:
    """A machine that cannot prove anything believes nobody, also not one that says as little."""
    assert not Neighbours(FOLDER, DROP, None).is_here(None)
    assert Neighbours(FOLDER, DROP, None).limits(is_here=False) is SYNC_TOOL


@pytest.mark.parametrize(
    ("pace", "is_here", "limits"),
    [(memory.LOCAL, True, ONE_MACHINE), (SYNCED, False, REMOTE), (CARRIED, False, SYNC_TOOL)],
)
def test_where_there_is_nothing_to_prove_the_drop_tells(pace: Capabilities, is_here: bool, limits: object) -> None:
    """In one process everybody is here; on a mount, a remote or a synced folder nobody is."""
    there = Neighbours(pace, DROP, SECRET)
    assert there.is_here(None) == is_here
    assert there.limits(is_here=False) is limits


def test_a_card_gives_nothing_away() -> None:
    """The id of the machine is not in it, in any spelling, and two drops are told different things."""
    told = whereabouts(FOLDER, DROP, SECRET)
    assert told is not None
    text = codec.encode(card(told)).decode()
    for secret in (SECRET, SECRET.replace("-", ""), "64769", "1234"):
        assert secret not in text
    elsewhere = whereabouts(FOLDER, OTHER_DROP, SECRET)
    assert elsewhere is not None
    assert {told.host, told.folder}.isdisjoint({elsewhere.host, elsewhere.folder})


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks Linux")
def test_every_process_of_a_machine_knows_its_secret() -> None:
    """The running system has one id, the same in another process; it is the one of the kernel's start."""
    program = "from protocol.transports.host import running_system; print(running_system())"
    told = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parent.parent.parent,
    )
    assert told.stdout.strip() == running_system() == SYSTEM.system()
    assert running_system() == Path("/proc/sys/kernel/random/boot_id").read_text().strip()


@pytest.mark.parametrize("proves", [True, False])
def test_a_worker_that_proves_nothing_has_the_leases_of_one_elsewhere(proves: bool) -> None:
    """A carried folder brings beats late: neither a claim nor a card counts as given up as soon as on one machine."""
    watch, terms, now = LeaseWatch(1.0, Neighbours(FOLDER, DROP, SECRET)), ClaimTerms(settle_s=0, lease_s=16), 0.0
    shown = card(whereabouts(FOLDER, DROP, SECRET) if proves else None)
    attempt = Attempt(1, "a" * 16, "w")
    claim = Claim(
        drop=DROP, id="j", digest="0" * 64, attempt=1, nonce=attempt.nonce, worker=attempt.worker, boot=shown.boot
    )
    watch.saw_card(shown, now)
    watch.saw_claim(claim, now)
    quiet_s = 1.5 * LEASE_BEATS * IDLE_FACTOR * shown.beat_s
    while now < quiet_s:
        now += 1
        watch.looked("w", now)
    assert (watch.lapse(claim, terms, Limits(), now) is None) == (not proves)
    assert watch.boot_alive(shown.boot, now, shown.beat_s) == (not proves)
    watch.saw_growth(shown.boot, now)
    assert watch.lapse(claim, terms, Limits(), now) is None


def card(where: object) -> WorkerCard:
    """Return the card of a worker that says where it is."""
    return WorkerCard.model_validate(
        {
            "type": "hello",
            "drop": DROP,
            "id": "w",
            "worker": "w",
            "boot": "b" * 16,
            "kinds": ("echo",),
            "engines": {},
            "beat_s": 2,
            "where": where,
        }
    )
