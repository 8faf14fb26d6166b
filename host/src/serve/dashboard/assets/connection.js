// One connection: how it does, its figures over time, its runs, and what can be done with it.

import { get, path, post } from "./api.js";
import { ask } from "./dialog.js";
import { h } from "./dom.js";
import { ago, at, count, schedule, took, upcoming } from "./format.js";
import { badge, failure, stateOf } from "./health.js";
import { plot } from "./plot.js";

/** So many runs a page. */
const PAGE = 60;

export function connection({ tenant, name }, page) {
  const place = path`/v1/tenants/${tenant}/connections/${name}`;
  let pages = 1;

  async function load(signal) {
    const [connection, history] = await Promise.all([get(place, signal), runs(signal)]);
    return { connection, ...history };
  }

  async function runs(signal) {
    const found = [];
    let next = `${path`/v1/tenants/${tenant}/runs?connection=${name}`}&limit=${PAGE}`;
    for (let page = 0; page < pages && next; page += 1) {
      const listing = await get(next, signal);
      found.push(...listing.items);
      next = listing.next;
    }
    return { runs: found, hasMore: Boolean(next) };
  }

  function show({ connection, runs, hasMore }) {
    const { health, paused } = connection;
    const state = stateOf(connection);
    return [
      h("p", { class: "trail" }, h("a", { href: path`#/t/${tenant}` }, tenant), " /"),
      h("h1", null, name, " ", badge(state), " ", paused && state !== "paused" && badge("paused"),
        health.running && state !== "running" && badge("running")),
      state === "failing" && h("section", { key: "why", class: "card bad", "aria-label": "What is wrong" },
        h("p", null, "Fails since ", at(health.failing_since), `, ${count(health.failures)} in a row.`),
        failure(health.last_error)),
      page.mayChange && actions(connection),
      facts(connection, runs),
      h("section", { key: "plot", "aria-labelledby": "over-time" },
        h("h2", { id: "over-time" }, "Rows over time"),
        plot(runs, page.width)),
      h("section", { key: "runs", "aria-labelledby": "its-runs" },
        h("h2", { id: "its-runs" }, "Runs"),
        runs.length ? history(runs) : h("p", null, "It never ran."),
        hasMore && h("button", { type: "button", onclick: () => page.reload((pages += 1)) }, "Show older ones")),
      h("section", { key: "definition", "aria-labelledby": "definition" },
        h("h2", { id: "definition" }, "Definition"),
        h("pre", { tabindex: "0", "aria-label": "Definition as JSON" }, JSON.stringify(connection.connection, null, 2))),
    ];
  }

  function facts({ health, schedule: when, connection: document, paused, updated_at: changed }, runs) {
    const running = runs.find((run) => run.id === health.running);
    const progress = running?.progress;
    return h("dl", { class: "facts" },
      fact("Now", health.running
        ? h("a", { href: path`#/t/${tenant}/r/${health.running}` },
            progress ? `running: ${count(progress.rows_read)} rows read, ${count(progress.requests)} requests` : "a run begins")
        : "nothing runs"),
      fact("Next run", health.running ? "after this one" : upcoming(health.due_at)),
      fact("Last run", ago(health.last_ended_at)),
      fact("Last read everything", ago(health.last_done_at)),
      fact("Schedule", schedule(when), paused && " (paused)"),
      fact("Strategy", h("a", { href: "#/strategies" }, document.strategy)),
      fact("Changed", ago(changed)));
  }

  function actions({ health, paused }) {
    const change = (done, what, body) => () => page.act(done, () => post(`${place}/${what}`, body));
    const button = (label, onclick, attributes) => h("button", { type: "button", onclick, ...attributes }, label);
    const isRunning = Boolean(health.running);
    return h("div", { class: "actions", role: "group", "aria-label": "Actions" },
      button("Run now", change("A run is asked for.", "runs", { full_refresh: false }), { class: "primary", disabled: isRunning }),
      paused
        ? button("Resume", change("It runs on its schedule again.", "resume"))
        : button("Pause", change("It runs only when asked to, until it is resumed.", "pause")),
      button("Full refresh…", refresh, { disabled: isRunning }),
      button("Cancel the run", cancel(health.running), { disabled: !isRunning, class: "danger" }));
  }

  async function refresh() {
    const isSure = await ask({
      title: `Read all of ${name} anew?`,
      body: [
        "Everything is fetched again from the beginning, with as many requests as that takes. The rows that are there stay until the new ones are complete; then they are replaced.",
        "If it fails, everything stays as it is.",
      ],
      yes: "Read all anew",
    });
    if (isSure) await page.act("A full refresh is asked for.", () => post(`${place}/runs`, { full_refresh: true }));
  }

  const cancel = (run) => () =>
    page.act("The run stops at its last checkpoint.", () => post(path`/v1/tenants/${tenant}/runs/${run}/cancel`));

  function history(runs) {
    const titles = ["Began", "Status", "Took", "Inserted", "Updated", "Deleted", "Unchanged", "Requests"];
    return h("div", { class: "wide" },
      h("table", null,
        h("caption", { class: "unseen" }, `Runs of ${name}, the latest first`),
        h("thead", null, h("tr", null, titles.map((title, index) => h("th", { scope: "col", class: index > 1 && "number" }, title)))),
        h("tbody", null, runs.map((run) => h("tr", { key: run.id },
          h("th", { scope: "row" }, h("a", { href: path`#/t/${tenant}/r/${run.id}` }, at(run.started_at))),
          h("td", null, badge(run.status), run.full_refresh && h("small", null, " full refresh")),
          [took(run.started_at, run.ended_at), ...figures(run.progress)].map((cell, index) =>
            h("td", { class: "number", "data-title": titles[index + 2] }, cell)))))));
  }

  const headline = ({ connection }) => `${name}: ${stateOf(connection)}`;
  return { load, show, headline, every: 3000 };
}

const fact = (title, ...value) => h("div", null, h("dt", null, title), h("dd", null, value));

function figures(progress) {
  const { inserted, updated, deleted, unchanged, requests } = progress ?? {};
  return [inserted, updated, deleted, unchanged, requests].map((number) => (number === undefined ? "–" : count(number)));
}
