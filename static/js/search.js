// The search in the top bar as a combobox: what the server finds while one types stands below the box. The arrows
// choose, Enter opens, Escape closes. Without this it is a form whose answer is a page.
import { announce } from "./announce.js";
import { htmx } from "./vendor.js";

const form = document.getElementById("search");
const field = form?.querySelector("[data-search-key]");
const found = document.getElementById("search-found");
const bar = form?.closest(".topbar");
let isWanted = false; // an answer that comes after Escape is none any more

const options = () => [...found.querySelectorAll("[role=option]")];
const active = () => found.querySelector("[aria-selected=true]");

function open() {
  found.hidden = false;
  const list = found.querySelector("[role=listbox]");
  field.setAttribute("aria-expanded", String(Boolean(list)));
  if (list) field.setAttribute("aria-controls", list.id);
  else field.removeAttribute("aria-controls");
}

function close() {
  isWanted = false;
  htmx.trigger(field, "htmx:abort");
  found.hidden = true;
  field.setAttribute("aria-expanded", "false");
  field.removeAttribute("aria-controls");
  choose(null);
}

function choose(option) {
  active()?.setAttribute("aria-selected", "false");
  if (option) {
    option.setAttribute("aria-selected", "true");
    option.scrollIntoView({ block: "nearest" });
    field.setAttribute("aria-activedescendant", option.id);
  } else field.removeAttribute("aria-activedescendant");
}

function step(by) {
  const all = options();
  if (!all.length) return;
  if (found.hidden) open();
  const here = all.indexOf(active());
  choose(all[here < 0 && by < 0 ? all.length - 1 : (here + by + all.length) % all.length]);
}

function leavePhonesPanel() {
  close();
  bar.classList.remove("searching");
}

function say(sentence) {
  const told = document.createElement("p");
  told.className = "found-said";
  told.textContent = sentence;
  found.replaceChildren(told);
  open();
  announce(sentence);
}

if (field) {
  field.setAttribute("role", "combobox");
  field.setAttribute("aria-autocomplete", "list");
  field.setAttribute("aria-haspopup", "listbox");
  field.setAttribute("aria-expanded", "false");

  field.addEventListener("input", () => {
    isWanted = field.value.trim() !== "";
    if (!isWanted) close();
    choose(null);
  });

  field.addEventListener("keydown", (event) => {
    if (event.isComposing || event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      step(event.key === "ArrowDown" ? 1 : -1);
    } else if (event.key === "Enter" && active() && !found.hidden) {
      event.preventDefault();
      active().click();
    } else if (event.key === "Escape") {
      if (found.hidden && !bar.classList.contains("searching")) return; // the browser empties the box
      event.preventDefault();
      if (found.hidden) leavePhonesPanel();
      else close();
    }
  });

  field.addEventListener("search:wanted", () => { bar.classList.add("searching"); });
  form.addEventListener("focusout", ({ relatedTarget }) => {
    if (relatedTarget && !form.contains(relatedTarget)) close();
  });
  form.addEventListener("submit", close);
  document.addEventListener("pointerdown", ({ target }) => {
    if (!found.hidden && !form.contains(target)) close();
  });

  bar.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-search-open]");
    if (opener && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
      event.preventDefault();
      bar.classList.add("searching");
      field.focus();
    } else if (event.target.closest("[data-search-close]")) {
      leavePhonesPanel();
      bar.querySelector("[data-search-open]").focus();
    }
  });

  found.addEventListener("htmx:beforeSwap", (event) => {
    const { xhr } = event.detail;
    const answered = new URL(xhr.responseURL || location.href, location.href).pathname;
    if (!isWanted) event.detail.shouldSwap = false;
    else if (xhr.status !== 200) say(form.dataset.failed);
    else if (answered !== new URL(form.action).pathname) { // sent to the sign-in page: the session has ended
      event.detail.shouldSwap = false;
      form.submit();
    }
  });
  found.addEventListener("htmx:afterSwap", () => {
    choose(null);
    open();
    announce(found.querySelector("[data-said]")?.textContent.trim() ?? "");
  });
  field.addEventListener("htmx:sendError", () => say(form.dataset.failed));
}
