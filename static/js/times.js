// Keeps <time data-since="ago">3 min ago</time> current, in the words that the server gave on <body>.
const UNITS = [["D", 86400], ["H", 3600], ["Min", 60], ["S", 1]];

function inWords(seconds, kind) {
  const words = document.body.dataset;
  for (const [unit, length] of UNITS) {
    if (seconds >= length) return words[kind + unit].replace("%n", Math.floor(seconds / length));
  }
  return words[`${kind}Now`];
}

function renew() {
  if (document.hidden) return;
  for (const time of document.querySelectorAll("time[data-since]")) {
    const text = inWords((Date.now() - Date.parse(time.dateTime)) / 1000, time.dataset.since);
    if (time.textContent !== text) time.textContent = text;
  }
}

setInterval(renew, 1000);
