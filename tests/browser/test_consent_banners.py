"""Banners about cookies and consent: agreed to in any language, frame or shadow tree; nothing else is pressed."""

from __future__ import annotations

import pytest

from dispatcher.tour.browser.action_context import ActionContext
from tests.support.acting import do, show
from tests.support.pages import Site

pytestmark = [pytest.mark.browser]
FIXED = "style='position:fixed;left:0;right:0;bottom:0;background:#fe9;padding:8px'"
GONE = "onclick=\"document.title='gone'\""
SHADOW = """<div id=usercentrics-root></div><script>
const root = document.getElementById('usercentrics-root').attachShadow({ mode: 'open' });
root.innerHTML = '<p style="position:fixed;bottom:0"><button data-testid=uc-accept-all-button>Accept All</button>';
root.querySelector('button').onclick = () => { document.title = 'gone' };</script>"""
FRAME = f"""<iframe {FIXED} title='SP Consent Message' height=60
srcdoc="<button onclick=parent.document.title='gone'>Accept all</button>"></iframe>"""
BANNERS = {
    "plain": f"<div class=cookie-consent {FIXED}><button {GONE}>Accept</button></div>",
    "agree": f"<div id=gdpr-bar {FIXED}><button {GONE}>I agree</button></div>",
    "german": f"<div id=cookie-banner {FIXED}><button {GONE}>Alle akzeptieren</button></div>",
    "allow": f"<div class='b cookie-notice' {FIXED}><button {GONE}>Allow all</button></div>",
    "camel case": f"<div class='b cookieNotice' {FIXED}><button {GONE}>OK</button></div>",
    "link": f"<div class=cookie-bar {FIXED}><a href='#' role=button {GONE}>Accept all cookies</a></div>",
    "input": f"<div class=cookie-bar {FIXED}><input type=button value=Accept {GONE}></div>",
    "frame": FRAME,
    "shadow": SHADOW,
    "by its words": f"<div {FIXED}><p>We use cookies to improve things.</p><button {GONE}>Got it!</button></div>",
    "french": f"<div role=dialog><p>Nous utilisons des cookies.</p><button {GONE}>Tout accepter</button></div>",
    "spanish": f"<div class=consent-modal {FIXED}><button {GONE}>Aceptar todas las cookies</button></div>",
    "italian": f"<div class=cookie-law {FIXED}><button {GONE}>Accetta tutti</button></div>",
    "polish": f"<div {FIXED}>Używamy plików cookie.<button {GONE}>Zaakceptuj wszystkie</button></div>",
    "japanese": f"<div {FIXED}>当サイトではクッキーを使用しています。<button {GONE}>すべて同意する</button></div>",
    "reject or accept": f"<div id=cookie-banner {FIXED}><button>Reject all</button><button {GONE}>Accept all</button>",
    "only close": f"<div id=cookie-banner {FIXED}><button aria-label=Close {GONE}>×</button></div>",
}
DECOYS = {
    "an order": f"<div id=order {FIXED}><p>Your order</p><button {GONE}>Accept</button></div>",
    "an order in a dialog": f"<div role=dialog>Order 12<button {GONE}>Accept all</button></div>",
    "a bakery": f"<div class=cookie-list><p>Chocolate cookies</p><button {GONE}>OK</button></div>",
    "a bakery's dialog": f"<div role=dialog>Order 12 cookies?<button {GONE}>OK</button></div>",
    "terms in the page": f"<p>We use cookies. <button {GONE}>Agree</button></p>",
    "a link with more words": f"<div id=cookie-banner {FIXED}><a href='#' {GONE}>Accept our invitation</a></div>",
    "what is hidden": f"<div id=cookie-banner hidden><button {GONE}>Accept all</button></div>",
}


@pytest.mark.parametrize("kind", BANNERS)
def test_a_consent_banner_is_answered(context: ActionContext, site: Site, kind: str) -> None:
    """The banner's own button to agree is pressed, once, by the pointer."""
    show(context, site, f"<h1>News</h1>{BANNERS[kind]}", title="News")
    do(context, "dismiss_popups")
    assert context.page.title() == "gone"
    assert context.page.locator("[data-gpudrop-consent]").count() == 0


@pytest.mark.parametrize("kind", DECOYS)
def test_nothing_else_is_accepted(context: ActionContext, site: Site, kind: str) -> None:
    """A button that agrees to something else is left alone."""
    show(context, site, f"<h1>News</h1>{DECOYS[kind]}", title="News")
    do(context, "dismiss_popups")
    assert context.page.title() == "News"


def test_a_banner_beside_an_order(context: ActionContext, site: Site) -> None:
    """Where both ask to accept, only the banner is answered."""
    order = "<div id=order><button onclick='document.body.dataset.order=1'>Accept</button></div>"
    show(context, site, order + BANNERS["plain"])
    do(context, "dismiss_popups")
    assert context.page.title() == "gone"
    assert context.page.evaluate("document.body.dataset.order") is None
