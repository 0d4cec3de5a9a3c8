// Scroll as a hand does. What is done is `how.act`:
//   "show":  bring `element` (or `how.part` of it: [left, top, width, height] from its corner) into view, through every
//            box around it, free of bars that stay on top; with `how.centre` to the middle of the innermost box that
//            scrolls up and down, also where it is in view there
//   "edge":  scroll the box `element` (or the page, for :root) to its "top", "bottom", "left" or "right"
//   "to":    scroll it to `how.x` and `how.y` pixels; null leaves that direction alone
// Returns "scrolled", "endless" where more kept arriving until `how.longestSeconds` were over, or null where nothing
// there scrolls in this direction. "show" returns nothing.
async (element, how) => {
  const LONGEST_MS = 12000, SHORTEST_MS = 400, LONGEST_STEP_MS = 40, TRIES = 3;
  const UNSEEN_MS = 1000, FIRST_WAIT_MS = 800, NEXT_WAIT_MS = 2000, LOOK_MS = 50;
  const X = { start: "left", end: "right", size: "width", at: "scrollLeft", whole: "scrollWidth", seen: "clientWidth",
    overflow: "overflowX", before: "Left", after: "Right" };
  const Y = { start: "top", end: "bottom", size: "height", at: "scrollTop", whole: "scrollHeight", seen: "clientHeight",
    overflow: "overflowY", before: "Top", after: "Bottom" };
  const page = document.scrollingElement ?? document.documentElement;
  const pause = (ms) => new Promise((done) => setTimeout(done, ms));
  const ease = (t) => t ** 3 * (t * (6 * t - 15) + 10);
  const above = (node) => node.assignedSlot ?? node.parentNode ?? node.host;
  const around = (node) => {
    const found = [];
    for (let one = above(node); one; one = above(one)) if (one instanceof Element) found.push(one);
    return found;
  };

  // The page itself scrolls unless its root or its body forbids it; a body whose rule is passed on to it does not.
  const overflow = (box, axis) => {
    const rule = (one) => getComputedStyle(one)[axis.overflow];
    const passesOn = document.body && rule(document.documentElement) === "visible";
    if (box !== page) return box === document.body && passesOn ? "visible" : rule(box);
    const own = rule(passesOn ? document.body : document.documentElement);
    return own === "visible" ? "auto" : own;
  };
  const room = (box, axis) => box[axis.whole] - box[axis.seen];
  const limits = (box, axis) => {
    const leftwards = axis === X && getComputedStyle(box).direction === "rtl";
    return leftwards ? [-room(box, axis), 0] : [0, room(box, axis)];
  };
  const scrolls = (box, axis) => room(box, axis) > 1 && /auto|scroll|overlay/.test(overflow(box, axis));
  const canScroll = (box, axis) => room(box, axis) > 1 && !/clip|visible/.test(overflow(box, axis));

  // Where a box shows its content, in the viewport.
  const port = (box) => {
    if (box === page) return { left: 0, top: 0, right: page.clientWidth, bottom: page.clientHeight };
    const { left, top } = box.getBoundingClientRect();
    const at = { left: left + box.clientLeft, top: top + box.clientTop };
    return { ...at, right: at.left + box.clientWidth, bottom: at.top + box.clientHeight };
  };
  const put = (box, left, top) => box.scrollTo({ left, top, behavior: "instant" });

  // Go there in this moment, look, and come back; nothing is drawn meanwhile. Also says where the page's own snap
  // points let it come to rest.
  const tryOut = (box, left, top, look) => {
    const from = [box.scrollLeft, box.scrollTop];
    put(box, left, top);
    const told = look(box.scrollLeft, box.scrollTop);
    withoutSnap(box, () => put(box, ...from));
    return told;
  };
  const SNAP = "scroll-snap-type";
  const snapping = (box) => (box === page ? [document.documentElement, document.body].filter(Boolean) : [box]);
  const suspendSnap = (box) => {
    const rule = ({ style }) => [style.getPropertyValue(SNAP), style.getPropertyPriority(SNAP)];
    const kept = snapping(box).map((one) => [one, ...rule(one)]);
    for (const [one] of kept) one.style.setProperty(SNAP, "none", "important");
    return () => {
      for (const [one, value, priority] of kept) {
        one.style.setProperty(SNAP, value, priority);
        if (!one.getAttribute("style")) one.removeAttribute("style");
      }
    };
  };
  const withoutSnap = (box, act) => {
    const again = suspendSnap(box);
    act();
    again();
  };

  const glide = async (box, left, top) => {
    const [x, y] = tryOut(box, left, top, (...at) => at);
    const from = [box.scrollLeft, box.scrollTop];
    const way = Math.hypot(x - from[0], y - from[1]);
    if (way < 1) return;
    const lasts = Math.min(LONGEST_MS, Math.max(SHORTEST_MS, (way / how.pixelsPerSecond) * 1000));
    const again = suspendSnap(box);
    const frame = new Promise((done) => requestAnimationFrame(() => done(true)));
    const isDrawn = await Promise.race([frame, pause(UNSEEN_MS)]);
    let [part, last] = [0, performance.now()];
    if (!isDrawn) put(box, x, y);  // a frame that is out of sight draws nothing: nobody sees it jump
    else await new Promise((done) => {
      const tick = () => {
        const now = performance.now();
        part = Math.min(1, part + Math.min(now - last, LONGEST_STEP_MS) / lasts);  // a busy machine: slower, no jumps
        last = now;
        put(box, from[0] + (x - from[0]) * ease(part), from[1] + (y - from[1]) * ease(part));
        if (part < 1 && box.isConnected) requestAnimationFrame(tick);
        else done();
      };
      requestAnimationFrame(tick);
    });
    again();
  };

  // ---- bringing an element into view

  const wanted = () => {
    const box = element.getBoundingClientRect();
    const [left, top, width, height] = how.part ?? [0, 0, box.width, box.height];
    const style = getComputedStyle(element);
    const margin = (side) => (how.part ? 0 : parseFloat(style[`scrollMargin${side}`]) || 0);
    return {
      left: box.left + left - margin("Left"), right: box.left + left + width + margin("Right"),
      top: box.top + top - margin("Top"), bottom: box.top + top + height + margin("Bottom"),
    };
  };

  // How much of the start and the end of a box is hidden by bars that do not scroll with it: what is fixed or sticky
  // there now, and what the page says of it (scroll-padding).
  const insets = (box, axis) => {
    const [shown, target] = [port(box), wanted()];
    const across = axis === Y ? X : Y;
    const first = Math.max(shown[across.start], target[across.start]);
    const middle = (first + Math.min(shown[across.end], target[across.end])) / 2;
    const length = shown[axis.end] - shown[axis.start];
    const holds = new Set([element, ...around(element)]);
    const barAt = (place) => {
      let hit = axis === Y ? document.elementFromPoint(middle, place) : document.elementFromPoint(place, middle);
      for (; hit && !holds.has(hit); hit = above(hit)) {
        if (!(hit instanceof Element)) continue;
        if (/fixed|sticky/.test(getComputedStyle(hit).position)) return hit.getBoundingClientRect();
      }
      return null;
    };
    let [low, high] = [shown[axis.start], shown[axis.end]];
    for (let bar = barAt(low + 1); bar && bar[axis.end] > low; bar = barAt(low + 1)) low = bar[axis.end];
    for (let bar = barAt(high - 1); bar && bar[axis.start] < high; bar = barAt(high - 1)) high = bar[axis.start];
    if (high - low < length * 0.4) [low, high] = [shown[axis.start], shown[axis.end]];  // it covers all: no bar
    const style = getComputedStyle(box === page ? document.documentElement : box);
    const padding = (side) => {
      const text = style[`scrollPadding${side}`];
      return (parseFloat(text) || 0) * (text.endsWith("%") ? length / 100 : 1);
    };
    return [
      Math.max(low - shown[axis.start], padding(axis.before)), Math.max(shown[axis.end] - high, padding(axis.after)),
    ];
  };

  // Where a box has to scroll to in one direction: where it is, if the element is seen whole there.
  const goal = (box, axis, [first, last], centre) => {
    const [shown, target] = [port(box), wanted()];
    const [low, high] = [shown[axis.start] + first, shown[axis.end] - last];
    const [from, to] = [target[axis.start], target[axis.end]];
    const [free, length, visible] = [high - low, to - from, Math.min(to, high) - Math.max(from, low)];
    const stays = box[axis.at];
    if (!(visible > 0 ? scrolls : canScroll)(box, axis)) return stays;
    if (!centre && (visible > length - 1 || (how.mayBeCut && length > free && visible > free / 2))) return stays;
    const [least, most] = limits(box, axis);
    return Math.min(most, Math.max(least, stays + from - low - Math.max(0, free - length) / 2));
  };
  const goals = (box, centre) => [goal(box, X, insets(box, X), false), goal(box, Y, insets(box, Y), centre)];

  const show = async () => {
    let { centre } = how;
    for (const box of [element, ...around(element)]) {
      // Bars come and go with the scrolling, and pages grow under way: look again when it has come to rest.
      for (let n = 0; box !== element && n < TRIES; n++) {
        const there = tryOut(box, ...goals(box, centre), () => goals(box, centre));
        if (Math.hypot(there[0] - box.scrollLeft, there[1] - box.scrollTop) < 1) break;
        await glide(box, ...there);
      }
      if (box !== element && scrolls(box, Y)) centre = false;
      if (getComputedStyle(box).position === "fixed") break;  // what is around it does not move it
    }
    return true;
  };

  // ---- scrolling a box

  const everything = (root) => [...root.querySelectorAll("*")].flatMap(
    (one) => (one.shadowRoot ? [one, ...everything(one.shadowRoot)] : [one]));
  // The box that is meant, else the largest in it: a page that does not scroll itself often holds one that does.
  const meant = (axis) => {
    const [own, may] = element === document.documentElement ? [page, scrolls] : [element, canScroll];
    if (may(own, axis)) return own;
    const area = (box) => box.clientWidth * box.clientHeight;
    return everything(element).filter((box) => scrolls(box, axis)).sort((a, b) => area(b) - area(a))[0];
  };

  // Pages that load more when their end is reached grow: go on while more arrives. Returns whether it never stopped.
  const toTheEnd = async (box, axis) => {
    const began = performance.now();
    const last = () => limits(box, axis)[1];
    const left = () => last() - box[axis.at] > 1;
    const over = () => performance.now() - began > how.longestSeconds * 1000;
    const go = () => (axis === Y ? glide(box, box.scrollLeft, last()) : glide(box, last(), box.scrollTop));
    let grew = false;
    await go();
    for (let wait = FIRST_WAIT_MS; !over(); wait = NEXT_WAIT_MS) {
      for (let waited = 0; !left() && waited < wait; waited += LOOK_MS) await pause(LOOK_MS);
      if (!left()) return false;
      grew = true;
      const at = box[axis.at];
      await go();
      if (box[axis.at] === at) return false;  // snap points keep it from the very end
    }
    return grew;
  };

  if (how.act === "show") return show();
  const axis = /left|right/.test(how.edge) || (how.act === "to" && how.y === null) ? X : Y;
  const box = meant(axis);
  if (!box) return null;
  if (/bottom|right/.test(how.edge)) return (await toTheEnd(box, axis)) ? "endless" : "scrolled";
  if (how.edge === "top") await glide(box, box.scrollLeft, 0);
  else if (how.edge === "left") await glide(box, limits(box, X)[0], box.scrollTop);
  else await glide(box, how.x ?? box.scrollLeft, how.y ?? box.scrollTop);
  return "scrolled";
}
