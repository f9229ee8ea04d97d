// Filter forms leave out what is not filled in: addresses stay short enough to be shared.
document.addEventListener("htmx:configRequest", ({ detail }) => {
  if (detail.verb !== "get" || !detail.elt.matches(".filter-form")) return;
  for (const [name, value] of [...detail.formData.entries()]) {
    if (value === "") detail.formData.delete(name);
  }
});

// On a phone the chips scroll sideways: the chosen one is brought into view.
for (const chosen of document.querySelectorAll(".chips [aria-current]")) {
  const chips = chosen.closest(".chips");
  chips.scrollLeft = chosen.offsetLeft - chips.offsetLeft - (chips.clientWidth - chosen.offsetWidth) / 2;
}
