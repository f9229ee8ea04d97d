// Buttons of the form #verbs start, stop and reboot without leaving the page: the answer is the page's live part.
let asked = null; // the button that was pressed, and the part of the page in which it is

document.addEventListener("submit", ({ target, submitter }) => {
  if (target.id === "verbs") asked = { button: submitter, place: submitter.closest("tr, [data-live]") };
}, { capture: true });

document.addEventListener("htmx:configRequest", ({ detail }) => {
  if (detail.elt.id === "verbs") detail.path = asked.button.getAttribute("formaction");
});

// The button may have gone with the old state; who works by keyboard goes on where it was.
document.addEventListener("htmx:afterSettle", ({ detail }) => {
  if (detail.requestConfig?.elt.id !== "verbs" || document.activeElement !== document.body) return;
  document.getElementById(asked.place.id)?.querySelector(".tools a, .tools button, .actions button")?.focus();
});
