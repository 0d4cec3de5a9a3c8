"""Who may look at the dashboard, and who may not."""

from __future__ import annotations

import http.client
from collections.abc import Iterator

import httpx
import pytest

from tests.support.dashboards import Dashboard, served

METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH")
ASKED = [*((method, "/") for method in METHODS), ("POST", "/runs/x/cancel"), ("GET", "/events"), ("GET", "/static/x")]


@pytest.fixture(scope="module")
def dashboard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    """Serve one dashboard to all these tests: none of them changes anything."""
    with served(tmp_path_factory.mktemp("access")) as running:
        yield running


def ask(dashboard: Dashboard, method: str, path: str, **headers: str) -> httpx.Response:
    """Send a request with the cookie of somebody who was let in, and with these headers only."""
    known = {"Cookie": "; ".join(f"{name}={value}" for name, value in dashboard.client.cookies.items())}
    return httpx.request(
        method, dashboard.url + path, headers=known | {k.replace("_", "-"): v for k, v in headers.items()}
    )


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "[::1]:{port}", ""]
)
def test_a_rebound_host_gets_403(dashboard: Dashboard, host: str) -> None:
    """Whatever the method and the path, a request that names another host is refused, cookie or not."""
    for method, path in ASKED:
        asked = ask(dashboard, method, path, host=host.format(port=dashboard.built.port))
        assert asked.status_code == 403, (method, path, asked.text)


@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "null", "https://127.0.0.1:{port}", "http://localhost:{port}", "http://127.0.0.1:1"],
)
def test_a_foreign_origin_gets_403(dashboard: Dashboard, origin: str) -> None:
    """Whatever the method and the path, a request of another origin's page is refused, cookie or not."""
    for method, path in ASKED:
        asked = ask(dashboard, method, path, origin=origin.format(port=dashboard.built.port))
        assert asked.status_code == 403, (method, path, asked.text)


def test_two_hosts_get_403(dashboard: Dashboard) -> None:
    """A request that names two hosts is refused, whichever comes first."""
    connection = http.client.HTTPConnection("127.0.0.1", dashboard.built.port)
    connection.putrequest("GET", "/", skip_host=True)
    connection.putheader("Host", f"127.0.0.1:{dashboard.built.port}")
    connection.putheader("Host", "evil.example")
    connection.endheaders()
    assert connection.getresponse().status in (400, 403)
    connection.close()


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_other_pages_of_the_browser_get_403(dashboard: Dashboard, site: str) -> None:
    """A page of another port of this machine gets nothing into itself; a link of it may be followed."""
    assert ask(dashboard, "GET", "/runs", sec_fetch_site=site, sec_fetch_mode="no-cors").status_code == 403
    assert ask(dashboard, "POST", "/runs/x/cancel", sec_fetch_site=site, sec_fetch_mode="navigate").status_code == 403
    assert ask(dashboard, "GET", "/runs", sec_fetch_site=site, sec_fetch_mode="navigate").status_code == 200


def test_a_change_must_come_from_a_page_of_ours(dashboard: Dashboard) -> None:
    """A request that changes something and does not say where it comes from is refused."""
    assert ask(dashboard, "POST", "/runs/x/cancel").status_code == 403
    assert ask(dashboard, "POST", "/runs/x/cancel", origin=dashboard.url).status_code == 404


def test_without_the_link_nobody_gets_in(dashboard: Dashboard) -> None:
    """Without the cookie, with a wrong one, or with a wrong token, no page and no stream is answered."""
    for path in ("/", "/runs", "/events", "/runs/x/files/output/a.mp4"):
        assert httpx.get(dashboard.url + path).status_code == 401
        wrong = {"Cookie": f"{dashboard.built.access.cookie}=wrong"}
        assert httpx.get(dashboard.url + path, headers=wrong).status_code == 401
    assert httpx.get(f"{dashboard.url}/?token=wrong").status_code == 403


def test_the_link_becomes_a_cookie_that_scripts_cannot_read(dashboard: Dashboard) -> None:
    """The token is left behind at once, and the cookie is HttpOnly and SameSite=Strict."""
    answer = httpx.get(dashboard.built.access.link)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert httpx.get(f"{dashboard.url}/", cookies=answer.cookies).status_code == 200


def test_a_ticket_is_good_once(dashboard: Dashboard) -> None:
    """What stands on the browser's command line, where other users may read it, lets in one time only."""
    ticket = dashboard.built.access.ticket()
    assert [httpx.get(ticket).status_code for _ in range(2)] == [303, 403]


@pytest.mark.parametrize("path", ["/", "/runs/none", "/static/style.css", "/events-not"])
def test_every_answer_carries_the_policy(dashboard: Dashboard, path: str) -> None:
    """Pages, errors and files alike forbid inline script and style, framing and sniffing."""
    headers = dashboard.client.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cross-origin-resource-policy"] == "same-origin"


def test_pages_hold_nothing_inline_and_nothing_from_elsewhere(dashboard: Dashboard) -> None:
    """No page has a script or a style written into it, a handler in an attribute, or an address of another host."""
    for path in ("/", "/runs", "/workers", "/tours"):
        text = dashboard.client.get(path).text
        assert "<script>" not in text
        assert "<style" not in text
        assert " style=" not in text
        assert " onclick" not in text
        assert "http://" not in text.replace("http://www.w3.org/2000/svg", "")
        assert "https://" not in text


@pytest.mark.parametrize("others", ['prefs={"a":1}', "title=two words", "x", "=", 'y="a;b"', "{cookie}=not-ours"])
@pytest.mark.parametrize("first", [True, False])
def test_the_cookies_of_other_servers_do_not_lock_out(dashboard: Dashboard, others: str, *, first: bool) -> None:
    """A browser sends those of every port of this machine in one header, whatever their makers put into them."""
    name = dashboard.built.access.cookie
    ours = f"{name}={dashboard.client.cookies[name]}"
    odd = others.replace("{cookie}", name)
    header = "; ".join([odd, ours] if first else [ours, odd])
    assert httpx.get(f"{dashboard.url}/", headers={"Cookie": header}).status_code == 200
