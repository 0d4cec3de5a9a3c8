// Lay a translucent box over lines of an editor. It follows them when they move and never leaves the editor's area.
// Nothing of the page can reach it (closed shadow root), and it takes no part in the page (no pointer events).
// Returns what is wrong with the colour, or "".
(editor, [first, last, color, mark]) => {
  const KEY = Symbol.for(mark);
  window[KEY]?.();
  if (color !== null && !CSS.supports("color", color)) return "is not a colour of a web page";

  const style = (element, rules) => {
    for (const [name, value] of Object.entries(rules)) element.style.setProperty(name, value, "important");
  };
  const channels = (text) => (text.match(/[\d.]+/g) ?? []).map(Number);
  const isDark = () => {
    for (let box = editor.root; box; box = box.parentElement) {
      const [red, green, blue, alpha = 1] = channels(getComputedStyle(box).backgroundColor);
      if (alpha > 0.5) return 0.3 * red + 0.6 * green + 0.1 * blue < 110;
    }
    return false;
  };

  const host = document.createElement("div");
  style(host, {
    all: "initial", position: "absolute", left: "0", top: "0", width: "0", height: "0", "pointer-events": "none",
    "z-index": "6",
  });
  host.setAttribute("aria-hidden", "true");
  const shadow = host.attachShadow({ mode: "closed" });
  const box = document.createElement("div");
  const bar = document.createElement("div");
  const dark = isDark();
  const ink = color ?? "rgb(255, 208, 0)";
  const common = { position: "absolute", "pointer-events": "none", "box-sizing": "border-box", background: ink };
  // What is printed stays as sharp as it was: on light ground only the ground is coloured, on dark ground likewise.
  style(host, { "mix-blend-mode": dark ? "screen" : "multiply" });
  style(box, { ...common, "border-radius": "3px" });
  style(bar, { ...common, "border-radius": "2px" });
  shadow.append(box, bar);
  (/^(TEXTAREA|INPUT)$/.test(editor.root.tagName) || editor.root.isContentEditable
    ? editor.root.parentElement : editor.root).append(host);
  const strength = channels(getComputedStyle(box).backgroundColor).length > 3 ? 1 : dark ? 0.28 : 0.42;
  style(box, { opacity: String(strength) });

  let alive = true;
  const follow = () => {
    if (!alive) return;
    const [seen, lines] = [editor.area(), editor.range(first, last)];
    const [top, bottom] = lines ? [Math.max(lines.top, seen.top), Math.min(lines.bottom, seen.bottom)] : [0, 0];
    const shown = bottom - top > 1 && seen.right > seen.left;
    style(host, { visibility: shown ? "visible" : "hidden" });
    if (shown) {
      const origin = host.getBoundingClientRect();
      const left = Math.max(seen.left, lines.left - 4);
      const at = { left: `${left - origin.left}px`, top: `${top - origin.top}px`, height: `${bottom - top}px` };
      style(box, { ...at, width: `${seen.right - left}px` });
      style(bar, { ...at, width: "3px" });
    }
    requestAnimationFrame(follow);
  };
  follow();
  const fade = (from, to) => [box, bar].map((part) => part.animate(
    [{ opacity: from * (part === box ? strength : 1) }, { opacity: to * (part === box ? strength : 1) }],
    { duration: 180, easing: "ease-out", fill: to ? "none" : "forwards" },
  ).finished);
  fade(0, 1);
  window[KEY] = async (slowly) => {
    delete window[KEY];
    if (slowly) await Promise.allSettled(fade(1, 0));
    alive = false;
    host.remove();
  };
  return "";
}
