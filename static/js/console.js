// The console of a VM: asks for a ticket, connects, and does what the buttons say. templates/clusters/instances/console.html
// has the words. A connection that is lost is tried again a few times, each time with a new ticket.
import RFB from "../vendor/novnc/core/rfb.js";
import "./session.js";
import { typingOf } from "./keys.js";

const PAUSES = [1, 2, 4, 8, 15]; // seconds before each further try
const STEADY = 10000; // milliseconds: a connection that lasted so long begins a new count of tries
const KEY_PAUSE = 25; // milliseconds between two keys of a pasted text: a VM's keyboard forgets what comes faster
const LOST = 1006;
const CONTROL = 0xffe3, ALT = 0xffe9, BACKSPACE = 0xff08, RETURN = 0xff0d;
const HELD = { Control: [CONTROL, "ControlLeft"], Alt: [ALT, "AltLeft"] };

const part = (id) => document.getElementById(id);
const page = part("console");
const words = page.dataset;
const target = part("screen");
const holds = [...document.querySelectorAll("[data-hold]")];
const needScreen = [part("ctrl-alt-del"), part("paste"), part("keyboard"), ...holds];

let rfb = null;
let tries = 0;
let since = 0;
let waiting = 0;
let isTyping = 0; // of which text: another one, or an end, stops it
let isWanted = true; // whether the person wants to be connected

// ---- what is said ----------------------------------------------------------------------------------

function show(state, note = "") {
  part("console-state").replaceChildren(part(`state-${state}`).content.cloneNode(true));
  part("console-note").hidden = !note;
  part("console-note").textContent = note;
  const isConnected = state === "connected";
  target.hidden = !isConnected;
  for (const button of needScreen) button.disabled = !isConnected;
  part("disconnect").hidden = state === "closed";
  part("connect").hidden = state !== "closed" && state !== "waiting";
  if (!isConnected) {
    for (const button of holds) button.setAttribute("aria-pressed", "false");
    part("console-facts").textContent = "";
    part("paste-box").hidePopover();
    tellHeld();
  }
}

function tellHeld() {
  const held = holds.filter((button) => button.getAttribute("aria-pressed") === "true").map((button) => button.textContent);
  tell(held.length ? words.held.replace("%k", held.join(" + ")) : "");
}

const tell = (text) => { part("console-keys").textContent = text; };

function tellSize() {
  const canvas = target.querySelector("canvas");
  if (!canvas || !rfb) return;
  const size = words.size.replace("%w", canvas.width).replace("%h", canvas.height);
  part("console-facts").textContent = location.protocol === "https:" ? words.encrypted.replace("%s", size) : size;
}
new MutationObserver(tellSize).observe(target, { subtree: true, attributeFilter: ["width", "height"] });

// ---- connecting ------------------------------------------------------------------------------------

async function askForTheWay() {
  const token = document.querySelector("[name=csrfmiddlewaretoken]").value;
  const answer = await fetch(words.ticket, { method: "POST", headers: { "X-CSRFToken": token, "X-Requested-With": "XMLHttpRequest" } });
  if (answer.redirected) location.reload(); // signed out: the page leads to the sign-in
  const said = await answer.json();
  if (said.error) throw new Refusal(said.error, answer.status === 503);
  return said;
}

class Refusal extends Error {
  constructor(sentence, isForNow) {
    super(sentence);
    this.isForNow = isForNow;
  }
}

function addressOf(way) {
  if (Array.isArray(way)) return `${words.proxyTls ? "wss" : "ws"}://${way[0]}:${way[1]}/`;
  const address = new URL(way.url, location.href);
  address.protocol = address.protocol.replace("http", "ws");
  return address.href;
}

async function connect() {
  clearTimeout(waiting);
  isWanted = true;
  show("connecting");
  let way;
  try {
    way = await askForTheWay();
  } catch (error) {
    end(error instanceof Refusal ? error.message : words.noAnswer, !(error instanceof Refusal) || error.isForNow);
    return;
  }
  if (!isWanted) return;
  const channel = new WebSocket(addressOf(way));
  channel.binaryType = "arraybuffer";
  let heard = LOST;
  channel.addEventListener("close", ({ code }) => { heard = code; });
  const mine = new RFB(target, channel, { shared: true, credentials: Array.isArray(way) ? { password: way[2] } : {} });
  rfb = mine;
  mine.scaleViewport = part("scaling").getAttribute("aria-pressed") === "true";
  mine.background = "transparent";
  mine.addEventListener("connect", () => {
    since = Date.now();
    show("connected");
    tellSize();
    mine.focus();
  });
  mine.addEventListener("disconnect", () => {
    if (rfb !== mine) return;
    rfb = null;
    isTyping += 1;
    if (since && Date.now() - since > STEADY) tries = 0;
    since = 0;
    const known = document.querySelector(`#endings [data-code="${heard}"]`) ?? document.querySelector(`#endings [data-code="${LOST}"]`);
    if (isWanted) end(known.textContent, "again" in known.dataset);
  });
}

