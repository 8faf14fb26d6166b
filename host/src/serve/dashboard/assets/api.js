// Speaks the public API with the user's token, which is kept for this tab only.

const KEPT = "tidegate.token";

/** An answer that is no success, or none at all (`status` 0). */
export class Problem extends Error {
  constructor(status, detail, help) {
    super(detail);
    this.status = status;
    this.help = help;
  }
}

export function token() {
  return sessionStorage.getItem(KEPT);
}

export function keepToken(token) {
  sessionStorage.setItem(KEPT, token);
}

export function forgetToken() {
  sessionStorage.removeItem(KEPT);
}

/** Parts of a path, each made safe. */
export function path(strings, ...parts) {
  return String.raw({ raw: strings }, ...parts.map(encodeURIComponent));
}

async function send(method, path, { body, type, signal, headers = {} } = {}) {
  const shown = { Authorization: `Bearer ${token() ?? ""}`, ...headers };
  if (type) shown["Content-Type"] = type;
  let answer;
  try {
    answer = await fetch(path, { method, headers: shown, body, signal, cache: "no-store" });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Problem(0, "The server cannot be reached.");
  }
  if (!answer.ok) throw await problem(answer);
  return answer;
}

async function problem(answer) {
  const told = await answer.json().catch(() => ({}));
  return new Problem(answer.status, told.detail ?? `The server answered ${answer.status}.`, told.help);
}

export async function get(path, signal) {
  const answer = await send("GET", path, { signal });
  return answer.json();
}

/** All items of a listing, page by page, `most` at most. */
export async function all(path, signal, most = Infinity) {
  const items = [];
  const query = path.includes("?") ? "&" : "?";
  let next = `${path}${query}limit=${Math.min(200, most)}`;
  while (next && items.length < most) {
    const page = await get(next, signal);
    items.push(...page.items);
    next = page.next;
  }
  return items;
}

/** Asks for a change. Sent again by accident it happens once. */
export async function post(path, body) {
  const headers = { "Idempotency-Key": someKey() };
  const content = body === undefined ? {} : { body: JSON.stringify(body), type: "application/json" };
  const answer = await send("POST", path, { ...content, headers });
  return answer.json();
}

export async function upload(path, file) {
  const answer = await send("PUT", path, { body: file, type: "application/wasm" });
  return answer.json();
}

function someKey() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Server-sent events, read by `fetch` since the browser's own reader cannot show a token. Ends when they end. */
export async function events(path, signal, hear) {
  const answer = await send("GET", path, { signal, headers: { Accept: "text/event-stream" } });
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) hearBlock(block, hear);
  }
}

function hearBlock(block, hear) {
  const fields = block.split("\n").map((line) => line.split(/: ?(.*)/s, 2));
  const data = fields.filter(([name]) => name === "data").map(([, value]) => value);
  const name = fields.find(([name]) => name === "event")?.[1] ?? "message";
  if (data.length > 0) hear(name, JSON.parse(data.join("\n")));
}
