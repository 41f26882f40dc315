/* What every part of the front end is made of. Every text goes through textContent. */

const FOCUSED = ["button", "input", "select", "summary", "textarea"];

/* An element with properties, attributes (names with a hyphen, and role) and children.

   What can have the focus is marked, so that keys pressed on it are not taken for JupyterLab's commands. */
function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes("-") || name === "role") element.setAttribute(name, value);
    else element[name] = value;
  }
  if (FOCUSED.includes(tag)) element.setAttribute("data-lm-suppress-shortcuts", "true");
  element.append(...children);
  return element;
}

function button(text, title, act, properties = {}) {
  const made = make("button", { type: "button", textContent: text, title, ...properties });
  made.addEventListener("click", act);
  return made;
}

function percent(share) {
  return `${(100 * Math.max(0, Math.min(1, share))).toFixed(2)}%`;
}

/* A bar of a share; `set` moves it. */
function barOf(kind = "") {
  const fill = make("div", { className: "bdx-fill" });
  const whisker = make("div", { className: "bdx-whisker", hidden: true });
  const element = make("div", { className: `bdx-bar ${kind}`, "aria-hidden": "true" }, fill, whisker);
  return { element, whisker, set(share) { fill.style.width = percent(share); } };
}

function tableOf(heads, rows) {
  const cells = (tag, texts) => make("tr", {}, ...texts.map((text) =>
    (text instanceof Node ? make(tag, {}, text) : make(tag, { textContent: text }))));
  const head = cells("th", heads);
  for (const cell of head.children) cell.scope = "col";
  return make("table", {}, make("thead", {}, head), make("tbody", {}, ...rows.map((row) => cells("td", row))));
}

function listed(names, more) {
  return `${names.join(", ")}${more ? ` and ${more} more` : ""}`;
}

/* Text as an address can hold it, and back. */
function packed(text) {
  const bytes = new TextEncoder().encode(text);
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""))
    .replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

function unpacked(text) {
  const binary = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
  return new TextDecoder("utf-8", { fatal: true }).decode(Uint8Array.from(binary, (sign) => sign.charCodeAt(0)));
}

/* A number as it was typed: of "age_group = 71" the part that people typed. */
function typedOf(finding) {
  return finding.said.split(" = ").at(-1);
}

function phraseOf(finding) {
  return finding.phrase + (finding.said ? ` (${typedOf(finding)})` : "");
}
