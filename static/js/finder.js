// <div data-finds="ID-OF-A-SELECT">: a search over the options of a long list. What is chosen always stays among them.
for (const box of document.querySelectorAll("[data-finds]")) {
  const list = document.getElementById(box.dataset.finds);
  if (list?.tagName !== "SELECT") continue;
  const input = box.querySelector("input");
  const said = box.querySelector("[role=status]");
  const everything = [...list.children].map((child) => child.cloneNode(true));
  box.hidden = false;

  const find = () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    const chosen = list.value;
    const fits = (option) => option.value === chosen || words.every((word) => option.textContent.toLowerCase().includes(word));
    const found = everything.map((child) => child.cloneNode(true)).filter((child) => {
      if (child.tagName === "OPTION") return fits(child);
      for (const option of [...child.children]) if (!fits(option)) option.remove();
      return child.children.length > 0;
    });
    list.replaceChildren(...found);
    list.value = chosen;
    said.textContent = words.length ? box.dataset.found.replace("%n", () => String(list.options.length)) : "";
  };
  input.addEventListener("input", find);
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter") event.preventDefault(); // it would send the form
  });
}
