// The panels about access (#access) renew themselves when the head of the page (#vm) has news: not while somebody types there.
import { htmx } from "./vendor.js";

document.addEventListener("htmx:afterSwap", ({ detail }) => {
  const panels = document.getElementById("access");
  if (panels && detail.target.id === "vm" && !isTypedInto(panels)) htmx.trigger(panels, "renew");
});

function isTypedInto(panels) {
  return [...panels.querySelectorAll("input:not([type=hidden])")].some((field) => field.value !== field.defaultValue || field === document.activeElement);
}
