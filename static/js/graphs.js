// Pages of graphs. One VM's asks again once its pictures have come: where there are none, one sentence says so.
// A page of many VMs opens and closes all its nodes at once.
import { htmx } from "./vendor.js";

const part = document.querySelector("[data-graphs]");
const look = () => {
  const pictures = [...part.querySelectorAll("img")];
  if (pictures.length && pictures.every((picture) => picture.complete)) htmx.trigger(part, "drawn");
};
part?.addEventListener("load", look, true);
part?.addEventListener("error", look, true);
if (part) look();

for (const button of document.querySelectorAll("[data-fold]")) {
  button.hidden = false;
  button.addEventListener("click", () => {
    document.querySelectorAll("details.fold").forEach((each) => { each.open = button.dataset.fold === "open"; });
  });
}
