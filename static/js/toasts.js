// Messages in the corner: good news goes by itself, bad news stays until it is dismissed.
const PASSING = ["ok", "work"];
const SHOWN_FOR = 8000;

const toasts = document.getElementById("toasts");

function passes(toast) {
  if (!PASSING.includes(toast.dataset.toast)) return;
  setTimeout(() => {
    if (toast.matches(":hover, :focus-within")) passes(toast);
    else toast.remove();
  }, SHOWN_FOR);
}

toasts?.querySelectorAll("[data-toast]").forEach(passes);
document.addEventListener("htmx:oobAfterSwap", ({ detail }) => detail.target.querySelectorAll("[data-toast]").forEach(passes));

document.addEventListener("click", ({ target }) => {
  target.closest("[data-dismiss]")?.closest("[data-toast]")?.remove();
});
