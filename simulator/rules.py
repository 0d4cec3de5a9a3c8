"""Removes one rule of the protocol to show its purpose: the production symbols that implement it are replaced.

The table proves that the checkers work: without a rule that is needed for safety, schedules must turn red; a rule that
only saves work shows in the executions and the times.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from unittest import mock

import colab.taking
import dispatcher.jobs.accept
import dispatcher.jobs.failure_policy
import dispatcher.runs.store
import protocol.absence
import protocol.codec
import protocol.drop
import protocol.integrity
from colab.keeper import Keeper
from dispatcher.runs.changing import changing
from dispatcher.runs.models import RunRow
from protocol.claims import LeaseWatch
from protocol.errors import BadMessage, UsageError
from protocol.messages import EngineRecord
from simulator.machine import SimulatedDrop


@dataclass(frozen=True)
class Removal:
    """The replacements of production symbols, as (where, name, instead), and the purpose of the rule."""

    symbols: tuple[tuple[Any, str, Any], ...]
    safety: bool  # promises break without it; the others only save work or time
    means: str


def _nothing(*_: Any, **__: Any) -> None:
    return None


def _without_checksum(data: bytes, envelope: str | None) -> dict[str, Any]:
    whole: dict[str, Any] = protocol.codec.loads(data)
    head = whole.get(envelope, {}) if envelope else whole
    if not isinstance(head, dict):
        raise BadMessage("no envelope")
    return whole


RULES: dict[str, Removal] = {
    "R3": Removal(
        (
            (protocol.codec, "_checked_json", _without_checksum),
            (protocol.codec, "request_digest", lambda params, offer: offer.digest),
        ),
        True,
        "messages are accepted without checksum and digest",
    ),
    "R4": Removal(
        ((SimulatedDrop, "barrier", lambda self: "unconfirmed"),),
        False,
        "workers do not wait for uploads",
    ),
    "R5": Removal(
        ((protocol.integrity, "_misfit", _nothing), (dispatcher.jobs.accept, "_holds", lambda folder, job: True)),
        True,
        "outputs are used without checking their hash",
    ),
    "R6": Removal(
        ((dispatcher.runs.store, "CHANGE_OPEN", changing(RunRow.id == RunRow.id)),),
        True,
        "every commit succeeds, even a second one",
    ),
    "R7": Removal(
        ((LeaseWatch, "saw_beat", _nothing),),
        False,
        "a lease ends no matter which heartbeats are seen",
    ),
    "R10": Removal(
        ((Keeper, "serve", _nothing),),
        False,
        "nothing is published again",
    ),
    "R11": Removal(
        ((EngineRecord, "is_equal", lambda self, other: True),),
        True,
        "any engine completes another engine's result",
    ),
    "R12": Removal(
        ((protocol.absence.Missing, "missed", lambda self, now, gone_s: True),),
        True,
        "a folder that is not seen once counts as deleted",
    ),
    "R13": Removal(
        ((dispatcher.jobs.failure_policy.FailurePolicy, "_waits", lambda self, snapshot: protocol.drop.ONE_MACHINE),),
        False,
        "a job fails with its last attempt",
    ),
    "R14": Removal(
        ((colab.taking, "FAILED_AGAIN_S", 0.0),),
        False,
        "a worker immediately retakes a job that it failed",
    ),
    "settle": Removal(
        ((colab.taking, "elected", lambda *_: True),),
        False,
        "every worker that claims a job starts it",
    ),
    "lease": Removal(
        ((LeaseWatch, "lapse", _nothing),),
        True,
        "a claim holds forever",
    ),
}
"""`{rule: its removal}`."""


@contextlib.contextmanager
def without(rule: str | None) -> Iterator[None]:
    """Run the block without a rule; None changes nothing. An unknown rule raises UsageError."""
    if rule is None:
        yield
        return
    if rule not in RULES:
        raise UsageError(f"there is no rule {rule!r} to remove; there are: {', '.join(RULES)}")
    with contextlib.ExitStack() as stack:
        for where, name, instead in RULES[rule].symbols:
            stack.enter_context(mock.patch.object(where, name, instead))
        yield
