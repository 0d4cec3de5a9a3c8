// Which points of a frame's document can be reached through the page around it. `element` is the frame's element, and
// `points` are in the coordinates of the document that holds it. Returns { free, blocker }: whether each point is free,
// and what covers the first one.
(element, points) => {
  const named = (hit) => (hit ? `<${hit.localName}${hit.id && `#${hit.id}`}>` : "nothing");
  const hits = points.map(([x, y]) => {
    let hit = document.elementFromPoint(x, y);
    while (hit?.shadowRoot && hit !== element) {
      const inner = hit.shadowRoot.elementFromPoint(x, y);
      if (!inner || inner.getRootNode() !== hit.shadowRoot) break;
      hit = inner;
    }
    return hit;
  });
  return { free: hits.map((hit) => hit === element), blocker: hits.length ? named(hits[0]) : "" };
}
