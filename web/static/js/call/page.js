// What the page was given by the server (texts, addresses) and the few ways in which scripts write into it.

const parsed = (element) => JSON.parse(element.textContent);
const texts = Object.assign({}, ...[...document.querySelectorAll("script.page-texts")].map(parsed));

export const page = parsed(document.getElementById("page-data"));
export const csrf = document.querySelector("meta[name=csrf]").content;
export const $ = (id) => document.getElementById(id);

const at = (name) => name.split(".").reduce((node, key) => node?.[key], texts);

// The text at a dotted name, its {names} filled; the page's own language.
export function text(name, values = {}) {
  const found = at(name);
  if (typeof found !== "string") throw new Error(`no text ${name}`);
  return found.replace(/\{(\w+)\}/g, (whole, key) => values[key] ?? whole);
}

export const hasText = (name) => typeof at(name) === "string";

// Writes only what changed: a region that is read out must not repeat itself.
export function write(element, words) {
  if (element.textContent !== words) element.textContent = words;
}

export function show(element, visible) {
  if (element.hidden === visible) element.hidden = !visible;
}

// A dialog's form may be sent again: the guard against double sending (enhance.js) is for pages that go away.
export function reusable(dialog) {
  dialog.addEventListener("close", () => delete dialog.querySelector("form").dataset.sent);
}

// A copy of a <template>'s only element; `parts` are its elements with data-part, by name.
export function copy(id) {
  const element = $(id).content.firstElementChild.cloneNode(true);
  const parts = { self: element };
  for (const part of element.querySelectorAll("[data-part]")) parts[part.dataset.part] = part;
  if (element.dataset.part) parts[element.dataset.part] = element;
  return parts;
}

// "A, B and C" in the page's language.
export function list(names) {
  return new Intl.ListFormat(document.documentElement.lang, { type: "conjunction" }).format(names);
}
