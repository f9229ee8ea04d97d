// Names for what Django's admin leaves without one: its search fields, its boxes in tables, its corner cells.
// People who hear a page instead of seeing it hear the name of the column, or of the label beside.
const wordsOf = (element) => element?.textContent.trim().replace(/[:\s]+$/, "") ?? "";

const columnOf = (cell) => {
  const row = cell.closest("table")?.tHead?.rows[0];
  return wordsOf(row?.cells[cell.cellIndex]);
};

function nameTheBoxesOfTables(root) {
  const boxes = "td input:not([type=hidden], [aria-label]), td select:not([aria-label])";
  for (const box of root.querySelectorAll(boxes)) {
    if (box.labels?.length) continue;
    const row = wordsOf(box.closest("tr").querySelector("th a, td.original p"));
    const name = [columnOf(box.closest("td")), row].filter(Boolean).join(", ");
    if (name) box.setAttribute("aria-label", name);
  }
}

function nameTheSearchFields(root) {
  for (const select of root.querySelectorAll("select.admin-autocomplete")) {
    const name = wordsOf(select.labels?.[0]) || columnOf(select.closest("td") ?? select);
    const shown = select.parentElement.querySelector(".select2-container");
    for (const field of shown?.querySelectorAll("[role=combobox], [role=textbox], [role=searchbox]") ?? []) {
      const chosen = field.matches("[role=combobox]") && !select.multiple ? wordsOf(select.selectedOptions[0]) : "";
      field.setAttribute("aria-label", [name, chosen].filter(Boolean).join(": "));
      field.removeAttribute("aria-labelledby");
    }
    if (shown?.matches(".select2-container--open")) nameTheOpenList(root, shown, name);
  }
}

// It hangs at the end of the page, far from the field that it belongs to.
function nameTheOpenList(root, shown, name) {
  const list = root.querySelector("body > .select2-container--open");
  const field = shown.querySelector("[role=combobox]");
  if (field.hasAttribute("aria-owns")) field.setAttribute("aria-controls", field.getAttribute("aria-owns"));
  list?.setAttribute("role", "region");
  list?.setAttribute("aria-label", name);
  list?.querySelector(".select2-search input")?.setAttribute("aria-label", name);
}

function mend(root) {
  nameTheSearchFields(root);
  nameTheBoxesOfTables(root);
  for (const icon of root.querySelectorAll("span.help-tooltip[aria-label]")) icon.setAttribute("role", "img");
  for (const corner of root.querySelectorAll("thead th:empty")) {
    const cell = document.createElement("td");
    cell.className = corner.className;
    corner.replaceWith(cell);
  }
}

// Django's own scripts make fields after the page has come, and when a row or a list is opened.
let isDue = false;
new MutationObserver(() => {
  if (isDue) return;
  isDue = true;
  requestAnimationFrame(() => {
    isDue = false;
    mend(document);
  });
}).observe(document.documentElement, { childList: true, subtree: true });
mend(document);
