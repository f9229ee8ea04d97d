// Keeps what is typed into <form data-draft="URL" data-draft-of="USER">: at that address, and in this window where that
// does not answer, so that neither a lost session nor a server that is away loses a word of it.
const PAUSE = 1000; // milliseconds without typing

for (const form of document.querySelectorAll("form[data-draft]")) {
  const key = `draft ${form.dataset.draftOf} ${location.pathname}`;
  const said = form.querySelector("[data-draft-said]");
  const away = form.querySelector("[data-draft-away]");
  let timer = 0;
  let isChanged = false;

  const tell = (isKept) => {
    said.hidden = !isKept;
    away.hidden = isKept;
  };
  const fields = () => [...new FormData(form)].filter(([name]) => name !== "csrfmiddlewaretoken");

  const keep = async () => {
    isChanged = false;
    try {
      const answer = await fetch(form.dataset.draft, { method: "POST", body: new FormData(form), redirect: "manual", keepalive: true });
      if (answer.status !== 204) throw new Error("not kept");
      sessionStorage.removeItem(key);
      tell(true);
    } catch {
      sessionStorage.setItem(key, JSON.stringify(fields()));
      tell(false);
    }
  };

  const restore = () => {
    const typed = Object.fromEntries(JSON.parse(sessionStorage.getItem(key) ?? "[]"));
    if (!Object.keys(typed).length) return;
    for (const field of form.elements) {
      if (field.type === "checkbox") field.checked = field.name in typed;
      else if (field.type === "radio") field.checked = typed[field.name] === field.value;
      else if (field.type !== "hidden" && field.name in typed) field.value = typed[field.name];
    }
    keep();
  };

  form.addEventListener("input", () => {
    isChanged = true;
    clearTimeout(timer);
    timer = setTimeout(keep, PAUSE);
  });
  document.addEventListener("visibilitychange", () => {
    if (document.hidden && isChanged) keep();
  });
  form.addEventListener("submit", () => {
    clearTimeout(timer);
    isChanged = false;
    if (!away.hidden) sessionStorage.setItem(key, JSON.stringify(fields())); // it may lead to the sign-in, and back
  });
  if (!document.querySelector("[aria-invalid=true]")) restore();
}

// Whoever is signed in and sees another page has sent the form, or left it: the server has the draft, if there is one.
if (!document.querySelector("form[data-draft]") && !document.body.matches(".alone")) {
  for (const key of Object.keys(sessionStorage)) if (key.startsWith("draft ")) sessionStorage.removeItem(key);
}
