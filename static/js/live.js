// Parts of pages that renew themselves: <div data-live="4" hx-get="..." hx-trigger="live" hx-swap="morph">.
// Each asks every so many seconds, with the ETag of its last answer, so that no news costs a 304.
import { announce } from "./announce.js";
import { htmx, Idiomorph } from "./vendor.js";

const LONGEST_WAIT = 30; // seconds between two tries while the server does not answer
const GONE = [401, 403, 404, 410]; // the page as a whole says it better

const parts = new WeakMap(); // element -> { path, etag, failures, timer }
const lostNotice = document.querySelector("#connection > *");

function stateOf(part) {
  if (!parts.has(part)) parts.set(part, { path: "", etag: "", failures: 0, timer: 0 });
  return parts.get(part);
}

function plan(part) {
  const state = stateOf(part);
  const pause = Number(part.dataset.live) || LONGEST_WAIT;
  clearTimeout(state.timer);
  state.timer = setTimeout(() => ask(part), 1000 * Math.min(pause * 2 ** state.failures, Math.max(pause, LONGEST_WAIT)));
}

function ask(part) {
  if (!part.isConnected || !part.matches("[data-live]")) return;
  if (!document.hidden) htmx.trigger(part, "live");
  plan(part);
}

function succeeded(part, xhr) {
  stateOf(part).failures = 0;
  lostNotice.hidden = true;
  const asOf = xhr.getResponseHeader("X-As-Of"); // an unchanged page was confirmed anew: its age stays true
  if (asOf) part.querySelectorAll(".fresh time").forEach((time) => { time.dateTime = asOf; });
}

function failed(part) {
  stateOf(part).failures += 1;
  lostNotice.hidden = false;
  plan(part);
}

document.addEventListener("htmx:load", ({ detail }) => {
  for (const part of document.querySelectorAll("[data-live]")) {
    if (detail.elt === document.body || part === detail.elt || detail.elt.contains(part)) plan(part);
  }
});

document.addEventListener("visibilitychange", () => {
  if (!document.hidden) document.querySelectorAll("[data-live]").forEach(ask);
});

document.addEventListener("htmx:configRequest", ({ detail }) => {
  const state = parts.get(detail.elt);
  if (state?.etag && state.path === detail.path) detail.headers["If-None-Match"] = state.etag;
});

document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  const { xhr, target, pathInfo } = detail;
  const answered = new URL(xhr.responseURL || pathInfo.finalRequestPath, location.href);
  const own = new URL(target.getAttribute("hx-get") ?? "", location.href).pathname;
  if (target.matches("[data-live]") && ![location.pathname, own].includes(answered.pathname)) { // sent to the sign-in page: the session has ended
    detail.shouldSwap = false;
    location.reload();
  } else if (target.matches("[data-live]") && xhr.status === 200) {
    Object.assign(stateOf(target), { path: answered.pathname + answered.search, etag: xhr.getResponseHeader("ETag") ?? "" });
  }
});

document.addEventListener("htmx:afterRequest", ({ detail }) => {
  const { target, xhr, successful } = detail;
  if (!target?.matches("[data-live]")) return;
  if (successful) succeeded(target, xhr);
  else if (GONE.includes(xhr.status)) location.reload();
  else if (xhr.status) failed(target); // without one it was lost, see below, or gave way to another request
});

for (const lost of ["htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(lost, ({ detail }) => {
    if (detail.target?.matches("[data-live]")) failed(detail.target);
  });
}

// ---- what a reader has opened, ticked or is typing stays ---------------------------------------------

document.addEventListener("htmx:beforeSwap", () => {
  Idiomorph.defaults.ignoreActiveValue = Boolean(document.activeElement?.matches("input, textarea, select"));
});
Idiomorph.defaults.callbacks.beforeAttributeUpdated = (name, element) => {
  const isTheirs = (name === "open" && element.matches("details, dialog")) || (name === "checked" && element.matches("input"));
  return !isTheirs;
};

// ---- who works by keyboard goes on in the same row, though the button there went with the old state -------

let placeOfFocus = "";

document.addEventListener("htmx:beforeSwap", () => {
  placeOfFocus = document.activeElement?.closest("[data-live] tr[id], [data-live]")?.id ?? "";
});
document.addEventListener("htmx:afterSwap", () => {
  if (!placeOfFocus || document.activeElement !== document.body) return;
  document.getElementById(placeOfFocus)?.querySelector(".tools a, .tools button, .actions button")?.focus({ preventScroll: true });
});

// ---- changes of state are read out -----------------------------------------------------------------------

let statesBefore = new Map();
const states = () =>
  new Map([...document.querySelectorAll("[data-announce]")].map((each) => [each.dataset.announce, each.textContent.trim()]));

document.addEventListener("htmx:beforeSwap", () => { statesBefore = states(); });
document.addEventListener("htmx:afterSwap", () => {
  const changes = [...states()].filter(([name, state]) => statesBefore.has(name) && statesBefore.get(name) !== state);
  if (changes.length) announce(changes.map(([name, state]) => `${name}: ${state}`).join(", "));
});
