// How a character is typed on a US keyboard: the arguments of noVNC's sendKey, one list for each press and release.
const SHIFT = [0xffe1, "ShiftLeft"];
const KEYS = new Map();

const learn = (code, plain, shifted) => {
  KEYS.set(plain, [code, false]);
  KEYS.set(shifted, [code, true]);
};
for (const letter of "abcdefghijklmnopqrstuvwxyz") learn(`Key${letter.toUpperCase()}`, letter, letter.toUpperCase());
for (const [position, sign] of [...")!@#$%^&*("].entries()) learn(`Digit${position}`, String(position), sign);
learn("Minus", "-", "_");
learn("Equal", "=", "+");
learn("BracketLeft", "[", "{");
learn("BracketRight", "]", "}");
learn("Backslash", "\\", "|");
learn("Semicolon", ";", ":");
learn("Quote", "'", '"');
learn("Backquote", "`", "~");
learn("Comma", ",", "<");
learn("Period", ".", ">");
learn("Slash", "/", "?");
KEYS.set(" ", ["Space", false]);

const NAMED = { "\n": [0xff0d, "Enter"], "\r": [0xff0d, "Enter"], "\t": [0xff09, "Tab"] };

// Characters of Latin-1 are their own keysym, others follow from Unicode (X Window System Protocol, appendix A).
const keysym = (character) => {
  const point = character.codePointAt(0);
  return (point >= 0x20 && point <= 0x7e) || (point >= 0xa0 && point <= 0xff) ? point : 0x01000000 | point;
};

export function typingOf(character) {
  if (NAMED[character]) return [NAMED[character]];
  const [code, isShifted] = KEYS.get(character) ?? [undefined, false];
  const key = [keysym(character), code];
  return isShifted ? [[...SHIFT, true], key, [...SHIFT, false]] : [key];
}
