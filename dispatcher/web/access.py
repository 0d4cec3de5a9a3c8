"""Who may look: this machine's user, from this machine's browser, and no page of another origin in it.

Anybody on this machine can reach a loopback port, and any web page can make the browser send requests to it. So every
request must name this server as its host (a rebound name does not), come from no other origin, and carry a cookie that
only the link printed in the terminal gives.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HOST = "127.0.0.1"
SAFE = frozenset({"GET", "HEAD"})
STATIC = "/static/"

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; connect-src 'self'; "
    "font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Own files only, and nothing written into a page is ever run or obeyed as style."""

HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Others hear nothing of where somebody comes from. Not "no-referrer": with it a form's own origin is hidden too.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cache-Control": "no-store",
}

CLOSED = "Open the link that `gpudrop dashboard` has printed: it lets this browser in."


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """What is answered instead of a page."""

    status: int
    text: str

    def response(self) -> Response:
        """Return it as an answer."""
        return PlainTextResponse(self.text + "\n", status_code=self.status)


class Access:
    """The secrets of one server: its link's token, tickets that are good once, and the cookie that either becomes."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.hosts = frozenset({f"{HOST}:{port}", f"localhost:{port}"})
        self.cookie = f"gpudrop_{port}"  # browsers keep one set of cookies for all ports
        self._token, self._session = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
        self._tickets: set[str] = set()

    @property
    def link(self) -> str:
        """Return the address for the user's eyes; it lets in as long as the server runs."""
        return f"http://{HOST}:{self.port}/?token={self._token}"

    def ticket(self) -> str:
        """Return an address for starting a browser with, where others may read the command line: it is good once."""
        made = secrets.token_urlsafe(24)
        self._tickets.add(made)
        return f"http://{HOST}:{self.port}/?token={made}"

    def lets_in(self, token: str) -> bool:
        """Say whether a token is good, and use it up if it is a ticket."""
        used = [ticket for ticket in self._tickets if _same(ticket, token)]
        self._tickets.difference_update(used)
        return bool(used) or _same(self._token, token)

    def knows(self, cookies: Iterable[str]) -> bool:
        """Say whether one of these cookie headers holds our session.

        Cookies of every server on this machine stand in one header. They are split here, because stricter readers give
        up ours too where another's is odd, or look at one only of two that have our name.
        """
        pairs = (pair.strip().partition("=") for header in cookies for pair in header.split(";"))
        return any(name == self.cookie and _same(self._session, value) for name, _, value in pairs)

    def admit(self) -> Response:
        """Return the answer that leaves the token behind and sets the cookie."""
        answer = RedirectResponse("/", status_code=303)
        answer.set_cookie(self.cookie, self._session, httponly=True, samesite="strict", path="/")
        return answer


class Gate:
    """Stands before the pages: looks at each request whatever its method, and puts the headers on each answer."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app, self._access = app, access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it here."""
        if scope["type"] != "http":
            assert scope["type"] == "lifespan", "the server speaks plain HTTP only"
            await self._app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        answer = self._answer(scope)
        await (answer or self._app)(scope, receive, guarded)

    def _answer(self, scope: Scope) -> Response | None:
        """Return what is answered without asking the pages; None where they may answer."""
        headers, method, path = Headers(scope=scope), scope["method"], scope["path"]
        if refused := foreign(headers, method, self._access.hosts):
            return refused.response()
        if (
            path == "/"
            and method == "GET"
            and (given := parse_qs(scope["query_string"].decode("latin-1")).get("token"))
        ):
            good = self._access.lets_in(given[0])
            return self._access.admit() if good else Refusal(status=403, text=f"This link is old. {CLOSED}").response()
        if path.startswith(STATIC) or self._access.knows(headers.getlist("cookie")):
            return None
        return Refusal(status=401, text=CLOSED).response()


def foreign(headers: Headers, method: str, hosts: frozenset[str]) -> Refusal | None:
    """Return why a request is not one of our own pages', or None.

    A page of another port of this machine is as foreign as any, though browsers call it the same site.
    """
    named = headers.getlist("host")
    if len(named) != 1 or named[0].lower() not in hosts:
        return Refusal(status=403, text="This server answers to its loopback address only.")
    origins = headers.getlist("origin")
    if any(origin != f"http://{named[0].lower()}" for origin in origins):
        return Refusal(status=403, text="A page of another origin may ask nothing here.")
    site, mode = headers.get("sec-fetch-site", "none"), headers.get("sec-fetch-mode", "")
    if site in ("cross-site", "same-site") and not (method in SAFE and mode == "navigate"):
        return Refusal(status=403, text="A page of another origin may ask nothing here.")
    if method not in SAFE and not origins and site != "same-origin":
        return Refusal(status=403, text="Only a page of this server may change anything.")
    return None


def _same(one: str, other: str) -> bool:
    return secrets.compare_digest(one.encode(), other.encode("utf-8", "replace"))
