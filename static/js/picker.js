// A search whose findings are boxes, <form data-picker>: arrows lead from the field through the boxes and back,
// Enter ticks, Escape leads back to the field. Without it, the Tab key and the space bar do the same.
document.addEventListener("keydown", (event) => {
  const form = event.target.closest("[data-picker]");
  if (!form || event.ctrlKey || event.metaKey || event.altKey) return;
  const field = form.querySelector("input[type=search]");
  const stops = [field, ...form.querySelectorAll(".boxes input[type=checkbox]")];
  const here = stops.indexOf(event.target);
  if (here < 0) return;
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step) {
    event.preventDefault();
    stops[Math.max(0, Math.min(here + step, stops.length - 1))].focus();
  } else if (here > 0 && event.key === "Enter") {
    event.preventDefault(); // it would send the form
    event.target.click();
  } else if (here > 0 && event.key === "Escape") {
    field.focus();
  }
});
