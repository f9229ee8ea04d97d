// A form with data-once is sent once: a second click while its answer is awaited does nothing. The server knows better anyway.
let sent = new WeakSet();

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("[data-once]") || event.defaultPrevented) return;
  if (sent.has(form)) event.preventDefault();
  else sent.add(form);
});
window.addEventListener("pageshow", ({ persisted }) => {
  if (persisted) sent = new WeakSet(); // somebody came back to it
});
