// "/", Ctrl-K and Cmd-K lead to the search field, unless somebody is typing elsewhere.
document.addEventListener("keydown", (event) => {
  const isSlash = event.key === "/" && !event.ctrlKey && !event.metaKey;
  const isK = event.key?.toLowerCase() === "k" && event.ctrlKey !== event.metaKey && !event.shiftKey;
  if (event.altKey || !(isSlash || isK)) return;
  if (event.target.closest("input, textarea, select, [contenteditable]")) return;
  const field = document.querySelector("[data-search-key]") ?? document.querySelector("input[type=search]");
  if (field) {
    event.preventDefault();
    field.dispatchEvent(new Event("search:wanted", { bubbles: true })); // on a phone it has to be shown first
    field.focus();
    field.select();
  }
});
