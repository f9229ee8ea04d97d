// The proof of work that accounts/captcha.py asks for: the number whose hash, with the salt before it, is the challenge.
// Found in slices of a few milliseconds, so that typing goes on; a form that is sent before is sent when it is found.
import { sha256 } from "./sha256.js";

const SLICE = 12; // milliseconds

for (const box of document.querySelectorAll("[data-captcha]")) prove(box);

async function prove(box) {
  const { captcha, working, done, failed } = box.dataset;
  const question = box.querySelector("[data-captcha-question]");
  const status = box.querySelector("[role=status]");
  const release = holdBack(box.closest("form"));
  question.hidden = true;
  status.textContent = working;
  try {
    box.querySelector("[name$=_proof]").value = await proofOf(JSON.parse(captcha));
    status.textContent = done;
  } catch {
    question.hidden = false;
    status.textContent = failed;
  }
  release();
}

async function proofOf({ maxnumber, ...challenge }) {
  const number = await search(challenge.challenge, challenge.salt, maxnumber);
  return btoa(JSON.stringify({ ...challenge, number }));
}

async function search(wanted, salt, maxnumber) {
  const encoder = new TextEncoder();
  const first = parseInt(wanted.slice(0, 8), 16) | 0;
  let pause = performance.now() + SLICE;
  for (let number = 0; number <= maxnumber; number++) {
    const digest = sha256(encoder.encode(salt + number));
    if (digest[0] === first && hex(digest) === wanted) return number;
    if (performance.now() > pause) {
      await new Promise((resume) => setTimeout(resume));
      pause = performance.now() + SLICE;
    }
  }
  throw new Error("no number fits");
}

const hex = (digest) => Array.from(digest, (word) => (word >>> 0).toString(16).padStart(8, "0")).join("");

// Keeps a form that is sent too early; calling the answer lets it go, sent by the button that was pressed.
function holdBack(form) {
  let pressed = null;
  const keep = (event) => {
    event.preventDefault();
    pressed = event.submitter;
  };
  form.addEventListener("submit", keep);
  return () => {
    form.removeEventListener("submit", keep);
    if (pressed) form.requestSubmit(pressed);
  };
}
