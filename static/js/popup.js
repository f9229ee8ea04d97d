// A link with data-popup="URL" opens what is at that address in the dialog #popup, instead of leading away.
import { htmx } from "./vendor.js";

const dialog = document.getElementById("popup");

document.addEventListener("click", async (event) => {
  const link = event.target.closest("[data-popup]");
  if (!dialog || !link || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  try {
    const answer = await fetch(link.dataset.popup, { headers: { "HX-Request": "true" } });
    if (!answer.ok || answer.redirected) throw new Error(answer.status);
    const part = new DOMParser().parseFromString(await answer.text(), "text/html");
    dialog.replaceChildren(...part.body.childNodes);
  } catch {
    location.assign(link.href); // the page as a whole says better what is the matter
    return;
  }
  htmx.process(dialog);
  if (!dialog.open) dialog.showModal();
  dialog.querySelector("h2")?.focus();
});

dialog?.addEventListener("click", ({ target }) => {
  if (target === dialog || target.closest("[data-popup-close]")) dialog.close(); // a click beside it, too
});

// What is asked for in there, the list behind it shows. A question that comes first (confirm.js) keeps the event for itself.
document.addEventListener("submit", ({ submitter }) => {
  if (dialog?.contains(submitter)) dialog.close();
});
dialog?.addEventListener("close", () => { dialog.replaceChildren(); });
