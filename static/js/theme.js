// Light or dark. Loaded before the first paint and therefore no module: short, and without imports.
(() => {
  const root = document.documentElement;
  const darkSystem = matchMedia("(prefers-color-scheme: dark)");
  const chosen = () => /(?:^|; )theme=(light|dark|auto)/.exec(document.cookie)?.[1] ?? "auto";

  const apply = () => {
    const theme = chosen();
    root.dataset.theme = theme;
    root.dataset.bsTheme = theme === "dark" || (theme === "auto" && darkSystem.matches) ? "dark" : "light";
    for (const button of document.querySelectorAll("[data-theme-form] button")) {
      button.setAttribute("aria-pressed", String(button.value === theme));
    }
  };

  document.addEventListener("submit", (event) => {
    if (!event.target.matches("[data-theme-form]")) return;
    event.preventDefault();
    const secure = location.protocol === "https:" ? "; Secure" : "";
    document.cookie = `theme=${event.submitter.value}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
    const told = new FormData(event.target);
    told.set("theme", event.submitter.value);
    fetch(event.target.action, { method: "POST", body: told, redirect: "manual", keepalive: true }).catch(() => {}); // other browsers of theirs
    apply();
    event.target.closest("[popover]")?.hidePopover();
  });

  darkSystem.addEventListener("change", apply);
  addEventListener("pageshow", apply); // another page may have changed it before we came back
  apply();
})();
