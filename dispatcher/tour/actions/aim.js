// Where an element can be pressed, found without touching the mouse. Coordinates are CSS pixels of the element's own
// document. `view` ([left, top, right, bottom] or null) is what the page around a frame shows of its document, `prefer`
// a point to keep if it will do. Returns { state, points, blocker }: `points` are places where a press reaches the
// element, the best first.
async (element, { view, prefer }) => {
  const GRID = 7, FRAME_MS = 100;
  const frame = () => new Promise((done) => {
    const late = setTimeout(done, FRAME_MS);  // a frame that is out of sight draws nothing
    requestAnimationFrame(() => { clearTimeout(late); done(); });
  });
  const boxOf = () => {
    const { left, top, width, height } = element.getBoundingClientRect();
    return [left, top, width, height].join();
  };
  await frame();
  const before = boxOf();
  await frame();
  if (!element.isConnected) return { state: "gone", points: [] };

  const above = (node) => node.assignedSlot ?? node.parentNode ?? node.host;
  const deepest = (x, y) => {
    let hit = document.elementFromPoint(x, y);
    while (hit?.shadowRoot) {
      const inner = hit.shadowRoot.elementFromPoint(x, y);
      if (!inner || inner.getRootNode() !== hit.shadowRoot) break;
      hit = inner;
    }
    return hit;
  };
  // A press on the button or link around the element does the same, and so does one on its label.
  const wanted = new Set([element, element.closest("button, [role=button], a[href], [role=link]")]);
  const reaches = (hit) => {
    for (let node = hit; node; node = above(node)) {
      if (wanted.has(node) || (node.localName === "label" && node.control === element)) return true;
    }
    return false;
  };
  const named = (hit) => {
    if (!hit) return "nothing";
    const classes = [...hit.classList].slice(0, 3).map((name) => `.${name}`).join("");
    return `<${hit.localName}${hit.id && `#${hit.id}`}${classes}>`;
  };

  const [left, top] = [Math.max(0, view?.[0] ?? 0), Math.max(0, view?.[1] ?? 0)];
  const [right, bottom] = [Math.min(innerWidth, view?.[2] ?? Infinity), Math.min(innerHeight, view?.[3] ?? Infinity)];
  const parts = [...element.getClientRects()].map((box) => [
    Math.max(box.left, left), Math.max(box.top, top), Math.min(box.right, right), Math.min(box.bottom, bottom),
  ]).filter(([l, t, r, b]) => r - l >= 1 && b - t >= 1);
  if (!parts.length) return { state: "outside", points: [] };
  const disabled = element.matches(":disabled") || element.closest("[aria-disabled=true]");
  if (disabled) return { state: "disabled", points: [] };

  const area = ([l, t, r, b]) => (r - l) * (b - t);
  parts.sort((a, b) => area(b) - area(a));
  const isIn = ([x, y], [l, t, r, b]) => x > l && x < r && y > t && y < b;
  const spots = prefer && parts.some((part) => isIn(prefer, part)) ? [prefer] : [];
  // A file field draws its button at the start of its line; in the middle stands "No file chosen".
  const BUTTON_X = 40;
  if (element.localName === "input" && element.type === "file") {
    const [l, t, r, b] = parts[0];
    const x = Math.min(BUTTON_X, (r - l) / 2);
    spots.push([getComputedStyle(element).direction === "rtl" ? r - x : l + x, (t + b) / 2]);
  }
  for (const [l, t, r, b] of parts) {
    const steps = Array.from({ length: GRID }, (_, n) => (n + 0.5) / GRID);
    const grid = steps.flatMap((x) => steps.map((y) => [x, y]));
    const off = ([x, y]) => Math.hypot(x - 0.5, y - 0.5);
    for (const [x, y] of grid.sort((a, b) => off(a) - off(b))) spots.push([l + (r - l) * x, t + (b - t) * y]);
  }
  const points = spots.filter(([x, y]) => reaches(deepest(x, y)));
  if (points.length) return { state: boxOf() === before ? "ready" : "moving", points };
  const blocker = getComputedStyle(element).pointerEvents === "none" ? "" : named(deepest(...spots[0]));
  return { state: "covered", points, blocker };
}
