// Buttons that copy: <button class="copy" data-copy="192.0.2.14">. Browsers offer this on secure pages only.
import { announce } from "./announce.js";

if (navigator.clipboard) {
  document.documentElement.classList.add("can-copy");

  document.addEventListener("click", async ({ target }) => {
    const button = target.closest("[data-copy]");
    if (!button) return;
    await navigator.clipboard.writeText(button.dataset.copy);
    announce(button.dataset.copy);
    showIcon(button, "check-lg");
    setTimeout(() => showIcon(button, "copy"), 1500);
  });
}

function showIcon(button, name) {
  const use = button.querySelector("use");
  use.setAttribute("href", use.getAttribute("href").replace(/#.*/, `#i-${name}`));
}
