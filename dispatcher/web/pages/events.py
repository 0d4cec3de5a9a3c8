"""The stream that open pages listen to."""

from __future__ import annotations

from collections.abc import AsyncIterator

from fastapi import APIRouter
from fastapi.sse import EventSourceResponse, ServerSentEvent

from dispatcher.web.state import CurrentState

router = APIRouter()

RETRY_MS = 2_000


@router.get("/events", response_class=EventSourceResponse)
async def events(state: CurrentState) -> AsyncIterator[ServerSentEvent]:
    """Tell of changes until the page or the server ends."""
    yield ServerSentEvent(comment="open", retry=RETRY_MS)
    async for message in state.live.listen():
        yield ServerSentEvent(data=message)
