// A button with data-confirm="Shut down web1?" (or data-confirm-as) asks first, in our dialog; templates/components/_confirm.html has the attributes.
const dialog = document.getElementById("confirm");
const yes = dialog?.querySelector("[data-confirm-yes]");
let waiting = null; // the form and button that wait for the answer

document.addEventListener("submit", (event) => {
  const button = event.submitter;
  if (!dialog || !(button?.dataset.confirm || button?.dataset.confirmAs)) return;
  if (waiting?.agreed && waiting.button === button) {
    waiting = null;
    return;
  }
  event.preventDefault();
  event.stopPropagation();
  waiting = { form: event.target, button, agreed: false };
  show(button.dataset.confirmAs ? sharedWords(button) : button.dataset);
}, { capture: true });

function sharedWords(button) {
  const { form, dataset: { confirmAs } } = button;
  const { name } = button.closest("[data-name]").dataset;
  return {
    confirm: form.dataset[confirmAs].replace("%n", () => name),
    confirmText: form.dataset[`${confirmAs}Text`],
    confirmVerb: button.textContent.trim(),
  };
}

function show({ confirm, confirmVerb, confirmText, confirmDanger }) {
  dialog.querySelector("#confirm-title").textContent = confirm;
  dialog.querySelector("#confirm-text").textContent = confirmText ?? "";
  yes.textContent = confirmVerb;
  yes.classList.toggle("btn-danger", confirmDanger !== undefined);
  yes.classList.toggle("btn-primary", confirmDanger === undefined);
  dialog.returnValue = "";
  dialog.showModal();
  if (confirmDanger === undefined) yes.focus(); // else the dialog begins with Cancel
}

dialog?.addEventListener("close", () => {
  if (!waiting) return;
  opener(waiting.button)?.focus();
  if (dialog.returnValue !== "yes") {
    waiting = null;
  } else if (waiting.button.isConnected) {
    waiting.agreed = true;
    waiting.form.requestSubmit(waiting.button);
  } else {
    location.reload(); // the page went on under the dialog and took the button away: show why
  }
});

// The dialog has closed the menu that the button was in: the menu's own button is what one comes back to.
function opener(button) {
  const menu = button.closest("[popover]");
  return menu ? document.querySelector(`[popovertarget="${CSS.escape(menu.id)}"]`) : button;
}
