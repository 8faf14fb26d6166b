// Strategies: their versions, which is active, and the rollouts that bring one in another's place.

import { all, get, path, post, upload } from "./api.js";
import { ask, handover, share } from "./dialog.js";
import { h } from "./dom.js";
import { ago, at, bytes, plural } from "./format.js";

/** So many rollouts are looked at. */
const ROLLOUTS = 100;
/** So many are shown of each strategy. */
const SHOWN = 5;

const STAGES = {
  checking: ["is tried aside; the version before is active", "live"],
  awaiting_approval: ["waits for an operator's approval; the version before is active", "warn"],
  canary: ["is tried by a share of the connections; the version before is active for all others", "live"],
  watching: ["is active; its first runs are watched, and it is rolled back if one fails", "live"],
  done: ["is active and proved itself", "good"],
  refused: ["was refused before it ran; nothing changed", "bad"],
  rolled_back: ["was rolled back; the version before is active again", "bad"],
};
const HANDOVERS = {
  at_checkpoint: "Running syncs go on with the new version from their next checkpoint.",
  at_end: "Running syncs end with the version that they began with.",
};
const CAN_END = new Set(["checking", "awaiting_approval", "canary", "watching"]);
/** Some syncs go by the new version. */
const IS_USED = new Set(["canary", "watching"]);

