// One run: its figures, live while it goes on, its log, and why it failed.

import { events, get, path, post } from "./api.js";
import { h } from "./dom.js";
import { at, bytes, clockTime, count, took } from "./format.js";
import { badge, failure } from "./health.js";

const TRIGGERS = { schedule: "its schedule", retry: "the failure before", manual: "somebody who asked" };

export function run({ tenant, id }, page) {
  const place = path`/v1/tenants/${tenant}/runs/${id}`;
  let current = null;
  let lines = [];
  let isListening = false;

  async function load(signal) {
    current = await get(place, signal);
    if (current.status === "running") listen(signal);
    else lines = current.log;
    return current;
  }

  /** Follows the run until it ends or the stream breaks; then it is loaded again, and followed again if it goes on. */
  async function listen(signal) {
    if (isListening) return;
    isListening = true;
    lines = [];
    await events(`${place}/events`, signal, hear).catch(() => {});
    isListening = false;
    page.reload();
  }

  function hear(name, data) {
    if (name === "log") lines.push(data);
    if (name === "progress") current.progress = data;
    if (name === "end") current = { ...data, log: lines };
    page.redraw(current);
  }

  function show() {
    const { connection, status, error, progress } = current;
    const isRunning = status === "running";
    return [
      h("p", { class: "trail" },
        h("a", { href: path`#/t/${tenant}` }, tenant), " / ",
        h("a", { href: path`#/t/${tenant}/c/${connection}` }, connection), " /"),
      h("h1", null, "Run of ", clockTime(current.started_at), " ", badge(status)),
      (error || status === "lost") && h("section", { key: "why", class: "card bad", "aria-label": "What went wrong" },
        failure(error, "The server went down while it ran. What was committed stays; the next run goes on from there.")),
      isRunning && page.mayChange && h("div", { class: "actions" },
        h("button", { type: "button", class: "danger", onclick: cancel }, "Cancel the run")),
      h("dl", { class: "figures", "aria-label": "Figures" },
        [["Rows read", "rows_read"], ["Inserted", "inserted"], ["Updated", "updated"], ["Deleted", "deleted"],
          ["Unchanged", "unchanged"], ["Requests", "requests"], ["Retries", "retries"], ["Checkpoints", "checkpoints"]]
          .map(([title, key]) => fact(title, progress ? count(progress[key]) : "–")),
        fact("Received", progress ? bytes(progress.bytes_in) : "–"),
        fact("Processor", progress ? `${progress.cpu_seconds.toFixed(2)} s` : "–"),
        fact("Memory", progress ? bytes(progress.memory_bytes) : "–"),
        fact(isRunning ? "Goes on for" : "Took", took(current.started_at, current.ended_at))),
      h("dl", { class: "facts" },
        fact("Began", at(current.started_at)),
        fact("Ended", at(current.ended_at)),
        fact("Begun by", TRIGGERS[current.trigger] ?? current.trigger, current.full_refresh && ", as a full refresh"),
        current.scheduled_for && fact("Was due", at(current.scheduled_for)),
        current.retry_at && fact("Source wants to be asked again", at(current.retry_at)),
        fact("Strategy's digest", current.plugin_digest ? h("code", null, current.plugin_digest) : "–"),
        fact("Identifier", h("code", null, id))),
      h("section", { key: "log", "aria-labelledby": "its-log" },
        h("h2", { id: "its-log" }, "Log"),
        lines.length > 0
          ? h("ol", { class: "log", tabindex: "0", "aria-label": "Lines of the log" }, lines.map(logLine))
          : h("p", { class: "quiet" }, isRunning ? "It has said nothing yet." : "It said nothing.")),
    ];
  }

  const cancel = () => page.act("The run stops at its last checkpoint.", () => post(`${place}/cancel`));
  return { load, show, headline: () => `Run of ${current.connection}: ${current.status}` };
}

const fact = (title, ...value) => h("div", null, h("dt", null, title), h("dd", null, value));

function logLine({ at, level, message }) {
  const time = new Date(at).toISOString().slice(11, 23);
  return h("li", { class: level },
    h("time", { datetime: at, title: at }, time), " ", h("b", null, level), " ", h("span", null, message));
}
