"""The one error tree. Each class says whose fault it is, and carries the exit code of the command line.

::

    GpudropError                      1   anything below
    ├── OursError                     2   this side was asked for something impossible
    │   ├── UsageError                2   an argument or option is wrong
    │   ├── NotFoundError             3   a run, job or file that was named does not exist
    │   ├── SpecError                 5   a tour spec or a manifest is wrong; lists every problem
    │   └── EnvironmentNotReady       6   a program, folder or permission is missing here
    ├── TheirsError                   1   the other side sent something that must not be used
    │   ├── BadMessage                1   a control file is not valid; treat it as not there yet
    │   │   ├── NotARequest           1   it is complete JSON, and will never be a request
    │   │   └── Untrusted             1   it is not signed by a key that this side trusts for it
    │   ├── VersionTooNew             6   a control file needs a newer reader than this one
    │   └── VerificationError         4   a result does not match its manifest, digest or kind
    ├── ChannelError                  1   the drop failed; `retryable` says whether to try again
    │   ├── ChannelLost               6   the drop cannot be reached at all
    │   ├── NameMissing               3   the name is not (yet) in the drop
    │   ├── NameTaken                 1   the name exists already, and names are written once
    │   └── StorageFull               6   no room to write
    ├── MediaError                    1   ffmpeg failed, or a media file is not what it should be
    ├── StepFailed                    1   a step of a tour cannot be recorded; `kept` names what shows why
    └── JobError                      4   a submitted job has no result
        ├── JobFailed                 4   the worker reports a failure
        ├── JobCancelled              4   the job was cancelled
        ├── JobExpired                4   no worker took the job in time
        └── JobTimeout              124   no verified result within the given time
"""

from __future__ import annotations

import errno
from pathlib import Path
from typing import ClassVar

FULL = frozenset(getattr(errno, name) for name in ("ENOSPC", "EDQUOT", "EFBIG") if hasattr(errno, name))
"""Error numbers for "no room": a full disk, an exhausted quota, a file longer than the file system allows."""


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
    """The other side sent something that must not be used."""


class BadMessage(TheirsError):
    """A control file is not valid; it counts as not there yet."""


class NotARequest(BadMessage):
    """A request is complete JSON of another shape, so there is no rest to wait for. The text is for its author."""


class Untrusted(BadMessage):
    """A control file is not signed by a key that this side trusts for it; it is ignored."""


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
    """The drop cannot be reached."""

    exit_code = 6


class NameMissing(ChannelError):
    """The name is not in the drop, or not yet."""

    exit_code = 3


class NameTaken(ChannelError):
    """The name exists already, and names are never written twice."""


class StorageFull(ChannelError):
    """There is no room to write."""

    exit_code = 6


class MediaError(GpudropError):
    """ffmpeg failed, or a media file is not what it should be."""


class StepFailed(GpudropError):
    """A step of a tour cannot be recorded. `kept` is the folder with its screenshot, console log and trace, if any.

    `retryable` is False where recording the step again cannot help (a selector that does not parse).
    """

    def __init__(self, message: str = "", *, step: str = "", retryable: bool = True, kept: Path | None = None) -> None:
        super().__init__(message)
        self.step = step
        self.retryable = retryable
        self.kept = kept


class JobError(GpudropError):
    """A submitted job has no result."""

    exit_code = 4


class JobFailed(JobError):
    """The worker reports a failure: its closed `code`, and the `step` it happened at where there is one.

    The code alone decides whether another worker may try (protocol/messages.py).
    """

    def __init__(self, message: str = "", *, code: str = "INTERNAL", step: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.step = step


class JobCancelled(JobError):
    """The job was cancelled."""


class JobExpired(JobError):
    """No worker took the job in time."""


class JobTimeout(JobError):
    """No verified result arrived within the given time. The job stays in the drop: the same command resumes it.

    `why` is the code of what it was waiting for, `hint` what to do about it, `run` the run to resume.
    """

    exit_code = 124

    def __init__(self, message: str = "", *, why: str = "", hint: str = "", run: str = "") -> None:
        super().__init__(message)
        self.why, self.hint, self.run = why, hint, run
