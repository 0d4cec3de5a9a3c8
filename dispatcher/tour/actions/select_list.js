// The list of a drop-down field (a select element), which a browser shows in a window of its own that no video sees.
// Drawn over the page, out of its reach, through the DOM only: strict pages forbid inline styles.
({ box, options, current, look }) => {
  const key = Symbol.for("__gpudropList");
  window[key]?.close();
  const host = document.createElement("div");
  const style = (element, rules) => {
    for (const [name, value] of Object.entries(rules)) element.style.setProperty(name, value, "important");
  };
  const rowHeight = Math.max(22, Math.round(look.fontSize * 1.65));
  const fits = (room) => Math.max(1, Math.floor((room - 10) / rowHeight));
  const [below, above] = [innerHeight - box.y - box.height, box.y];
  const rows = Math.min(options.length, 12, fits(Math.max(below, above)));
  const height = rows * rowHeight + 8;
  const top = height <= below ? box.y + box.height : Math.max(2, box.y - height);
  style(host, {
    all: "initial", position: "fixed", inset: "auto", left: `${Math.max(2, box.x)}px`, top: `${top}px`, margin: "0",
    padding: "4px 0", border: "1px solid rgba(0,0,0,.35)", "border-radius": "4px", "box-sizing": "border-box",
    height: `${height}px`, "min-width": `${box.width}px`, "max-width": `${innerWidth - 4}px`, overflow: "hidden",
    background: look.background, color: look.color, font: `${look.fontSize}px ${look.fontFamily}`,
    "box-shadow": "0 4px 14px rgba(0,0,0,.3)", "pointer-events": "none", "z-index": "2147483646",
  });
  host.setAttribute("aria-hidden", "true");
  host.popover = "manual";
  const root = host.attachShadow({ mode: "closed" });
  const made = options.map(({ text, group, disabled }) => {
    const row = document.createElement("div");
    style(row, {
      height: `${rowHeight}px`, "line-height": `${rowHeight}px`, padding: `0 14px 0 ${group === "in" ? 26 : 12}px`,
      "white-space": "nowrap", overflow: "hidden", "text-overflow": "ellipsis", opacity: disabled ? ".45" : "1",
      "font-weight": group === "head" ? "bold" : "normal",
    });
    row.textContent = text || "\u00a0";
    root.append(row);
    return row;
  });
  let lit = -1;
  const show = (index) => {
    if (lit >= 0) style(made[lit], { background: "transparent", color: "inherit" });
    lit = index;
    if (index < 0) return null;
    style(made[index], { background: "#1967d2", color: "#fff" });
    if (made[index].offsetTop + rowHeight > host.scrollTop + height) host.scrollTop = made[index].offsetTop + rowHeight + 8 - height;
    if (made[index].offsetTop < host.scrollTop) host.scrollTop = made[index].offsetTop - 4;
    return null;
  };
  const place = (index) => {
    const before = lit;
    show(index);
    const at = made[index].getBoundingClientRect();
    show(before);
    return [at.left + Math.min(at.width / 2, 60), at.top + at.height / 2];
  };
  document.documentElement.append(host);
  host.showPopover();
  const close = () => { host.remove(); delete window[key]; };
  Object.defineProperty(window, key, { value: { show, place, close }, configurable: true });
  show(current);
}
