// Asks who is signed in, some minutes before the session ends, whether to stay, and says when it has ended.
// templates/components/_session.html has the words. The server knows the time: its answer counts, not our clock.
import { announce } from "./announce.js";

const LOOK_EVERY = 2000; // milliseconds: timers of hidden pages and sleeping machines are late, so look often
const dialog = document.getElementById("session");

function watch({ dataset }) {
  const part = (name) => dialog.querySelector(`[data-session-${name}]`);
  const tabs = new BroadcastChannel("session");
  let endsAt = 1000 * Number(dataset.ends);
  let said = ""; // what the dialog says already
  const closed = "session-warning-closed"; // for which end: the next page does not ask again
  let isAsking = false;

  const clock = () => new Date(endsAt).toLocaleTimeString(document.documentElement.lang, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  const due = () => {
    const left = endsAt - Date.now();
    if (left > 1000 * Number(dataset.warning)) return "";
    return left > 0 ? "stay" : "ended";
  };

  async function ask(url, options = {}) {
    const answer = await fetch(url, { ...options, headers: { "X-Requested-With": "XMLHttpRequest" } });
    if (!answer.ok) throw new Error(answer.status);
    endsAt = Date.now() + 1000 * (await answer.json()).left;
  }

  async function look() {
    if (due() === said || isAsking) return;
    isAsking = true;
    if (due()) await ask(dataset.state).catch(() => {}); // perhaps another tab has asked to stay; without an answer our clock counts
    isAsking = false;
    say(due());
  }

  function say(what) {
    said = what;
    if (!what) {
      dialog.close();
      return;
    }
    dialog.querySelector("#session-title").textContent = dataset[what];
    dialog.querySelector("#session-text").textContent = dataset[`${what}Text`].replace("%t", clock());
    part("stay").hidden = what === "ended";
    part("again").hidden = what !== "ended";
    if (what === "stay" && Math.abs(sessionStorage.getItem(closed) - endsAt) < LOOK_EVERY) return;
    if (!dialog.open) dialog.showModal();
    part(what === "ended" ? "again" : "stay").focus();
  }

  dialog.querySelector("form").addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      await ask(event.target.action, { method: "POST", body: new FormData(event.target) });
      tabs.postMessage(endsAt);
      if (!due()) announce(dataset.stays.replace("%t", clock()));
      say(due());
    } catch {
      dialog.querySelector("#session-text").textContent = dataset.failed;
    }
  });
  part("close").addEventListener("click", () => {
    sessionStorage.setItem(closed, endsAt);
    dialog.close();
  });
  tabs.addEventListener("message", ({ data }) => { endsAt = data; look(); });
  document.addEventListener("visibilitychange", look);
  setInterval(look, LOOK_EVERY);
}

if (dialog) watch(dialog);
