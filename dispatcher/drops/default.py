"""Which drop a command uses: the one of its flag, of the environment, of config.toml, or of the usual folders."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dispatcher.config import Settings
from dispatcher.drops import setup
from dispatcher.runs.store import RunStore
from protocol.errors import EnvironmentNotReady
from protocol.transports import read_address

LOOKED_BACK = 500
"""So many runs are asked whether a folder was a drop before."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A drop, and how it was chosen, in words that follow its address."""

    address: str | Path
    origin: str
    by_flag: bool = False


def choose(named: str | Path | None, settings: Settings) -> Choice | None:
    """Return the drop to use, whether or not it exists; None where none is named and no Drive folder is found."""
    if named:
        return Choice(address=read_address(str(named)), origin="named by --drop", by_flag=True)
    if (told := settings.drop_of_environment) is not None:
        return Choice(address=read_address(told[0]), origin=f"set by {told[1]}")
    if remembered := settings.defaults.get("drop"):
        return Choice(address=read_address(remembered), origin=f"the default in {settings.config_file}")
    found = setup.find(None, None, settings.home)
    return None if found is None else Choice(address=found, origin="found; nothing names another one")


def adopt(choice: Choice, settings: Settings) -> str:
    """Make a drop of a folder that may become one by itself, and return a sentence about it; "" for any other folder.

    One that has served the simple form may always; one that is empty only if the flag names it, since a folder that is
    named once and for all may be a mount that is not there. Raises EnvironmentNotReady for an empty folder that was a
    drop before: its drive is not mounted.
    """
    if setup.adopt(choice.address):
        return f"{choice.address} held jobs of the old scripts; it is a drop now, and old workers go on as before"
    if not choice.by_flag or not setup.is_blank(choice.address):
        return ""
    if _was_a_drop(choice.address, settings):
        raise EnvironmentNotReady(
            f"{choice.address} is empty, but it was a drop before. Mount the drive that belongs there. If that drop is "
            f"gone for good, make a new one: gpudrop init --drop {choice.address}"
        )
    setup.init_drop(choice.address)
    return f"the empty folder {choice.address} is a drop now"


def _was_a_drop(address: str | Path, settings: Settings) -> bool:
    with RunStore.open(settings.database, durability=settings.durability) as store:
        return str(address) in {run.drop for run in store.recent(LOOKED_BACK)}
