// Sections of a page that are sent by themselves: <section data-section>. After the answer one goes on where one was.
const WRONG = "[aria-invalid=true]";

document.addEventListener("htmx:load", ({ detail: { elt } }) => {
  if (elt.matches("[data-section]")) (elt.querySelector(WRONG) ?? elt.querySelector("h2")).focus();
});
document.querySelector(`[data-section] ${WRONG}`)?.focus();

// What only a whole page can say, such as that the server is not there, the browser's own way of sending brings.
for (const failed of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(failed, ({ detail: { elt } }) => {
    if (elt.matches("[data-section] form")) elt.submit();
  });
}
