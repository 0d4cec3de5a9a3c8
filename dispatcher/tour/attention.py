"""Where a step is busy and when, noted while it is filmed: what the camera goes by when the film is cut."""

from __future__ import annotations

from collections.abc import Sequence

from dispatcher.assembly.timeline import Focus
from dispatcher.tour.cursor import Move

AROUND = 0.05
"""What belongs to a place that was clicked, as a part of the page's sides."""


def attention(
    moves: Sequence[Move], typed: Sequence[tuple[float, float]], size: tuple[int, int], zero: float
) -> tuple[Focus, ...]:
    """Return one place for each way of the mouse, for as long as keys followed it there.

    `moves` and `typed` (begin and end of keyboard actions) are in monotonic seconds, `zero` is when the take began.
    """
    found = []
    for n, move in enumerate(moves):
        until = moves[n + 1].began if n + 1 < len(moves) else float("inf")
        ends = [end for begin, end in typed if move.began <= begin < until]
        x, y = move.x / size[0], move.y / size[1]
        found.append(
            Focus(
                start_s=move.arrived - zero,
                end_s=max([move.arrived, *ends]) - zero,
                left=x - AROUND,
                top=y - AROUND,
                right=x + AROUND,
                bottom=y + AROUND,
            )
        )
    return tuple(found)
