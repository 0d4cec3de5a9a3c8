"""Whether the application of a tour is there, asked before anything is spoken: a connection, and no page."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from dispatcher.tour.spec import Spec
from protocol.errors import EnvironmentNotReady

PORTS: Mapping[str, int] = {"http": 80, "https": 443}
CONNECT_S = 10.0


def check_application(spec: Spec, *, timeout_s: float = CONNECT_S) -> list[str]:
    """Connect to every server that the tour opens pages of. Raises EnvironmentNotReady if the first one is not there.

    A later one may be started by the tour itself: if it is not there, that is returned as a warning.
    """
    warnings: list[str] = []
    known: set[tuple[str, int]] = set()
    for step in spec.steps:
        url = spec.resolve_url(step)
        place = _place(url) if url is not None else None
        if url is None or place is None or place in known:
            continue
        is_first = not known
        known.add(place)
        if (wrong := _wrong(place, timeout_s)) is None:
            continue
        told = f"step {step.id!r} opens {_shown(url)}, and {place[0]}:{place[1]} {wrong}"
        if is_first:
            raise EnvironmentNotReady(f"{told}; start the application, or correct settings.base_url or --base-url")
        warnings.append(f"{told}; unless an earlier step starts it, the tour will fail there")
    return warnings


def _place(url: str) -> tuple[str, int] | None:
    """Return host and port to connect to; None for a file, and for what is reached through a proxy."""
    parts = urlsplit(url)
    if parts.scheme not in PORTS or not parts.hostname:
        return None
    if parts.scheme in getproxies() and not proxy_bypass(parts.hostname):
        return None
    return parts.hostname, parts.port or PORTS[parts.scheme]


def _wrong(place: tuple[str, int], timeout_s: float) -> str | None:
    """Say why there is no connection to a place, or None where there is one."""
    try:
        socket.create_connection(place, timeout=timeout_s).close()
    except ConnectionRefusedError:
        return "refuses the connection: nothing is running there"
    except socket.gaierror:
        return "is not known: the name cannot be resolved"
    except TimeoutError:
        return f"does not answer within {timeout_s:g} s"
    except OSError as error:
        return f"cannot be reached ({error.strerror or error})"
    return None


def _shown(url: str) -> str:
    """Return an address without user name and password, and without what may hold a token."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
