// Says a sentence to screen readers, and nothing to the eye.
export function announce(sentence) {
  document.getElementById("announcements").textContent = sentence;
}
