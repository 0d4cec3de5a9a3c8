"""The options of the recorded browser's context: language, time zone, colours, screen, sign-in, and its secrets."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dispatcher import config
from dispatcher.tour.spec.browser_rules import VARIABLE, locale_of
from dispatcher.tour.spec.fields import expand
from dispatcher.tour.spec.model import Spec
from protocol.errors import EnvironmentNotReady

SHORTEST_SECRET = 4
"""Shorter values are not removed from files: they would occur in ordinary words."""

ANDROID = (
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/{major}.0.0.0 Mobile Safari/537.36"
)


@dataclass(frozen=True, kw_only=True)
class BrowserContextOptions:
    """The options of a browser context, and the secrets among them, which must not appear in any file."""

    arguments: Mapping[str, Any] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    pairs: tuple[tuple[str, str], ...] = ()  # user name and password, which browsers send as one value


def context_options(
    spec: Spec, *, variable: Callable[[str], str | None] = config.variable, version: str = ""
) -> BrowserContextOptions:
    """Return the arguments of Playwright's `new_context` for a tour; `version` is the browser's.

    Raises EnvironmentNotReady if an environment variable is not set.
    """
    settings, beside = spec.settings.browser_context, spec.source.parent
    secrets: list[str] = []

    def filled(text: str, where: str) -> str:
        def value(found: re.Match[str]) -> str:
            if not (given := variable(found[1])):
                raise EnvironmentNotReady(
                    f"settings.browser_context.{where} needs the environment variable {found[1]}, which is not set; "
                    f"run: export {found[1]}=…"
                )
            secrets.append(given)
            return given

        return VARIABLE.sub(value, text)

    arguments: dict[str, Any] = {
        "locale": settings.locale or locale_of(spec.settings.language),
        "timezone_id": settings.timezone,
        "color_scheme": settings.color_scheme,
        "device_scale_factor": settings.device_scale_factor,
        "ignore_https_errors": settings.ignore_https_errors or None,
        "extra_http_headers": {n: filled(v, f"headers.{n}") for n, v in settings.headers.items()} or None,
    }
    if settings.mobile:
        arguments |= {"is_mobile": True, "has_touch": True, "user_agent": ANDROID.format(major=version.split(".")[0])}
    if settings.storage_state is not None:
        arguments["storage_state"] = str(expand(settings.storage_state, beside))
        secrets += _stored(expand(settings.storage_state, beside))
    if (login := settings.http_credentials) is not None:
        arguments["http_credentials"] = {
            "username": filled(login.username, "http_credentials.username"),
            "password": filled(login.password, "http_credentials.password"),
        } | _origin(spec)
    given = arguments.get("http_credentials")
    return BrowserContextOptions(
        pairs=((given["username"], given["password"]),) if given else (),
        arguments={name: value for name, value in arguments.items() if value is not None},
        secrets=tuple(dict.fromkeys(secret for secret in secrets if len(secret) >= SHORTEST_SECRET)),
    )


def _origin(spec: Spec) -> dict[str, str]:
    """Return the only origin that gets user name and password: that of the application."""
    addresses = [spec.settings.base_url, *(spec.resolve_url(step) for step in spec.steps)]
    for address in addresses:
        if address is not None and (parts := urlsplit(address)).scheme in ("http", "https"):
            return {"origin": f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"}
    return {}


def _stored(path: Path) -> list[str]:
    """Return the values of cookies and of local storage in a saved state."""
    state = json.loads(path.read_text(encoding="utf-8"))
    stored = [*state.get("cookies", []), *(one for site in state.get("origins", []) for one in site["localStorage"])]
    return [str(one["value"]) for one in stored]
