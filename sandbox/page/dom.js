// Everything that comes from the sandbox is set as text or as an attribute that cannot act: nothing is parsed as HTML.
const NS = "http://www.w3.org/2000/svg";
const $ = (id) => document.getElementById(id);
const text = (value) => (value === null || value === undefined ? "" : String(value));
const list = (value) => (Array.isArray(value) ? value : []);

function node(tag, attributes = {}, ...children) {
  const made = tag === "svg" || tag === "polyline" || tag === "polygon" ? document.createElementNS(NS, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== undefined && value !== null) made.setAttribute(name, text(value));
  made.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return made;
}

function say(element, value) {
  const wanted = text(value);
  if (element.textContent !== wanted) element.textContent = wanted;
}

function tone(element, value, words) {
  element.dataset.tone = value;
  say(element, words);
}

// Keeps the elements of things that stay (a bar moves then, a focus is kept), in the order of `items`.
function keep(parent, items, keyOf, make, update) {
  const old = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  const seen = new Set();
  items.forEach((item, index) => {
    let key = text(keyOf(item));
    while (seen.has(key)) key += "'";
    seen.add(key);
    let child = old.get(key);
    if (!child) {
      child = make(item);
      child.dataset.key = key;
    }
    old.delete(key);
    if (parent.children[index] !== child) parent.insertBefore(child, parent.children[index] || null);
    update(child, item);
  });
  for (const child of old.values()) child.remove();
}

// Draws again only what changed: a table that stays can be read, scrolled and copied from.
const drawn = new WeakMap();
function redraw(element, data, draw) {
  const now = JSON.stringify(data) ?? "";
  if (drawn.get(element) === now) return;
  drawn.set(element, now);
  element.replaceChildren(...draw());
}

function clockText(value) {
  const moment = new Date(text(value));
  return Number.isNaN(moment.getTime()) ? text(value) : moment.toISOString().slice(11, 19);
}

function when(value) {
  return node("time", { datetime: text(value), title: text(value) }, clockText(value));
}

function number(value, digits = 0) {
  return typeof value === "number" && Number.isFinite(value) ? value.toFixed(digits) : "–";
}

// The part of a digest or an ARN that a person looks at.
function short(value) {
  const digest = /^sha256:([0-9a-f]{64})$/.exec(text(value));
  if (digest) return digest[1].slice(0, 12);
  const arn = /^arn:[^:]*:[^:]*:[^:]*:[^:]*:(?:[^/]+\/)?(.+)$/.exec(text(value));
  return arn ? arn[1] : text(value);
}
