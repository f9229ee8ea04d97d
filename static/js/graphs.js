// Pages of graphs. Where none of one VM's pictures shows anything, one sentence stands instead of them.
const part = document.querySelector("[data-graphs]");

// What the answer said beside its picture: nothing, "none" (there is no such graph) or "away" (nobody drew it).
const missing = async ({ src }) => (await fetch(src, { cache: "force-cache" })).headers.get("X-No-Graph");

async function look() {
  const pictures = [...part.querySelectorAll("img")];
  if (!pictures.length || !pictures.every((picture) => picture.complete)) return;
  const reasons = await Promise.all(pictures.map(missing));
  if (!reasons.every(Boolean)) return;
  document.querySelector(`[data-instead=${reasons.includes("away") ? "away" : "none"}]`).hidden = false;
  part.hidden = true;
}

part?.addEventListener("load", look, true);
if (part) look();

// A page of many VMs opens and closes all its nodes at once.
for (const button of document.querySelectorAll("[data-fold]")) {
  button.hidden = false;
  button.addEventListener("click", () => {
    document.querySelectorAll("details.fold").forEach((each) => { each.open = button.dataset.fold === "open"; });
  });
}
