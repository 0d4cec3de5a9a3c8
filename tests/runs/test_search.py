"""Runs are found by what people remember of them, page by page, on both databases."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dispatcher.runs.record import Group, Run, RunExtras
from dispatcher.runs.search import PageCursor, Query
from dispatcher.runs.store import RunStore
from protocol.errors import NotFoundError, UsageError

New = Callable[..., Run]


def add(store: RunStore, run: Run, *tags: str) -> None:
    store.add_or_find(run, extras=RunExtras(tags=tags))


def ids(runs: list[Run]) -> list[str]:
    return [run.id for run in runs]


def test_each_filter_leaves_what_it_says(store: RunStore, new_run: New) -> None:
    """By kind, status, time, tag, parent, group, user, drop and text; the newest first; filters are joined by and."""
    store.search.begin_group(Group(id="g", sort="batch", title="two files", created_at=1.0))
    add(store, new_run("a", kind="upscale", created_at=1.0, title="Über 100%.mp4", user="ann"), "night", "x")
    add(store, new_run("b", kind="echo", created_at=2.0, parent_id="a", group_id="g"), "night")
    add(store, new_run("c", kind="echo", created_at=3.0, drop_id="f" * 16))
    store.commit("c", "failed", at=4.0, error_code="ENGINE", error_text="out of luck")
    find = store.search.find
    assert ids(find(Query())) == ["c", "b", "a"]
    assert ids(find(Query(kinds=["echo"]))) == ["c", "b"]
    assert ids(find(Query(kinds=["echo"], statuses=["failed", "crashed"]))) == ["c"]
    assert ids(find(Query(since=2.0, until=3.0))) == ["b"]
    assert ids(find(Query(tags=["night"]))) == ["b", "a"]
    assert ids(find(Query(tags=["night", "x"]))) == ["a"]
    assert ids(find(Query(parent="a"))) == ids(find(Query(group="g"))) == ["b"]
    assert ids(find(Query(user="ann"))) == ids(find(Query(text="100%"))) == ids(find(Query(text=".MP4"))) == ["a"]
    assert ids(find(Query(text="of luck"))) == ids(find(Query(drop_id="f" * 16))) == ["c"]
    assert ids(find(Query(text="_"))) == []
    assert store.search.count(Query()) == {"pending": 2, "failed": 1}
    assert ids(store.search.children(["a"])) == ids(store.search.members("g")) == ["b"]
    assert store.search.all_tags() == ["night", "x"]


def test_pages_follow_each_other_without_gaps(store: RunStore, new_run: New) -> None:
    """Also where many runs were made at one time, each is on one page."""
    for number in range(7):
        add(store, new_run(f"r{number}", created_at=5.0 + number // 4))
    found: list[str] = []
    after = None
    while page := store.search.find(Query(), limit=3, after=after):
        found += ids(page)
        after = PageCursor(created_at=page[-1].created_at, id=page[-1].id)
    assert found == ["r6", "r5", "r4", "r3", "r2", "r1", "r0"]


def test_a_run_is_named_by_any_beginning(store: RunStore, new_run: New) -> None:
    """Of its id or of the last part; none and more than one are errors that say what to do."""
    for run_id, at in (("261125-101010-abcd1234", 1.0), ("261125-101011-abff5678", 2.0)):
        add(store, new_run(run_id, created_at=at))
    resolve = store.search.resolve
    assert resolve("abcd").id == resolve("261125-101010").id == resolve("261125-101010-abcd1234").id
    assert resolve("last").id == "261125-101011-abff5678"
    with pytest.raises(UsageError, match="may be more than one run"):
        resolve("ab")
    for name in ("abce", "%", "", "_"):
        with pytest.raises(NotFoundError, match="runs ls"):
            resolve(name)
