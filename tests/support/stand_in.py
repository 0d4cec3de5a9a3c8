"""A stand-in for the web applications that existing specs film: editor, terminal, palette, side bar, spinner."""

PAGE = """<!doctype html><meta charset=utf-8><title>Stand-in workbench</title>
<style>
 body { margin: 0; font: 15px/1.4 sans-serif; background: #f4f6fa }
 main { display: grid; grid-template-columns: 1fr 180px; gap: 12px; padding: 16px; min-height: 1400px }
 textarea { width: 100%; height: 150px; font: 14px/20px monospace }
 .xterm { position: relative; background: #101418; color: #d8dee8; font: 14px/18px monospace; height: 110px }
 .xterm textarea { position: absolute; opacity: .01; width: 9px; height: 18px }
 .quick-input-widget { position: fixed; top: 12px; left: 30%; width: 40%; background: #fff; border: 1px solid #889 }
 #preloader { position: fixed; inset: 0; background: #223 }
</style>
<div id=preloader></div>
<div class=monaco-workbench><main><div>
 <h1>Workbench</h1><button id=run onclick="this.textContent='Ran'">Run</button>
 <p><textarea id=code>first line
second line
third line</textarea></p>
 <div class=xterm tabindex=0><div class=xterm-rows><div>$ </div></div>
 <textarea class=xterm-helper-textarea></textarea></div>
 <p id=banner>Loading…</p>
</div><aside class="part auxiliarybar">Chat
<a class=action-label aria-label="Hide Secondary Side Bar" href="#">×</a></aside>
</main></div>
<div class=quick-input-widget hidden><input><div class=quick-input-list></div></div>
<script>
 const ask = query => document.querySelector(query);
 setTimeout(() => ask("#preloader").remove(), 600);
 setTimeout(() => ask("#banner").remove(), 900);
 ask(".auxiliarybar a").onclick = () => ask(".auxiliarybar").remove();
 const rows = ask(".xterm-rows"), keys = ask(".xterm textarea");
 ask(".xterm").onclick = () => keys.focus();
 const place = () => { const line = rows.lastElementChild;
   keys.style.left = 8.4 * line.textContent.length + "px";
   keys.style.top = 18 * (rows.children.length - 1) + "px" };
 const print = text => { rows.append(Object.assign(document.createElement("div"), {textContent: text})); place() };
 place();
 keys.oninput = () => { rows.lastElementChild.textContent += keys.value; keys.value = ""; place() };
 keys.onkeydown = event => { if (event.key == "Enter") { event.preventDefault();
   const typed = rows.lastElementChild.textContent.slice(2); print("you said " + typed.toUpperCase()); print("$ ") } };
 const palette = ask(".quick-input-widget"), entry = ask(".quick-input-widget input"), list = ask(".quick-input-list");
 addEventListener("keydown", event => { if (event.key == "F1") {
   event.preventDefault(); palette.hidden = false; entry.focus() } });
 entry.oninput = () => { list.innerHTML = `<div class="monaco-list-row focused"><span class=label-name></span></div>`;
   ask(".label-name").textContent = entry.value };
 entry.onkeydown = event => { if (event.key == "Enter") { palette.hidden = true; document.title = entry.value } };
</script>"""
