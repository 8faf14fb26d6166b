// Describes elements, and changes the page to what is described, touching only what differs: focus, scroll positions
// and open parts stay as they are. Text is only ever text.

const SVG = "http://www.w3.org/2000/svg";
// What the user changes by hand afterwards is set once, as what a form is reset to.
const SET_ONCE = new Set(["value", "checked", "open"]);
const described = new WeakMap();

/** Describes an element. `key` among its attributes tells it from its siblings. */
export function h(tag, attributes, ...children) {
  return { tag, attributes: attributes ?? {}, children: clean(children) };
}

function clean(children) {
  const there = children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);
  return there.map((child) => (typeof child === "object" ? child : String(child)));
}

/** Makes `root` hold what is described. */
export function render(root, ...children) {
  const focused = document.activeElement;
  patch(root, clean(children));
  if (focused !== document.activeElement && focused?.isConnected) focused.focus({ preventScroll: true });
}

function patch(parent, wanted) {
  const keys = new Set(wanted.map(keyOf));
  const present = new Map();
  for (const node of [...parent.childNodes]) {
    const key = described.get(node)?.key;
    if (key === undefined) continue;
    if (keys.has(key)) present.set(key, node);
    else node.remove();
  }
  let place = parent.firstChild;
  for (const want of wanted) {
    const node = present.get(keyOf(want)) ?? (fits(place, want) ? place : null);
    if (!node) {
      parent.insertBefore(create(want, parent), place);
      continue;
    }
    if (node === place) place = place.nextSibling;
    else parent.insertBefore(node, place);
    update(node, want);
  }
  while (place) {
    const next = place.nextSibling;
    place.remove();
    place = next;
  }
}

function keyOf(want) {
  return want.attributes?.key;
}

/** Whether a node without a key can become what is wanted. */
function fits(node, want) {
  if (!node || keyOf(want) !== undefined) return false;
  if (typeof want === "string") return node.nodeType === Node.TEXT_NODE;
  return node.nodeName.toLowerCase() === want.tag.toLowerCase() && described.get(node)?.key === undefined;
}

function create(want, parent) {
  if (typeof want === "string") return document.createTextNode(want);
  const isSvg = want.tag === "svg" || (parent.namespaceURI === SVG && parent.nodeName !== "foreignObject");
  const node = isSvg ? document.createElementNS(SVG, want.tag) : document.createElement(want.tag);
  for (const [name, value] of Object.entries(want.attributes)) {
    if (SET_ONCE.has(name)) give(node, name, value);
  }
  update(node, want);
  return node;
}

function update(node, want) {
  if (typeof want === "string") {
    if (node.data !== want) node.data = want;
    return;
  }
  const before = described.get(node) ?? {};
  described.set(node, want.attributes);
  for (const name of Object.keys(before)) {
    if (!(name in want.attributes)) set(node, name, null);
  }
  for (const [name, value] of Object.entries(want.attributes)) {
    if (before[name] !== value) set(node, name, value);
  }
  patch(node, want.children);
}

function set(node, name, value) {
  if (name === "key" || SET_ONCE.has(name)) return;
  if (name.startsWith("on")) node[name] = value;
  else give(node, name, value);
}

function give(node, name, value) {
  if (value === null || value === undefined || value === false) node.removeAttribute(name);
  else node.setAttribute(name, value === true ? "" : value);
}
