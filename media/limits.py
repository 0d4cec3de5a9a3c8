"""Resource limits that a process sets for itself before it reads untrusted data."""

from __future__ import annotations

import sys


def limit_process(
    *,
    file_bytes: int,
    memory_bytes: int | None = None,
    cpu_s: int | None = None,
    open_files: int | None = None,
) -> None:
    """Limit this process and its children permanently: the size of files it writes, and whatever else is given.

    Core dumps are disabled, because they contain everything the process knew. Tighter existing limits stay. Does
    nothing on Windows, which has no such limits.
    """
    if sys.platform == "win32":
        return
    import resource

    limits = {
        resource.RLIMIT_FSIZE: file_bytes,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_AS: memory_bytes,
        resource.RLIMIT_CPU: cpu_s,
        resource.RLIMIT_NOFILE: open_files,
    }
    for which, limit in limits.items():
        soft, hard = resource.getrlimit(which)
        if limit is not None:
            existing = [value for value in (soft, hard) if value != resource.RLIM_INFINITY]
            resource.setrlimit(which, (min([limit, *existing]), hard))


def limit_cpu(seconds: int) -> None:
    """Let this process use this much more CPU time, counted from now; does nothing on Windows."""
    if sys.platform == "win32":
        return
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    limit = int(used.ru_utime + used.ru_stime) + 1 + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))