function end(sentence, mayTryAgain) {
  if (!mayTryAgain) {
    show("closed", sentence);
  } else if (tries >= PAUSES.length) {
    tries = 0;
    show("closed", `${sentence} ${words.gaveUp}`);
  } else {
    const pause = PAUSES[tries];
    tries += 1;
    show("waiting", `${sentence} ${words.again.replace("%n", pause)}`);
    waiting = setTimeout(connect, 1000 * pause);
  }
}

function disconnect() {
  isWanted = false;
  clearTimeout(waiting);
  tries = 0;
  rfb?.disconnect();
  show("closed");
  part("connect").focus();
}

part("disconnect").addEventListener("click", disconnect);
part("connect").addEventListener("click", () => { tries = 0; connect(); });

// ---- keys --------------------------------------------------------------------------------------------

part("ctrl-alt-del").addEventListener("click", () => {
  rfb.sendCtrlAltDel();
  tell(words.sent);
  rfb.focus();
});

for (const button of holds) {
  button.addEventListener("click", () => {
    const isHeld = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", isHeld);
    rfb.sendKey(...HELD[button.dataset.hold], isHeld);
    tellHeld();
    rfb.focus();
  });
}

// A text, as keys, one after the other; what cannot be typed on a US keyboard is sent as the character that it is.
async function type(text) {
  const mine = (isTyping += 1);
  const characters = [...text.replaceAll("\r\n", "\n")];
  for (const [position, character] of characters.entries()) {
    if (mine !== isTyping || !rfb) return;
    for (const key of typingOf(character)) rfb.sendKey(...key);
    tell(words.typing.replace("%n", characters.length - position - 1));
    await new Promise((done) => { setTimeout(done, KEY_PAUSE); });
  }
  if (mine === isTyping) tell(words.typed);
}

part("paste-box").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = part("paste-text").value;
  part("paste-text").value = "";
  part("paste-box").hidePopover();
  rfb?.focus();
  type(text);
});
part("paste-box").addEventListener("toggle", ({ newState }) => {
  if (newState === "open") part("paste-text").focus();
});

// The keyboards of phones: a field that nobody sees takes what they write, as difference to what it held before.
const FILLING = "_".repeat(60);
const field = part("typing");
part("keyboard").addEventListener("click", () => {
  field.value = FILLING;
  field.focus();
});
field.addEventListener("input", () => {
  const now = field.value;
  const before = field.dataset.before ?? FILLING;
  let same = 0;
  while (same < Math.min(now.length, before.length) && now[same] === before[same]) same += 1;
  for (let count = before.length - same; count > 0; count -= 1) rfb?.sendKey(BACKSPACE, "Backspace");
  for (const character of now.slice(same)) for (const key of typingOf(character)) rfb?.sendKey(...key);
  field.dataset.before = now;
  if (now.length > 2 * FILLING.length || now.length < FILLING.length / 2) {
    field.value = field.dataset.before = FILLING;
  }
});
field.addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return;
  event.preventDefault();
  rfb?.sendKey(RETURN, "Enter");
});

// ---- looking -------------------------------------------------------------------------------------------

part("scaling").addEventListener("click", ({ currentTarget }) => {
  const isScaled = currentTarget.getAttribute("aria-pressed") !== "true";
  currentTarget.setAttribute("aria-pressed", isScaled);
  if (rfb) rfb.scaleViewport = isScaled;
});

part("full-screen").addEventListener("click", () => {
  if (document.fullscreenElement) document.exitFullscreen();
  else page.requestFullscreen();
});
document.addEventListener("fullscreenchange", () => {
  part("full-screen").setAttribute("aria-pressed", Boolean(document.fullscreenElement));
  rfb?.focus();
});

connect();
