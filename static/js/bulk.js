// Ticks in a list: how many there are, and all of a page at once. Forms with a .bulkbar; the rest is CSS and the server.
import { announce } from "./announce.js";

const boxesOf = (form) => [...form.querySelectorAll("tbody .check input")];

function said(form) {
  const words = form.querySelector("[data-chosen]");
  const all = form.elements.all;
  const number = all?.checked ? Number(all.value) : boxesOf(form).filter((box) => box.checked).length;
  words.textContent = number === 1 ? words.dataset.one : words.dataset.many.replace("%n", () => number.toLocaleString(document.documentElement.lang));
  return words.textContent;
}

function show(form) {
  const boxes = boxesOf(form);
  const chosen = boxes.filter((box) => box.checked).length;
  const whole = form.querySelector("[data-check-all]");
  whole.checked = chosen > 0 && chosen === boxes.length;
  whole.indeterminate = chosen > 0 && chosen < boxes.length;
  return said(form);
}

const forms = () => [...document.querySelectorAll("form:has(.bulkbar)")];

document.addEventListener("change", ({ target }) => {
  const { form } = target;
  if (!form?.querySelector(".bulkbar")) return;
  if (target.matches("[data-check-all]")) boxesOf(form).forEach((box) => { box.checked = target.checked; });
  announce(show(form));
});
document.addEventListener("reset", ({ target }) => {
  if (target.querySelector(".bulkbar")) setTimeout(() => show(target));
});
document.addEventListener("htmx:afterSwap", () => forms().forEach(show)); // rows have come and gone
window.addEventListener("pageshow", () => forms().forEach(show)); // ticks that the browser remembers
