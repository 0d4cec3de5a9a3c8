"""Limits that a process of ours sets on itself before it touches what may have been made to hurt it."""

from __future__ import annotations

import sys


def limit(
    *,
    file_bytes: int,
    memory_bytes: int | None = None,
    cpu_s: int | None = None,
    open_files: int | None = None,
) -> None:
    """Bound this process, and those it starts, for good: the largest file it writes, and what else is given.

    It leaves no core behind either: one holds whatever the process knew. Limits that are tighter already stay; Windows
    has none of them, and there this does nothing.
    """
    if sys.platform == "win32":
        return
    import resource

    wanted = {
        resource.RLIMIT_FSIZE: file_bytes,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_AS: memory_bytes,
        resource.RLIMIT_CPU: cpu_s,
        resource.RLIMIT_NOFILE: open_files,
    }
    for what, most in wanted.items():
        soft, hard = resource.getrlimit(what)
        if most is not None:
            known = [value for value in (soft, hard) if value != resource.RLIM_INFINITY]
            resource.setrlimit(what, (min([most, *known]), hard))


def allow_cpu(seconds: int) -> None:
    """Let this process use the processor for so many seconds from now on, and no more; Windows has no such limit."""
    if sys.platform == "win32":
        return
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    most = int(used.ru_utime + used.ru_stime) + 1 + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
