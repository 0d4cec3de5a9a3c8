"use strict";
// What pages do by themselves: they follow the server's stream, go along with players, and listen to keys.
// Nothing that a server or a worker says ever becomes markup here: it is put in as text.
(() => {
  const HIDDEN_MS = 10_000; // a page that is not looked at lets go of its stream after so long
  const BEAT_MS = 10_000;
  const LOG_MS = 2_000;
  const LOG_MOST = 400_000;
  const one = (query, root = document) => root.querySelector(query);
  const all = (query, root = document) => [...root.querySelectorAll(query)];

  // --- theme ---------------------------------------------------------------------------------------------------------
  const THEMES = ["auto", "light", "dark"];
  const theme = one("#theme");
  const showTheme = () => { theme.textContent = `Theme: ${document.documentElement.dataset.theme || "auto"}`; };
  theme.hidden = false;
  showTheme();
  theme.addEventListener("click", () => {
    const root = document.documentElement;
    const next = THEMES[(THEMES.indexOf(root.dataset.theme || "auto") + 1) % THEMES.length];
    if (next === "auto") delete root.dataset.theme; else root.dataset.theme = next;
    try { localStorage.setItem("gpudrop-theme", next); } catch { /* it holds for this page then */ }
    showTheme();
  });

  // --- messages ------------------------------------------------------------------------------------------------------
  const notice = one("#notice");
  const complain = text => { one("p", notice).textContent = text.trim(); notice.hidden = false; };
  const speak = text => { one("#spoken").textContent = text; };
  one("button", notice).addEventListener("click", () => { notice.hidden = true; });
  document.addEventListener("htmx:responseError", event => complain(event.detail.xhr.responseText.slice(0, 600)));
  document.addEventListener("htmx:sendError", () => complain("The dashboard does not answer: it may have ended."));
  document.addEventListener("htmx:configRequest", event => {
    // What says nothing stays out of the address.
    if (event.detail.verb !== "get") return;
    for (const [name, value] of [...event.detail.formData.entries()]) {
      if (value === "") event.detail.formData.delete(name);
    }
  });

  // --- changes in place ----------------------------------------------------------------------------------------------
  const put = (root, field, text) => {
    for (const place of all(`[data-field="${field}"]`, root)) if (place.textContent !== text) place.textContent = text;
  };
  const apply = (root, run) => {
    for (const bar of all('[data-field="percent"]', root)) {
      if (run.percent === null) bar.removeAttribute("value"); else bar.value = run.percent;
    }
    put(root, "number", run.percent === null ? "" : `${run.percent} %`);
    put(root, "left", run.left);
    if (run.open) put(root, "note", run.note);
    let changed = false;
    for (const badge of all('[data-field="status"]', root)) {
      changed ||= badge.dataset.status !== run.status;
      badge.dataset.status = run.status;
      one("span", badge).textContent = run.label;
    }
    if (root.dataset.status) root.dataset.status = run.status;
    // It keeps its place until the page is loaded anew: nothing moves under the reader.
    for (const live of all(".row-live", root)) live.classList.toggle("over", !run.open);
    return changed;
  };

  const loaded = Date.now() / 1000;
  const fresh = new Set();
  const onMessage = message => {
    if (message.again) return refresh(true);
    let turned = message.gone.length > 0;
    for (const place of all("[data-count]")) {
      const count = message.counts[place.dataset.count] || 0;
      place.textContent = count;
      place.parentElement.classList.toggle("none", count === 0);
    }
    for (const run of message.runs) {
      const places = all(`[data-run="${CSS.escape(run.id)}"]`);
      for (const place of places) {
        if (apply(place, run)) {
          turned = true;
          if (place === places[0]) speak(`${run.title}: ${run.label}`);
        }
      }
      if (!places.length && run.created >= loaded - 2) fresh.add(run.id);
      if (!places.length) turned = true;
    }
    const button = one("#fresh");
    if (button && fresh.size) {
      button.disabled = false;
      button.textContent = `Show ${fresh.size} new run${fresh.size > 1 ? "s" : ""}`;
    }
    if (turned) refresh(false);
  };

  let waiting = null;
  const refresh = whole => {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      htmx.trigger(document.body, "statuses");
      if (one('[data-page="run"]')) renew(["head", "state", "results", "side"]);
      else if (whole && one("#results")) renew(["results"]);
    }, 400);
  };
  // Parts of a page are taken from the page as it is now. A player that plays is left alone.
  const renew = async ids => {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const id of ids) {
      const [old, now] = [document.getElementById(id), page.getElementById(id)];
      if (!old || !now || old.innerHTML === now.innerHTML) continue;
      if (all("video, audio", old).some(player => !player.paused) || old.contains(document.activeElement)) continue;
      old.replaceWith(document.adoptNode(now));
      htmx.process(now);
      begin(now);
    }
  };

  // --- the stream ----------------------------------------------------------------------------------------------------
  const wire = one("#wire");
  const WIRES = {
    live: ["Live", "This page updates by itself"],
    off: ["Not live", "This page does not update by itself"],
    lost: ["Disconnected", "The server does not answer; retrying"],
  };
  const showWire = state => {
    wire.dataset.state = state;
    one("span", wire).textContent = WIRES[state][0];
    wire.title = WIRES[state][1];
  };
  let stream = null, letGo = null, missed = false, tries = 0;
  const listen = () => {
    if (stream || document.hidden) return;
    stream = new EventSource("/events");
    stream.onopen = () => {
      showWire("live");
      tries = 0;
      if (missed) refresh(true);
      missed = false;
    };
    stream.onmessage = event => onMessage(JSON.parse(event.data));
    stream.onerror = () => {
      missed = true;
      showWire("lost");
      if (stream.readyState === EventSource.CLOSED) {
        stream = null;
        setTimeout(listen, Math.min(60_000, 2_000 * 2 ** tries++));
      }
    };
  };
  const close = () => {
    if (stream) stream.close();
    stream = null;
    missed = true;
    showWire("off");
  };
  document.addEventListener("visibilitychange", () => {
    clearTimeout(letGo);
    if (document.hidden) letGo = setTimeout(close, HIDDEN_MS); else listen();
  });
  addEventListener("pagehide", close);
  addEventListener("pageshow", event => { if (event.persisted) listen(); });
  setInterval(() => { if (!document.hidden) htmx.trigger(document.body, "beat"); }, BEAT_MS);

  // --- logs ----------------------------------------------------------------------------------------------------------
  const atEnd = log => log.scrollHeight - log.scrollTop - log.clientHeight < 8;
  const follow = async log => {
    const run = one('[data-page="run"]').dataset.run;
    const query = new URLSearchParams({ name: log.dataset.log, offset: log.dataset.next });
    const answer = await fetch(`/runs/${encodeURIComponent(run)}/log?${query}`);
    if (!answer.ok) return;
    const piece = await answer.json();
    if (Number(log.dataset.next) === piece.next) return;
    const stays = atEnd(log);
    const begun = piece.next < Number(log.dataset.next);
    log.dataset.next = piece.next;
    log.textContent = ((begun ? "" : log.textContent) + piece.text).slice(-LOG_MOST);
    if (stays) log.scrollTop = log.scrollHeight;
  };
  setInterval(() => {
    if (!document.hidden) for (const log of all("pre.log")) follow(log).catch(() => { /* the stream says it is lost */ });
  }, LOG_MS);

  // --- transcripts and steps: what is said goes along with the player --------------------------------------------------
  const goAlong = list => {
    const player = document.getElementById(list.dataset.player);
    const items = all("[data-start]", list);
    if (!player || !items.length) return;
    for (const item of items) {
      one("button", item)?.addEventListener("click", () => {
        player.currentTime = Number(item.dataset.start);
        player.play().catch(() => { /* a browser that plays nothing by itself still stands at the place */ });
        if (list.matches(".steps")) player.scrollIntoView({ block: "nearest" });
      });
    }
    player.addEventListener("timeupdate", () => {
      const now = player.currentTime;
      const here = items.findLast(item => Number(item.dataset.start) <= now + 0.05);
      for (const item of items) item.classList.toggle("here", item === here);
      if (here && list.matches(".cues") && !player.paused) {
        list.scrollTop = here.offsetTop - list.offsetTop - list.clientHeight / 2 + here.clientHeight / 2;
      }
    });
  };

  // --- before and after ------------------------------------------------------------------------------------------------
  const compare = box => {
    const slider = one('input[type="range"]', box);
    const show = () => box.style.setProperty("--at", `${slider.value}%`);
    box.classList.add("on");
    slider.hidden = false;
    slider.addEventListener("input", show);
    show();
    const [after, before] = all("video", box);
    const acts = box.nextElementSibling;
    if (!before || !acts) return;
    const [button, seek] = [one("[data-play]", acts), one("[data-seek]", acts)];
    acts.hidden = false;
    button.addEventListener("click", () => {
      if (after.paused) { before.currentTime = after.currentTime; after.play(); before.play(); }
      else { after.pause(); before.pause(); }
    });
    const name = () => { button.textContent = after.paused ? "Play both" : "Pause"; };
    after.addEventListener("play", name);
    after.addEventListener("pause", name);
    after.addEventListener("timeupdate", () => {
      if (after.duration) seek.value = 1000 * after.currentTime / after.duration;
      if (Math.abs(before.currentTime - after.currentTime) > 0.12) before.currentTime = after.currentTime;
    });
    seek.addEventListener("input", () => {
      after.currentTime = before.currentTime = seek.value / 1000 * (after.duration || 0);
    });
  };

  // --- keys ------------------------------------------------------------------------------------------------------------
  const isTyping = target => target.closest("input:not([type=checkbox]):not([type=range]), textarea, select, [contenteditable]");
  const move = step => {
    const names = all("table.runs a.name");
    if (!names.length) return false;
    const here = names.indexOf(document.activeElement);
    const next = names[Math.min(names.length - 1, Math.max(0, here < 0 ? 0 : here + step))];
    next.focus({ preventScroll: true });
    next.closest("tr").scrollIntoView({ block: "nearest" });
    return true;
  };
  document.addEventListener("keydown", event => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape" && !notice.hidden) notice.hidden = true;
    if (isTyping(event.target)) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    if (event.key === "/") {
      event.preventDefault();
      if (one("#q")) one("#q").select(); else location.assign("/runs#q");
    }
    else if (event.key === "j" || event.key === "k") {
      if (move(event.key === "j" ? 1 : -1)) event.preventDefault();
    }
  });

  const begin = root => {
    for (const list of all("[data-player]", root)) goAlong(list);
    for (const box of all("[data-compare]", root)) compare(box);
    for (const log of all("pre.log", root)) log.scrollTop = log.scrollHeight;
    if (root !== document && one("#results", root.parentElement || document)) fresh.clear();
  };
  document.addEventListener("htmx:load", event => { if (event.detail.elt !== document.body) begin(event.detail.elt); });
  begin(document);
  if (location.hash === "#q") one("#q")?.focus();
  listen();
})();
