// The form of the site's help desk (Jira's issue collector): its script is loaded when somebody presses the button.
const facts = JSON.parse(document.getElementById("helpdesk-facts").textContent);
const button = document.querySelector("[data-helpdesk]");
let show = null; // opens the form, once the collector has said how

function load() {
  window.ATL_JQ_PAGE_PROPS = {
    fieldValues: facts.fields,
    triggerFunction: (open) => {
      show = open;
      button.removeAttribute("aria-busy");
      show();
    },
  };
  const script = document.createElement("script");
  script.src = facts.src;
  script.async = true;
  script.addEventListener("error", () => {
    button.removeAttribute("aria-busy");
    button.querySelector("[data-helpdesk-failed]").hidden = false;
    script.remove();
  });
  document.head.append(script);
}

button?.addEventListener("click", () => {
  button.querySelector("[data-helpdesk-failed]").hidden = true;
  if (show) show();
  else if (!button.hasAttribute("aria-busy")) {
    button.setAttribute("aria-busy", "true");
    load();
  }
});
