"""The web application: its pages, its errors, and what begins and ends with it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, Response
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Scope

from dispatcher.web import views
from dispatcher.web.access import Access, Gate
from dispatcher.web.pages import events, files, overview, run, runs, tours, workers
from dispatcher.web.state import AppState
from protocol.errors import EnvironmentNotReady, GpudropError, NotFoundError, UsageError
from usertext.redaction import without_secrets

_STATUSES: tuple[tuple[type[GpudropError], int, str], ...] = (
    (NotFoundError, 404, "Not found"),
    (UsageError, 409, "That cannot be done"),
    (EnvironmentNotReady, 503, "Something is missing"),
    (GpudropError, 500, "That did not work"),
)

KEPT_S = 31_536_000


class _Static(StaticFiles):
    """Files of ours; one that is asked for by its digest never changes."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        answer = await super().get_response(path, scope)
        if scope["query_string"].startswith(b"v=") and answer.status_code == 200:
            answer.headers["Cache-Control"] = f"public, max-age={KEPT_S}, immutable"
        return answer


def make(state: AppState, access: Access) -> ASGIApp:
    """Return the application that shows what is on a state to those who have access."""

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        state.live.start()
        yield
        state.live.close()

    app = FastAPI(title="gpudrop", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    app.state.dashboard = state
    for each in (overview, runs, run, files, events, workers, tours):
        app.include_router(each.router)
    app.mount("/static", _Static(directory=views.STATIC))
    app.add_exception_handler(GpudropError, _explain)
    app.add_exception_handler(HTTPException, _explain_plain)
    app.add_exception_handler(RequestValidationError, _explain_invalid)
    return Gate(app, access)


async def _explain(request: Request, error: Exception) -> HTMLResponse:
    assert isinstance(error, GpudropError)
    status, heading = next((code, words) for sort, code, words in _STATUSES if isinstance(error, sort))
    return _error(request, status, heading, without_secrets(str(error)))


async def _explain_plain(request: Request, error: Exception) -> HTMLResponse:
    assert isinstance(error, HTTPException)
    heading = "Not found" if error.status_code == 404 else "That cannot be done"
    return _error(request, error.status_code, heading, str(error.detail))


async def _explain_invalid(request: Request, error: Exception) -> HTMLResponse:
    assert isinstance(error, RequestValidationError)
    told = "; ".join(f"{'.'.join(map(str, each['loc'][1:]))}: {each['msg']}" for each in error.errors())
    return _error(request, 400, "That address says nothing here", told)


def _error(request: Request, status: int, heading: str, text: str) -> HTMLResponse:
    now = request.app.state.dashboard.clock()
    template = "notice.html" if "hx-request" in request.headers else "error.html"
    return views.page(template, status=status, now=now, heading=heading, text=text)
