// The few things that move: night and day, copying, and finding an option.
document.getElementById("theme").onclick = (event) => {
  const night = document.documentElement.classList.toggle("night");
  event.target.textContent = night ? "Day" : "Night";
};
for (const block of document.querySelectorAll("pre")) {
  const button = Object.assign(document.createElement("button"), { className: "copy", textContent: "Copy" });
  button.onclick = () => {
    button.textContent = "Copied";
    button.classList.add("done");
  };
  block.append(button);
}
document.getElementById("find")?.addEventListener("input", (event) => {
  const word = event.target.value.toLowerCase();
  for (const row of document.querySelectorAll("tbody tr")) row.hidden = !row.textContent.toLowerCase().includes(word);
});