export function strategies(_, page) {
  async function load(signal) {
    const [{ items }, rollouts] = await Promise.all([
      get("/v1/plugins", signal),
      page.isOperator ? all("/v1/rollouts", signal, ROLLOUTS) : [],
    ]);
    return { names: Map.groupBy(items, ({ name }) => name), rollouts };
  }

  function show({ names, rollouts }) {
    const open = rollouts.filter(({ stage }) => CAN_END.has(stage));
    return [
      h("h1", null, "Strategies"),
      h("p", { class: "quiet" }, headline({ names, rollouts })),
      open.length > 0 && h("section", { key: "open", "aria-labelledby": "going-on" },
        h("h2", { id: "going-on" }, "Being brought in"),
        h("ul", { class: "cards" }, open.map((rollout) => rolloutCard(rollout, names, "h3")))),
      [...names].map(([name, versions]) => strategy(name, versions, rollouts, names)),
      page.isOperator && uploadForm([...names.keys()]),
    ];
  }

  function strategy(name, versions, rollouts, names) {
    const active = versions.find(({ active }) => active) ?? versions[0];
    const past = rollouts.filter(({ plugin, stage }) => plugin === name && !CAN_END.has(stage)).slice(0, SHOWN);
    return h("section", { key: name, class: "card", "aria-labelledby": `strategy-${name}` },
      h("h2", { id: `strategy-${name}` }, name, " ", h("span", { class: "count" }, active.version)),
      h("p", null, active.summary),
      h("div", { class: "wide" }, h("table", null,
        h("caption", { class: "unseen" }, `Versions of ${name}`),
        h("thead", null, h("tr", null, ["Version", "Active", "Came", "Size", "State", "May", "Digest"].map((title) => h("th", { scope: "col" }, title)), h("td", null))),
        h("tbody", null, versions.toReversed().map((version) => versionRow(version, active))))),
      h("details", null, h("summary", null, "Configuration"),
        h("pre", { tabindex: "0", "aria-label": `JSON Schema of the configuration of ${name}` }, JSON.stringify(active.config_schema, null, 2))),
      past.length > 0 && h("details", null, h("summary", null, `Rollouts (${past.length})`),
        h("ul", { class: "cards" }, past.map((rollout) => rolloutCard(rollout, names, "h3")))));
  }

  function versionRow(version, active) {
    return h("tr", { key: version.digest },
      h("th", { scope: "row" }, version.version),
      h("td", null, version.active ? h("span", { class: "badge good" }, "✓ active")
        : version.canary ? h("span", { class: "badge live" }, "canary") : ""),
      h("td", { "data-title": "Came" }, version.built_in ? "built in" : ago(version.uploaded_at)),
      h("td", { "data-title": "Size" }, bytes(version.bytes)),
      h("td", { "data-title": "State" }, `form ${version.state_version}`),
      h("td", { "data-title": "May" }, permissions(version, active)),
      h("td", { "data-title": "Digest" }, h("code", { title: version.digest }, version.digest.slice(0, 12))),
      h("td", null, page.isOperator && !version.active && !version.canary &&
        h("button", { type: "button", "aria-label": `Make ${version.name} ${version.version} active…`, onclick: () => activate(version, active) }, "Make active…")));
  }

  async function activate({ name, version, digest, state_version: state }, active) {
    const goesBack = state < active.state_version;
    const answer = await ask({
      title: `Make ${name} ${version} active in place of ${active.version}?`,
      body: [
        `Every connection that names ${name} without a version goes by it then. First it is tried aside against all of them, their configurations and states; where it does not suit one, nothing changes.`,
        "Its first runs are watched. If one fails, the version of now is made active again by itself. No row is lost or doubled either way.",
        goesBack && "It reads an older form of state: connections go on from the state that was kept from before the newer version.",
      ].filter(Boolean),
      fields: [share(), handover()],
      yes: `Make ${version} active`,
    });
    if (!answer) return;
    await page.act(`${name} ${version} is being brought in.`, () =>
      post(path`/v1/plugins/${name}/active`, { digest, handover: answer.handover, share: Number(answer.share) }));
  }

  function rolloutCard(rollout, names, heading) {
    const [meaning, tone] = STAGES[rollout.stage] ?? [rollout.stage, "idle"];
    const version = (digest) => versionOf(names, rollout.plugin, digest);
    return h("li", { key: rollout.id, class: `card ${tone}` },
      h(heading, null, `${rollout.plugin} ${version(rollout.from)} → ${version(rollout.to)} `,
        h("span", { class: `badge ${tone}` }, rollout.stage.replaceAll("_", " "))),
      h("p", null, `${version(rollout.to)} ${meaning}. Began `, at(rollout.started_at), ". ",
        rollout.stage === "canary" && `About ${rollout.share} % of the connections go by it; after five of their runs have ended well all do, and if one fails, none. `,
        CAN_END.has(rollout.stage) && HANDOVERS[rollout.handover]),
      h("ol", { class: "steps" }, rollout.steps.map(({ at: time, what }) => h("li", null, ago(time), " ", what))),
      CAN_END.has(rollout.stage) && h("div", { class: "actions" },
        rollout.stage === "awaiting_approval" &&
          h("button", { type: "button", class: "primary", onclick: () => approve(rollout, version(rollout.to)) }, "Approve…"),
        rollout.stage === "canary" &&
          h("button", { type: "button", class: "primary", onclick: () => promote(rollout, version) }, "Promote…"),
        h("button", { type: "button", class: "danger", onclick: () => rollBack(rollout, version) },
          IS_USED.has(rollout.stage) ? "Roll back…" : "Refuse…")));
  }

  async function approve({ id, plugin, steps }, version) {
    const isSure = await ask({
      title: `Let ${plugin} ${version} do more than the version before?`,
      body: [steps.at(-1)?.what, "It becomes active at once, and its first runs are watched."],
      yes: "Approve",
      isDangerous: true,
    });
    if (isSure) await page.act("Approved.", () => post(path`/v1/rollouts/${id}/approve`));
  }

  async function promote({ id, plugin, from, to }, version) {
    const isSure = await ask({
      title: `Make ${plugin} ${version(to)} active for all connections?`,
      body: [
        `So far a share of them goes by it, and the others by ${version(from)}. Then all do at once.`,
        "Its first runs are watched. If one fails, the version before is made active again by itself.",
      ],
      yes: `Promote ${version(to)}`,
    });
    if (isSure) await page.act("Promoted.", () => post(path`/v1/rollouts/${id}/promote`));
  }

  async function rollBack({ id, plugin, stage, from, to }, version) {
    const isActive = IS_USED.has(stage);
    const answer = await ask({
      title: isActive ? `Roll ${plugin} back to ${version(from)}?` : `Refuse ${plugin} ${version(to)}?`,
      body: [
        isActive
          ? "Running syncs go on with the version before from their next committed checkpoint; connections that went by the new one go on from the state from before. No row is lost or doubled."
          : "The version of now stays active. Running syncs notice nothing.",
      ],
      fields: [h("label", null, "Why, for those who read it later ",
        h("input", { name: "reason", required: true, maxlength: 1000, autofocus: true, autocomplete: "off" }))],
      yes: isActive ? "Roll back" : "Refuse it",
      isDangerous: true,
    });
    if (answer) await page.act(isActive ? "Rolled back." : "Refused.", () => post(path`/v1/rollouts/${id}/roll-back`, { reason: answer.reason }));
  }

  function uploadForm(names) {
    const send = async (event) => {
      event.preventDefault();
      const form = event.target;
      const { name, file, handover, share } = Object.fromEntries(new FormData(form));
      const isTaken = await page.act(`${file.name} is taken in as ${name}.`, () =>
        upload(`${path`/v1/plugins/${name}`}?handover=${handover}&share=${share}`, file));
      if (isTaken) form.reset();
    };
    return h("section", { key: "upload!", class: "card", "aria-labelledby": "upload" },
      h("h2", { id: "upload" }, "Bring in a new version"),
      h("p", null, "It is looked at, compiled aside and tried against every connection that would get it, before any goes by it. Each step is shown above."),
      h("form", { class: "upload", onsubmit: send },
        h("label", null, "Strategy ", h("input", { name: "name", required: true, list: "names", pattern: "[a-z0-9][a-z0-9_\\-]{0,62}", autocomplete: "off" })),
        h("datalist", { id: "names" }, names.map((name) => h("option", { value: name }))),
        h("label", null, "Component ", h("input", { name: "file", type: "file", accept: ".wasm,application/wasm", required: true })),
        share(),
        handover(),
        h("button", { type: "submit", class: "primary" }, "Upload")));
  }

  const headline = ({ names, rollouts }) => {
    const open = rollouts.filter(({ stage }) => CAN_END.has(stage)).length;
    return `${plural(names.size, "strategy", "strategies")}, ${open ? `${plural(open, "rollout")} going on` : "nothing being brought in"}`;
  };
  return { load, show, headline };
}

function versionOf(names, name, digest) {
  const versions = names.get(name) ?? [];
  const found = versions.find((version) => (digest ? version.digest === digest : version.built_in));
  return found?.version ?? (digest ? digest.slice(0, 12) : "nothing");
}

/** What a version may do, and how that differs from the active one. */
function permissions(version, active) {
  const all = ({ imports, needs }) => [...imports, ...needs];
  const [mine, theirs] = [all(version), all(active)];
  const more = mine.filter((one) => !theirs.includes(one)).map(short);
  const less = theirs.filter((one) => !mine.includes(one)).map(short);
  const difference = [more.length > 0 && `more: ${more.join(", ")}`, less.length > 0 && `less: ${less.join(", ")}`].filter(Boolean);
  return h("span", { title: mine.join("\n") }, difference.join("; ") || (version === active ? mine.map(short).join(", ") : "as the active one"));
}

/** `tidegate:strategy/pages@0.1.0` as `pages`. */
function short(name) {
  return name.replace(/^.*\//, "").replace(/@.*$/, "");
}
