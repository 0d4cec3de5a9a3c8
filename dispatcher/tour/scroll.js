// Scroll as a hand does: to the top, the bottom, a position in pixels, or (`to` is null) until the element is in view.
async (element, { to, pixelsPerSecond }) => {
  const scrolls = (box) => box === document.scrollingElement
    ? box.scrollHeight > innerHeight + 1
    : box.scrollHeight > box.clientHeight + 1 && /auto|scroll|overlay/.test(getComputedStyle(box).overflowY);
  const ease = (t) => t ** 3 * (t * (6 * t - 15) + 10);
  const heightOf = (box) => (box === document.scrollingElement ? innerHeight : box.clientHeight);
  const topOf = (box) => (box === document.scrollingElement ? 0 : box.getBoundingClientRect().top);
  const end = (box) => box.scrollHeight - heightOf(box);

  const glide = (box, goal) => new Promise((done) => {
    const from = box.scrollTop;
    const way = Math.max(0, Math.min(goal, end(box))) - from;
    if (Math.abs(way) < 1) return done();
    const lasts = Math.min(12000, Math.max(400, (Math.abs(way) / pixelsPerSecond) * 1000));
    const began = performance.now();
    const tick = () => {
      const part = Math.min(1, Math.max(0, (performance.now() - began) / lasts));
      box.scrollTo({ top: from + way * ease(part), behavior: "instant" });
      if (part < 1) requestAnimationFrame(tick);
      else done();
    };
    requestAnimationFrame(tick);
  });

  if (to === null) {
    for (let box = element.parentElement; box; box = box.parentElement) {
      if (!scrolls(box)) continue;
      const at = element.getBoundingClientRect();
      const room = Math.max(0, heightOf(box) - at.height) / 2;
      await glide(box, box.scrollTop + at.top - topOf(box) - room);
    }
    return;
  }
  // A page that does not scroll itself often holds one large box that does.
  const area = (box) => box.clientWidth * box.clientHeight;
  const boxes = [...document.querySelectorAll("*")].filter(scrolls).sort((a, b) => area(b) - area(a));
  const box = scrolls(document.scrollingElement) ? document.scrollingElement : boxes[0];
  if (!box) return;
  if (to === "top") await glide(box, 0);
  else if (to !== "bottom") await glide(box, to);
  // Pages that load more when they are scrolled grow under way: follow them a few times.
  else for (let n = 0; n < 5 && end(box) - box.scrollTop > 1; n++) await glide(box, end(box));
}
