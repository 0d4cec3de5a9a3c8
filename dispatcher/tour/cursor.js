// A visible cursor: Playwright moves a mouse that no film shows. Told where to be by events on the document;
// a closed shadow root keeps the page's styles out, and it takes no clicks.
(() => {
  const SVG = "http://www.w3.org/2000/svg";
  let host, arrow, layer;

  function shape(name, attributes, parent) {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    parent.append(made);
    return made;
  }

  function attach() {
    if (host && host.isConnected) return;
    host = document.createElement("gpudrop-cursor");
    host.setAttribute("aria-hidden", "true");
    Object.assign(host.style, {
      all: "initial", position: "fixed", inset: "0", pointerEvents: "none", zIndex: "2147483647", contain: "strict",
    });
    layer = host.attachShadow({ mode: "closed" });
    arrow = shape("svg", { width: 26, height: 32, viewBox: "0 0 26 32" }, layer);
    Object.assign(arrow.style, {
      position: "fixed", left: "-2px", top: "-2px", filter: "drop-shadow(0 1px 2px rgba(0,0,0,.45))",
    });
    shape("path", {
      d: "M2 2 L2 24 L7.6 18.9 L11.4 27.6 L15.6 25.8 L11.8 17.3 L19.4 17 Z",
      fill: "#111", stroke: "#fff", "stroke-width": 1.8, "stroke-linejoin": "round",
    }, arrow);
    document.documentElement.append(host);
  }

  document.addEventListener("gpudrop-cursor", (event) => {
    const { x, y, ms } = event.detail;
    attach();
    arrow.style.transition = ms ? `transform ${ms}ms cubic-bezier(.45,.05,.25,1)` : "none";
    arrow.style.transform = `translate(${x}px, ${y}px)`;
  });

  document.addEventListener("mousedown", (event) => {
    if (!host || !host.isConnected) return;
    const ring = shape("svg", { width: 60, height: 60, viewBox: "0 0 60 60" }, layer);
    Object.assign(ring.style, { position: "fixed", left: `${event.clientX - 30}px`, top: `${event.clientY - 30}px` });
    const circle = shape("circle", { cx: 30, cy: 30, r: 26, fill: "rgba(255,176,0,.28)", stroke: "#ffb000", "stroke-width": 3 }, ring);
    circle.style.transformOrigin = "center";
    circle.animate(
      [
        { transform: "scale(.25)", opacity: 1 },
        { transform: "scale(.85)", opacity: 0.9, offset: 0.6 },
        { transform: "scale(1)", opacity: 0 },
      ],
      { duration: 600, easing: "ease-out", fill: "forwards" },
    ).onfinish = () => ring.remove();
  }, true);
})();
