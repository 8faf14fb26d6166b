// The connections of a tenant, or of all: what fails first, then what runs, then the rest.

import { all, path, post } from "./api.js";
import { h } from "./dom.js";
import { ago, at, clockTime, count, plural, schedule, upcoming } from "./format.js";
import { badge, changes, failure, stateOf } from "./health.js";

/** So many rows of a section are shown at first, and so many more each time somebody wants them. */
const MORE = 100;
/** So many of a tenant's latest runs are looked at for figures. */
const RUNS = 200;
/** So many requests at once, where all tenants are looked at. */
const AT_ONCE = 6;

const STATES = ["failing", "running", "well", "paused", "postponed", "new"];

export function overview({ tenant }, page) {
  const filter = { text: "", state: "" };
  const shown = { failing: MORE, running: MORE, rest: MORE };

  async function load(signal) {
    const tenants = tenant ? [tenant] : page.tenants;
    const found = [];
    const waiting = [...tenants];
    const worker = async () => {
      for (let name = waiting.shift(); name; name = waiting.shift()) found.push(...(await connectionsOf(name, signal)));
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    found.sort((one, other) => (one.id < other.id ? -1 : 1));
    return found;
  }

  function show(connections) {
    const matching = connections.filter(isWanted);
    const failing = matching.filter(({ state }) => state === "failing");
    failing.sort((one, other) => new Date(one.health.failing_since) - new Date(other.health.failing_since));
    const running = matching.filter(({ state }) => state === "running");
    const rest = matching.filter(({ state }) => state !== "failing" && state !== "running");
    return [
      h("h1", { class: connections.some(({ state }) => state === "failing") ? "bad" : "good" }, headline(connections)),
      h("p", { class: "quiet" }, summary(connections)),
      connections.length > 0 && filters(matching.length, connections.length),
      failing.length > 0 && section("failing", "Failing", failing, failingCards),
      running.length > 0 && section("running", "Running", running, runningTable),
      rest.length > 0 && section("rest", failing.length || running.length ? "The rest" : "Connections", rest, restTable),
      connections.length === 0 && h("p", null, "Put one by the API (PUT /v1/tenants/{tenant}/connections/{name}) or the command line."),
    ];
  }

  function isWanted(connection) {
    const { id, state, health, connection: document } = connection;
    if (filter.state && state !== filter.state && !(filter.state === "running" && health.running)) return false;
    return [id, document.strategy, health.last_error?.message].join(" ").toLowerCase().includes(filter.text);
  }

  function filters(matching, total) {
    const isFiltered = filter.text || filter.state;
    return h("form", { class: "filters", role: "search", onsubmit: (event) => event.preventDefault() },
      h("label", null, "Find ",
        h("input", {
          type: "search",
          placeholder: "name, strategy or error",
          oninput: (event) => page.redraw((filter.text = event.target.value.trim().toLowerCase())),
        })),
      h("label", null, "State ",
        h("select", { onchange: (event) => page.redraw((filter.state = event.target.value)) },
          h("option", { value: "" }, "all"),
          STATES.map((state) => h("option", { value: state }, state === "new" ? "never ran" : state)))),
      h("output", { class: "quiet" }, isFiltered ? `${count(matching)} of ${count(total)}` : ""));
  }

  function section(key, title, items, table) {
    const visible = items.slice(0, shown[key]);
    const left = items.length - visible.length;
    return h("section", { key, "aria-labelledby": `of-${key}` },
      h("h2", { id: `of-${key}` }, title, h("span", { class: "count" }, ` ${count(items.length)}`)),
      table(visible),
      left > 0 && h("button", { type: "button", onclick: () => page.redraw((shown[key] += MORE)) },
        `Show ${count(Math.min(MORE, left))} more of ${count(left)}`));
  }

  function failingCards(connections) {
    return h("ul", { class: "cards" }, connections.map((connection) => {
      const { health, paused } = connection;
      return h("li", { key: connection.id, class: "card bad" },
        h("h3", null, link(connection), " ", paused && badge("paused"), " ", health.running && badge("running")),
        h("p", null,
          "since ", at(health.failing_since), `, ${plural(health.failures, "run")} in a row. `,
          next(connection)),
        failure(health.last_error),
        page.mayChange && h("div", { class: "actions" }, runNow(connection)));
    }));
  }

  function next({ health, paused }) {
    if (health.running) return "It is being tried now.";
    if (paused) return "It is paused, so it is not tried again by itself.";
    return health.due_at ? ["Tried again ", upcoming(health.due_at), "."] : "It is not tried again by itself.";
  }

  function runNow({ tenant, name, id, health }) {
    const act = () => page.act(`A run of ${id} is asked for.`, () =>
      post(path`/v1/tenants/${tenant}/connections/${name}/runs`, { full_refresh: false }));
    return h("button", { type: "button", disabled: Boolean(health.running), "aria-label": `Run ${id} now`, onclick: act }, "Run now");
  }

  function runningTable(connections) {
    return table(["Connection", "Began", "Rows read", "Changed", "Requests", "Run"], connections, (connection) => {
      const { run, tenant, health } = connection;
      return [
        ago(run?.started_at),
        figure(run?.progress?.rows_read),
        figure(run?.progress && changes(run.progress)),
        figure(run?.progress?.requests),
        h("a", { href: path`#/t/${tenant}/r/${health.running}` }, "watch"),
      ];
    });
  }

  function restTable(connections) {
    return table(["Connection", "State", "Last run", "Rows changed", "Next run", "Schedule"], connections, (connection) => {
      const { health, state, run } = connection;
      return [
        badge(state),
        ago(health.last_ended_at),
        figure(run?.progress && changes(run.progress)),
        upcoming(health.due_at),
        schedule(connection.schedule),
      ];
    });
  }

  function table(titles, connections, cells) {
    return h("div", { class: "wide" },
      h("table", null,
        h("thead", null, h("tr", null, titles.map((title) => h("th", { scope: "col", class: NUMBERS.has(title) && "number" }, title)))),
        h("tbody", null, connections.map((connection) =>
          h("tr", { key: connection.id },
            h("th", { scope: "row" }, link(connection)),
            cells(connection).map((cell, index) =>
              h("td", { class: NUMBERS.has(titles[index + 1]) && "number", "data-title": titles[index + 1] }, cell)))))));
  }

  function link({ tenant: of, name, id }) {
    return h("a", { href: path`#/t/${of}/c/${name}` }, tenant ? name : id);
  }

  return { load, show, headline };
}

const NUMBERS = new Set(["Rows read", "Changed", "Requests", "Rows changed"]);
const figure = (number) => (number === undefined || number === null ? "–" : count(number));

async function connectionsOf(tenant, signal) {
  const [connections, runs] = await Promise.all([
    all(path`/v1/tenants/${tenant}/connections`, signal),
    all(path`/v1/tenants/${tenant}/runs`, signal, RUNS),
  ]);
  const byId = new Map(runs.map((run) => [run.id, run]));
  const latest = new Map();
  for (const run of runs) {
    if (!latest.has(run.connection)) latest.set(run.connection, run);
  }
  return connections.map((connection) => ({
    ...connection,
    tenant,
    id: `${tenant}/${connection.name}`,
    state: stateOf(connection),
    run: byId.get(connection.health.running) ?? latest.get(connection.name),
  }));
}

/** What is wrong, and since when, in one sentence. */
function headline(connections) {
  const failing = connections.filter(({ state }) => state === "failing");
  const total = connections.length;
  if (total === 0) return "There are no connections yet";
  if (failing.length === 0) return total === 1 ? "The connection is well" : `All ${count(total)} connections are well`;
  const since = failing.map(({ health }) => health.failing_since).reduce((one, other) => (other < one ? other : one));
  const verb = failing.length === 1 ? "fails" : "fail";
  return `${count(failing.length)} of ${plural(total, "connection")} ${verb}, since ${clockTime(since)}`;
}

function summary(connections) {
  const having = (state) => connections.filter((connection) => connection.state === state).length;
  const running = connections.filter(({ health }) => health.running).length;
  const paused = connections.filter(({ paused }) => paused).length;
  const parts = [
    running && `${count(running)} running`,
    paused && `${count(paused)} paused`,
    having("postponed") && `${count(having("postponed"))} asked by the source to come back later`,
    having("new") && `${count(having("new"))} never ran`,
  ];
  return parts.filter(Boolean).join(" · ") || "Nothing runs at the moment.";
}
