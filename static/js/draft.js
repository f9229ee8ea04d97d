// Keeps what is typed into a form with data-draft, so that a lost session loses nothing: sent to that address now and then.
const PAUSE = 1500; // milliseconds without typing

for (const form of document.querySelectorAll("form[data-draft]")) {
  let timer = 0;
  const said = form.querySelector("[data-draft-said]");
  const keep = async () => {
    try {
      const answer = await fetch(form.dataset.draft, { method: "POST", body: new FormData(form), redirect: "manual" });
      if (said) said.hidden = answer.status !== 204;
    } catch {
      if (said) said.hidden = true; // away just now; the next key tries again
    }
  };
  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(keep, PAUSE);
  });
  form.addEventListener("submit", () => clearTimeout(timer));
}
