// The editor that is meant, as an object to ask: the one at or around `place`, else the one with the focus, else the
// largest that is seen; null if there is none. `only` may be "focused". KNOWN is the whole list of editors.
(place, only) => {
  const shownBox = (element) => {
    const box = element.getBoundingClientRect();
    const style = getComputedStyle(element);
    return box.width > 8 && box.height > 8 && style.visibility !== "hidden" && style.display !== "none" ? box : null;
  };
  const rows = (elements, numberOf) => elements.map((element, n) => {
    const { top, bottom, left } = element.getBoundingClientRect();
    return { number: numberOf(element, n), top, bottom, left, element };
  }).filter(({ number, top, bottom }) => number > 0 && bottom > top);
  const all = (root, selector) => [...root.querySelectorAll(selector)];
  const paste = (target, text) => {
    const clipboardData = new DataTransfer();
    clipboardData.setData("text/plain", text);
    target.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
    return "";
  };

  // CodeMirror 6 keeps its view at the content's element, under a name that changed once.
  const view6 = (root) => {
    const content = root.querySelector(".cm-content");
    return (content?.cmTile?.root ?? content?.cmTile ?? content?.cmView?.rootView ?? content?.cmView)?.view;
  };
  // Monaco numbers its lines in the margin, at the same height; without numbers there, all lines are of one height.
  const monacoRows = (root) => {
    const lines = all(root, ".view-lines > .view-line");
    const numbers = new Map();
    for (const mark of all(root, ".margin-view-overlays .line-numbers")) {
      const number = parseInt(mark.textContent, 10);
      if (number > 0) numbers.set(Math.round(mark.getBoundingClientRect().top), number);
    }
    const top = (line) => line.getBoundingClientRect().top;
    lines.sort((a, b) => top(a) - top(b));
    const first = lines.find((line) => numbers.has(Math.round(top(line))));
    let number = first && first !== lines[0] ? numbers.get(Math.round(top(first))) - 1 : 0;
    return rows(lines, (line) => {
      if (!first) return Math.round(parseFloat(line.style.top) / line.offsetHeight) + 1;
      number = numbers.get(Math.round(top(line))) ?? number;  // a line that is wrapped goes on without a number
      return number;
    });
  };
  // A text area tells nobody where its lines are: lay them out again, beside the page, as it does.
  const textRows = (area) => {
    const style = getComputedStyle(area);
    const mirror = document.createElement("div");
    for (const name of style) mirror.style.setProperty(name, style.getPropertyValue(name));
    const at = area.getBoundingClientRect();
    const fixed = { position: "fixed", left: "0", top: "0", height: "auto", "min-height": "0", "max-height": "none",
      width: `${area.clientWidth}px`, "border-width": "0", "box-sizing": "border-box", visibility: "hidden",
      overflow: "visible", transform: "none" };
    for (const [name, value] of Object.entries(fixed)) mirror.style.setProperty(name, value, "important");
    for (const line of area.value.split("\n")) {
      const row = document.createElement("div");
      row.textContent = line || "\u200b";
      mirror.append(row);
    }
    document.body.append(mirror);
    const [x, y] = [at.left + area.clientLeft - area.scrollLeft, at.top + area.clientTop - area.scrollTop];
    const origin = mirror.getBoundingClientRect();
    const found = rows([...mirror.children], (row, n) => n + 1).map((row) => ({
      number: row.number, top: row.top - origin.top + y, bottom: row.bottom - origin.top + y, left: row.left - origin.left + x,
    }));
    mirror.remove();
    return found;
  };

  const KNOWN = [
    {
      name: "Monaco", root: ".monaco-editor:has(.view-lines)", lines: ".editor-scrollable", 
      input: ".native-edit-context, textarea.inputarea",
      rows: monacoRows,
      count: () => null,
      empty: (root) => all(root, ".view-line").length === 1 && all(root, ".view-line")[0].textContent.trim() === "",
      insert: (root, text) => paste(document.activeElement, text),
      // It takes 50 pixels for 120 units of a wheel, and nothing else from outside.
      scroll: (box, pixels) => {
        const deltaY = Math.round(pixels * 2.4);
        box.dispatchEvent(new WheelEvent("wheel", { deltaY, wheelDeltaY: -deltaY, bubbles: true, cancelable: true }));
      },
      sight: (root) => all(root, ".view-line, .cursor").map((part) => part.textContent + part.style.cssText).join(),
    },
    {
      name: "CodeMirror 6", root: ".cm-editor", lines: ".cm-scroller", input: ".cm-content", gutter: ".cm-gutters",
      rows: (root) => {
        const view = view6(root);
        const number = (line, n) => (view ? view.state.doc.lineAt(view.posAtDOM(line)).number : n + 1);
        return rows(all(root, ".cm-content .cm-line"), number);
      },
      count: (root) => view6(root)?.state.doc.lines ?? null,
      empty: (root) => (view6(root) ? view6(root).state.doc.length === 0 : !root.querySelector(".cm-content").innerText.trim()),
      insert: (root, text) => {
        const view = view6(root);
        if (!view) return paste(document.activeElement, text);
        if (view.state.readOnly) return "it is read-only";
        view.dispatch(view.state.update(view.state.replaceSelection(text), { userEvent: "input", scrollIntoView: true }));
        return "";
      },
    },
    {
      name: "CodeMirror 5", root: ".CodeMirror", lines: ".CodeMirror-scroll", input: "textarea", gutter: ".CodeMirror-gutters",
      rows: (root) => {
        const from = root.CodeMirror?.getViewport().from ?? 0;
        return rows(all(root, ".CodeMirror-code .CodeMirror-line"), (line, n) => from + n + 1);
      },
      count: (root) => root.CodeMirror?.lineCount() ?? null,
      empty: (root) => (root.CodeMirror?.getValue() ?? root.querySelector(".CodeMirror-code").innerText.trim()) === "",
      insert: (root, text) => {
        if (!root.CodeMirror) return paste(document.activeElement, text);
        if (root.CodeMirror.isReadOnly()) return "it is read-only";
        root.CodeMirror.replaceSelection(text, "end", "+input");
        return "";
      },
    },
    {
      name: "text area", root: "textarea:not(.xterm-helper-textarea)", plain: true,
      rows: textRows,
      count: (root) => root.value.split("\n").length,
      empty: (root) => root.value === "",
      caret: (root, line, column) => {
        const before = root.value.split("\n").slice(0, line - 1).join("\n").length + (line > 1);
        const end = before + (root.value.split("\n")[line - 1] ?? "").length;
        const at = column === null ? end : Math.min(end, before + column - 1);
        root.setSelectionRange(at, at);
      },
    },
    {
      name: "editable text", root: "[contenteditable]:not([contenteditable=false])", plain: true,
      rows: (root) => rows(root.children.length ? [...root.children] : [root], (line, n) => n + 1),
      count: (root) => Math.max(1, root.children.length),
      empty: (root) => root.innerText.trim() === "",
    },
    {
      name: "field", root: "input:not([type=button], [type=submit], [type=checkbox], [type=radio], [type=file])", plain: true,
      field: true,
      rows: (root) => rows([root], () => 1),
      count: () => 1,
      empty: (root) => root.value === "",
    },
  ];

  const pick = () => {
    const active = document.activeElement;
    const own = (kind, root) => KNOWN.find((other) => root.closest(other.root)) === kind;  // not the inner parts of another
    const roots = (within, kind) => {
      const found = all(within, kind.root);
      if (within !== document && within.closest(kind.root)) found.unshift(within.closest(kind.root));
      return found.filter((root) => own(kind, root) && shownBox(root)).map((root) => ({ kind, root }));
    };
    const found = KNOWN.flatMap((kind) => roots(place ?? document, kind));
    const uses = ({ kind, root }) => root.contains(active) && (!kind.input || active.matches(kind.input));
    const focused = found.find(uses);  // an editor's search field is not the editor
    if (only === "focused" || (focused && !focused.kind.field)) return focused;
    const area = ({ root }) => root.clientWidth * root.clientHeight;
    const best = (some) => some.sort((a, b) => area(b) - area(a))[0];
    const code = best(found.filter(({ kind }) => !kind.plain));
    return code ?? best(found.filter(({ kind }) => place || !kind.field));
  };

  const made = pick();
  if (!made) return null;
  const { kind, root } = made;
  const linesBox = kind.lines ? root.querySelector(kind.lines) : root;
  const input = kind.input ? root.querySelector(kind.input) : root;

  // What is seen of the lines: not what lies behind the gutter or beyond the edge of a box that scrolls.
  const area = () => {
    let { left, top, right, bottom } = linesBox.getBoundingClientRect();
    [right, bottom] = [Math.min(right, left + linesBox.clientLeft + (linesBox.clientWidth || Infinity)), bottom];
    const gutter = kind.gutter && root.querySelector(kind.gutter);
    if (gutter) left = Math.max(left, gutter.getBoundingClientRect().right);
    for (let box = linesBox.parentElement; box; box = box.parentElement) {
      if (getComputedStyle(box).overflowY === "visible" || box === document.body || box === document.documentElement) continue;
      const edge = box.getBoundingClientRect();
      [left, top] = [Math.max(left, edge.left), Math.max(top, edge.top)];
      [right, bottom] = [Math.min(right, edge.right), Math.min(bottom, edge.bottom)];
    }
    [left, top] = [Math.max(left, 0), Math.max(top, 0)];
    return { left, top, right: Math.min(right, innerWidth), bottom: Math.min(bottom, innerHeight) };
  };
  const range = (first, last) => {
    const within = kind.rows(root).filter(({ number }) => number >= first && number <= last);
    if (!within.length) return null;
    return {
      top: Math.min(...within.map((row) => row.top)), bottom: Math.max(...within.map((row) => row.bottom)),
      left: Math.min(...within.map((row) => row.left)),
      whole: within.some(({ number }) => number === first) && within.some(({ number }) => number === last),
    };
  };

  return {
    name: kind.name,
    exact: Boolean(kind.insert),
    root,
    area,
    range,
    count: () => kind.count(root),
    empty: () => kind.empty(root),
    focused: () => input === document.activeElement || (!kind.input && root.contains(document.activeElement)),
    sight: () => kind.sight?.(root) ?? null,
    focus: () => input.focus({ preventScroll: true }),
    insert: (text) => kind.insert(root, text),

    // The middle of what is seen, if nothing lies over it.
    middle: () => {
      const { left, top, right, bottom } = area();
      const at = [(left + right) / 2, (top + bottom) / 2];
      const hit = document.elementFromPoint(...at);
      return hit && (root.contains(hit) || hit.contains(root)) ? at : null;
    },

    // How many pixels lines are from where they are well seen (0: they are), how all lies now, and whether there is room
    // for them. Lines that are not drawn are as far as their numbers say; too many begin at the top.
    away: (first, last) => {
      const found = kind.rows(root);
      const { top, bottom } = area();
      if (!found.length || bottom - top < 4) return null;
      const now = [found[0].number, found[0].top].join();
      const height = found.map((row) => row.bottom - row.top).sort((a, b) => a - b)[found.length >> 1];
      const tall = (last - first + 1) * height > bottom - top;
      const [lines, start] = [range(first, last), range(first, first)];
      if (tall && start) return [Math.abs(start.top - top) < height ? 0 : start.top - top, now, tall];
      if (!tall && lines?.whole) {
        if (lines.top >= top - 1 && lines.bottom <= bottom + 1) return [0, now, tall];
        return [(lines.top + lines.bottom - top - bottom) / 2, now, tall];
      }
      const wanted = tall ? first : (first + last) / 2;
      const near = found.reduce((a, b) => (Math.abs(b.number - wanted) < Math.abs(a.number - wanted) ? b : a));
      return [(wanted - near.number) * height + near.top - (tall ? top : (top + bottom) / 2), now, tall];
    },

    // Scroll smoothly: the lines' own box, else the nearest one around it that can go further.
    glide: (pixels, seconds) => new Promise((done) => {
      const room = (box) => (pixels > 0 ? box.scrollHeight - box.clientHeight - box.scrollTop : box.scrollTop);
      const scrolls = (box) => room(box) > 1 && (box === document.scrollingElement
        || /auto|scroll|overlay/.test(getComputedStyle(box).overflowY) || box.matches("textarea"));
      let box = linesBox;
      while (!kind.scroll && box && !scrolls(box)) box = box.parentElement;
      if (!box) return done();
      const from = box.scrollTop;
      let [gone, t, last] = [0, 0, performance.now()];
      const tick = () => {
        const now = performance.now();
        t = Math.min(1, t + Math.min(now - last, 40) / 1000 / seconds);  // a busy machine: slower, no jumps
        last = now;
        const way = pixels * t ** 3 * (t * (6 * t - 15) + 10);
        if (kind.scroll) {
          if (Math.abs(way - gone) >= 1) kind.scroll(box, Math.trunc(way - gone));
          gone += Math.trunc(way - gone);
        } else box.scrollTo({ top: from + way, behavior: "instant" });
        if (t < 1) requestAnimationFrame(tick);
        else setTimeout(done, 60);
      };
      requestAnimationFrame(tick);
    }),

    // Where to click for a column of a line (its end without one), and the caret of an editor that cannot be clicked so.
    point: (line, column) => {
      const parts = kind.rows(root).filter(({ number }) => number === line);
      const seen = area();
      if (!parts.length) return null;
      let [left, part] = [column === null ? Infinity : column - 1, parts[0]];
      let x = part.left + 2;
      for (part of parts) {
        if (!part.element || kind.plain) break;
        const walker = document.createTreeWalker(part.element, NodeFilter.SHOW_TEXT);
        for (let node = walker.nextNode(); node && left >= 0; node = walker.nextNode()) {
          const text = node.data.replace(/[\u200b\u200c]/g, "");
          const end = Math.min(left, text.length);
          const span = document.createRange();
          span.setStart(node, 0);
          span.setEnd(node, end);
          const box = [...span.getClientRects()].at(-1);
          if (box) x = end ? box.right : box.left;
          left -= end;
          if (left === 0) break;
        }
        if (left === 0) break;
      }
      const inside = Math.min(Math.max(x, seen.left + 1), seen.right - 3);
      return [inside, (part.top + part.bottom) / 2];
    },
    caret: (line, column) => kind.caret?.(root, line, column),
  };
}
