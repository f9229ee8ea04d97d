// What the pages do beyond HTML. Everything works without it: forms are sent, links lead on.
import "./live.js";
import "./filters.js";
import "./confirm.js";
import "./verbs.js";
import "./toasts.js";
import "./copy.js";
import "./times.js";
import "./shortcuts.js";
import "./session.js";
import "./draft.js";
import "./finder.js";
import "./once.js";
import "./sections.js";
import "./access.js";
import "./picker.js";
import "./popup.js";
import "./bulk.js";
