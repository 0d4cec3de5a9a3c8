// The arrow that a headless browser does not draw. Runs in every document before its own scripts; nothing of the
// page can reach it (closed shadow root) and it takes no part in the page (no pointer events, top layer).
// Strict pages forbid inline styles and innerHTML, so everything is made through the DOM.
(() => {
  const ask = window[ASK];
  delete window[ASK];
  const outermost = window === window.top;
  if (!outermost) return relay();

  const host = document.createElement("div");
  const style = (element, rules) => {
    for (const [name, value] of Object.entries(rules)) element.style.setProperty(name, value, "important");
  };
  style(host, {
    all: "initial", position: "fixed", inset: "0 auto auto 0", width: "0", height: "0", margin: "0", border: "0",
    padding: "0", overflow: "visible", background: "none", "pointer-events": "none", "z-index": "2147483647",
  });
  host.setAttribute("aria-hidden", "true");
  host.popover = "manual";
  const root = host.attachShadow({ mode: "closed" });
  // Drawn with plain boxes: a picture or an SVG would count as the page's own first contentful paint.
  const shape = (color, points) => {
    const box = document.createElement("div");
    style(box, { position: "absolute", inset: "0", background: color, "pointer-events": "none",
      "clip-path": `polygon(${points.map(([x, y]) => `${x}px ${y}px`).join()})` });
    return box;
  };
  const arrow = document.createElement("div");
  style(arrow, { position: "absolute", left: "-2px", top: "-2px", width: "26px", height: "34px",
    "pointer-events": "none", visibility: "hidden", filter: "drop-shadow(0 1px 2px rgba(0,0,0,.45))" });
  arrow.append(
    shape("#fff", [[1.2, 0.1], [1.2, 26.4], [6.9, 21], [10.5, 29.1], [16, 26.6], [12.5, 18.9], [20.6, 18.9]]),
    shape("#111", [[2.8, 3.9], [2.8, 22.6], [7.5, 18.2], [11.3, 26.9], [13.8, 25.8], [10.1, 17.3], [16.6, 17.3]]),
  );
  root.append(arrow);

  const raise = () => {
    if (!document.documentElement) return;
    if (!host.isConnected) document.documentElement.append(host);
    if (host.matches(":popover-open")) host.hidePopover();
    host.showPopover();
  };
  const place = (x, y) => {
    if (!host.isConnected) raise();
    style(host, { transform: `translate(${x}px, ${y}px)` });
    style(arrow, { visibility: "visible" });
  };
  const ripple = () => {
    const ring = document.createElement("div");
    style(ring, {
      position: "absolute", left: "-22px", top: "-22px", width: "44px", height: "44px", "box-sizing": "border-box",
      "border-radius": "50%", border: "3px solid rgba(37,99,235,.95)", background: "rgba(37,99,235,.30)",
      "pointer-events": "none",
    });
    root.prepend(ring);
    const frames = [{ transform: "scale(.25)", opacity: 1 }, { transform: "scale(1)", opacity: 0 }];
    ring.animate(frames, { duration: 480, easing: "ease-out" }).finished.finally(() => ring.remove());
  };

  const hide = () => style(arrow, { visibility: "hidden" });
  // What the mouse drags: a picture of an element, or the name of a file. Drawn on a canvas, for strict pages forbid
  // images of other sources too.
  let carried = null;
  const carry = async (what) => {
    carried?.remove();
    carried = null;
    if (what === null) return;
    carried = document.createElement(what.png ? "canvas" : "div");
    style(carried, { position: "absolute", left: "10px", top: "12px", "pointer-events": "none", opacity: ".8",
      "border-radius": "6px", "box-shadow": "0 3px 10px rgba(0,0,0,.35)" });
    if (what.png) {
      const bytes = Uint8Array.from(atob(what.png), (letter) => letter.charCodeAt(0));
      const picture = await createImageBitmap(new Blob([bytes]));
      [carried.width, carried.height] = [picture.width, picture.height];
      style(carried, { width: `${what.width}px`, height: `${what.height}px`, left: `${what.left}px`, top: `${what.top}px` });
      carried.getContext("2d").drawImage(picture, 0, 0);
    } else {
      carried.textContent = what.text;
      style(carried, { padding: "6px 12px", background: "#fff", color: "#222", font: "13px/1.4 system-ui, sans-serif",
        "white-space": "nowrap", border: "1px solid #bbb" });
    }
    root.prepend(carried);
  };

  for (const moved of ["mousemove", "dragover"]) {
    addEventListener(moved, (event) => place(event.clientX, event.clientY), true);
  }
  addEventListener("pointerdown", (event) => { place(event.clientX, event.clientY); ripple(); }, true);
  // What enters the top layer later lies above: go there again after it. A dialog within a shadow tree tells nobody, so
  // after whatever may have opened one the arrow goes there once more.
  addEventListener("toggle", (event) => { if (event.target !== host && event.newState === "open") raise(); }, true);
  addEventListener("fullscreenchange", raise, true);
  for (const opens of ["click", "keydown"]) {
    addEventListener(opens, () => { for (const ms of [0, 60, 250]) setTimeout(raise, ms); }, true);
  }
  addEventListener("DOMContentLoaded", raise);
  Object.defineProperty(window, Symbol.for(ASK), { value: { place, ripple, hide, carry } });
  if (ask) ask().then(([x, y]) => { if (arrow.style.visibility === "hidden") place(x, y); });

  // A frame of the same origin tells the page where the mouse is; over one of another origin the recorder does.
  function relay() {
    const tell = (event, act) => {
      try {
        let [x, y, here] = [event.clientX, event.clientY, window];
        for (; here !== window.top; here = here.parent) {
          const box = here.frameElement.getBoundingClientRect();
          const { offsetWidth, offsetHeight, clientLeft, clientTop } = here.frameElement;
          const style = here.parent.getComputedStyle(here.frameElement);
          x = box.left + (x + clientLeft + parseFloat(style.paddingLeft)) * (box.width / offsetWidth || 1);
          y = box.top + (y + clientTop + parseFloat(style.paddingTop)) * (box.height / offsetHeight || 1);
        }
        const cursor = window.top[Symbol.for(ASK)];
        cursor.place(x, y);
        if (act) cursor.ripple();
      } catch { /* another origin: out of reach by design */ }
    };
    for (const moved of ["mousemove", "dragover"]) addEventListener(moved, (event) => tell(event, false), true);
    addEventListener("pointerdown", (event) => tell(event, true), true);
  }
})();
