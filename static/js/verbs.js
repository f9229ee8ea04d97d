// Buttons of the form #verbs start, stop and reboot without leaving the page: the answer is the page's live part.
let pressed = null;

document.addEventListener("submit", ({ target, submitter }) => {
  if (target.id === "verbs") pressed = submitter;
}, { capture: true });

document.addEventListener("htmx:configRequest", ({ detail }) => {
  if (detail.elt.id === "verbs") detail.path = pressed.getAttribute("formaction");
});
