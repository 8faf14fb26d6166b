// How a connection or a run does, as a word, a mark and a colour.

import { h } from "./dom.js";

/** Marks differ in shape, so that nobody depends on colours. */
const MARKS = {
  failing: ["✕", "bad"],
  failed: ["✕", "bad"],
  lost: ["✕", "bad"],
  running: ["▶", "live"],
  paused: ["‖", "idle"],
  postponed: ["◷", "idle"],
  cancelled: ["■", "idle"],
  interrupted: ["■", "idle"],
  limited: ["■", "idle"],
  new: ["○", "idle"],
  well: ["✓", "good"],
  done: ["✓", "good"],
};

const WORDS = { new: "never ran" };

export function badge(state) {
  const [mark, tone] = MARKS[state] ?? ["•", "idle"];
  return h("span", { class: `badge ${tone}` }, h("span", { "aria-hidden": "true" }, mark), ` ${WORDS[state] ?? state}`);
}

/** The one word that matters most. */
export function stateOf(connection) {
  const { health, paused } = connection;
  if (health.failures > 0) return "failing";
  if (health.running) return "running";
  if (paused) return "paused";
  if (health.last_status === "postponed") return "postponed";
  return health.last_ended_at ? "well" : "new";
}

/** Why it failed and what to do, as a source or a strategy said it: never more than text. */
export function failure(error, fallback = "The run was cut off, and nobody said why.") {
  return h("div", { class: "failure" },
    h("p", { class: "why" }, error?.message ?? fallback),
    error?.help && h("p", { class: "help" }, h("strong", null, "What to do: "), error.help),
    error && h("p", { class: "quiet" }, `${error.origin}, ${error.code}`));
}

/** How much was written, in a few words. */
export function changes(progress) {
  return progress ? progress.inserted + progress.updated + progress.deleted : 0;
}
