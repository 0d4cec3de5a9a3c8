"""The one error tree. Each class says whose fault it is, and carries the exit code of the command line.

::

    GpudropError                      1   anything below
    ├── OursError                     2   this side was asked for something impossible
    │   ├── UsageError                2   an argument or option is wrong
    │   ├── NotFoundError             3   a run, job or file that was named does not exist
    │   ├── SpecError                 5   a tour spec or a manifest is wrong; lists every problem
    │   └── EnvironmentNotReady       6   a program, folder or permission is missing here
    ├── TheirsError                   1   the far side sent something that must not be used
    │   ├── BadMessage                1   a control file does not check; treat it as not there yet
    │   │   ├── NotARequest           1   it is whole, and will never be a request
    │   │   └── Untrusted             1   it is not signed by a key that this side trusts with it
    │   ├── VersionTooNew             6   a control file needs a newer reader than this one
    │   └── VerificationError         4   a result does not match its manifest, digest or kind
    ├── ChannelError                  1   the drop failed; `retryable` says whether to look again
    │   ├── ChannelLost               6   the drop cannot be seen at all
    │   ├── NameMissing               3   the name is not (yet) in the drop
    │   ├── NameTaken                 1   the name is written already, and names are written once
    │   └── StorageFull               6   no room to write
    ├── MediaError                    1   ffmpeg failed, or a media file is not what it should be
    ├── StepFailed                    1   a step of a tour cannot be filmed; `kept` names what shows why
    └── JobError                      4   a job that was sent away has no result
        ├── JobFailed                 4   the worker reports a failure
        ├── JobCancelled              4   the job was cancelled
        ├── JobExpired                4   nobody took the job in time
        └── JobTimeout              124   no verified result within the time asked for
"""

from __future__ import annotations

import errno
from pathlib import Path
from typing import ClassVar

FULL = frozenset(getattr(errno, name) for name in ("ENOSPC", "EDQUOT", "EFBIG") if hasattr(errno, name))
"""How systems say that there is no room: a full disk, a used-up quota, a file longer than this place takes."""


def is_full(problem: OSError) -> bool:
    """Say whether an operating system's error means that there is no room to write."""
    return problem.errno in FULL


class GpudropError(Exception):
    """Something gpudrop knows how to explain."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str = "") -> None:
        super().__init__(message or (self.__doc__ or "").strip())


class OursError(GpudropError):
    """This side was asked for something impossible."""

    exit_code = 2


class UsageError(OursError):
    """An argument or option is wrong."""


class NotFoundError(OursError):
    """What was named does not exist."""

    exit_code = 3


class SpecError(OursError):
    """A tour spec or a manifest is wrong. `problems` holds one line for each, with its JSON path and the hint."""

    exit_code = 5

    def __init__(self, source: str, problems: list[str]) -> None:
        self.source = source
        self.problems = problems
        super().__init__("\n".join([f"{source}: {len(problems)} problem(s)", *(f"  {line}" for line in problems)]))


class EnvironmentNotReady(OursError):
    """A program, folder or permission is missing here."""

    exit_code = 6


class TheirsError(GpudropError):
    """The far side sent something that must not be used."""


class BadMessage(TheirsError):
    """A control file does not check; it counts as not there yet."""


class NotARequest(BadMessage):
    """A request is whole JSON of another shape: waiting for the rest of it is in vain. The text is for its writer."""


class Untrusted(BadMessage):
    """A control file is not signed by a key that this side trusts with it; it counts as not there."""


class VersionTooNew(TheirsError):
    """A control file needs a newer reader; upgrade gpudrop on this side."""

    exit_code = 6


class VerificationError(TheirsError):
    """A result does not match its manifest, its digest or its kind. `missing` names the paths that are not there."""

    exit_code = 4

    def __init__(self, message: str = "", missing: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.missing = missing


class ChannelError(GpudropError):
    """The drop failed. `retryable` says whether the same operation may succeed later."""

    def __init__(self, message: str = "", *, retryable: bool = True) -> None:
        super().__init__(message)
        self.retryable = retryable


class ChannelLost(ChannelError):
    """The drop cannot be seen."""

    exit_code = 6


class NameMissing(ChannelError):
    """The name is not in the drop, or not yet."""

    exit_code = 3


class NameTaken(ChannelError):
    """The name is written already, and every name is written once."""


class StorageFull(ChannelError):
    """There is no room to write."""

    exit_code = 6


class MediaError(GpudropError):
    """ffmpeg failed, or a media file is not what it should be."""


class StepFailed(GpudropError):
    """A step of a tour cannot be filmed. `kept` is the folder with its screenshot, console log and trace, if any.

    `retryable` is False where filming the step again cannot end otherwise (a selector that does not parse).
    """

    def __init__(self, message: str = "", *, step: str = "", retryable: bool = True, kept: Path | None = None) -> None:
        super().__init__(message)
        self.step = step
        self.retryable = retryable
        self.kept = kept


class JobError(GpudropError):
    """A job that was sent away has no result."""

    exit_code = 4


class JobFailed(JobError):
    """The worker reports a failure: its closed `code`, and the `step` it happened at where there is one.

    Whether another worker may try is a matter of the code alone (protocol/messages.py).
    """

    def __init__(self, message: str = "", *, code: str = "INTERNAL", step: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.step = step


class JobCancelled(JobError):
    """The job was cancelled."""


class JobExpired(JobError):
    """Nobody took the job in time."""


class JobTimeout(JobError):
    """No verified result came within the time asked for. The job stays in the drop: the same command resumes it.

    `why` is the code of what was being waited for, `hint` what to do about it, `run` the run to go on with.
    """

    exit_code = 124

    def __init__(self, message: str = "", *, why: str = "", hint: str = "", run: str = "") -> None:
        super().__init__(message)
        self.why, self.hint, self.run = why, hint, run
