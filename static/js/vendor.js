// The two vendored libraries are classic scripts; modules get them from here.
export const { htmx, Idiomorph } = window;
