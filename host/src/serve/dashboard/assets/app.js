// Puts the page together: who looks at it, which part of it, and that it is always as the server says now.

import { Problem, all, forgetToken, get, keepToken, token } from "./api.js";
import { connection } from "./connection.js";
import { h, render } from "./dom.js";
import { clockTime, span } from "./format.js";
import { overview } from "./overview.js";
import { run } from "./run.js";
import { strategies } from "./strategies.js";

/** How often a part is loaded anew, unless it says otherwise or takes long to load. */
const EVERY = 5000;
/** How many times as long as it takes to load, it is left alone afterwards. */
const REST = 10;
/** How long a piece of good news is shown. */
const GOOD_NEWS = 8000;

const element = (id) => document.getElementById(id);
const main = element("main");

/** Which part a place shows, and what of it. */
const ROUTES = [
  [/^#\/strategies$/, strategies, []],
  [/^#\/t\/([^/]+)$/, overview, ["tenant"]],
  [/^#\/t\/([^/]+)\/c\/([^/]+)$/, connection, ["tenant", "name"]],
  [/^#\/t\/([^/]+)\/r\/([^/]+)$/, run, ["tenant", "id"]],
];

/** Whoever looks at the page, and the tenants that they may see. */
let me = null;
let tenants = [];
/** What is shown: `leave` ends it. */
let current = { leave: () => {} };

// --- Which part is shown -------------------------------------------------------------------------------------------

function open(isNavigation) {
  current.leave();
  if (!token()) return signIn();
  const leaving = new AbortController();
  current = { leave: () => leaving.abort() };
  follow(current, leaving.signal, isNavigation);
}

/** Loads what is shown, again and again, until it is left. */
async function follow(shown, signal, isNavigation) {
  let isFirst = true;
  while (!signal.aborted) {
    const began = performance.now();
    try {
      await greet(signal);
      shown.view ??= route(pageFor(shown, signal));
      const data = await shown.view.load(signal);
      if (signal.aborted) return;
      shown.data = data;
      reached();
      draw(shown);
      if (isFirst && isNavigation) arrive();
      isFirst = false;
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof Problem)) throw error;
      if (error.status === 401) return signOut("This token is not valid, or not any more.");
      fail(shown, error);
    }
    await rest(shown, Math.max(shown.view?.every ?? EVERY, REST * (performance.now() - began)));
  }
}

/** Finds out who looks, and whom they may see. */
async function greet(signal) {
  me ??= await get("/v1/me", signal);
  tenants = me.role === "operator" ? (await all("/v1/tenants", signal)).map(({ name }) => name) : [me.tenant];
  navigation();
}

/** The part that the address names; the overview, where it names none. */
function route(page) {
  for (const [pattern, part, names] of ROUTES) {
    const match = pattern.exec(location.hash);
    if (!match) continue;
    return part(Object.fromEntries(names.map((name, index) => [name, decodeURIComponent(match[index + 1])])), page);
  }
  return overview({ tenant: me.tenant }, page);
}

/** What a part knows of the page, and what it can ask of it. */
function pageFor(shown, signal) {
  let isDrawing = false;
  return {
    signal,
    get tenants() {
      return tenants;
    },
    get width() {
      return main.clientWidth;
    },
    isOperator: me.role === "operator",
    mayChange: me.role !== "reader",
    reload: () => shown.wake?.(),
    redraw: () => {
      if (isDrawing) return;
      isDrawing = true;
      requestAnimationFrame(() => {
        isDrawing = false;
        if (!signal.aborted && shown.data) draw(shown);
      });
    },
    act: (done, change) => act(shown, done, change),
  };
}

function draw(shown) {
  render(main, shown.view.show(shown.data));
  const headline = shown.view.headline(shown.data);
  document.title = `${headline} – Tidegate`;
  if (element("announcer").textContent !== headline) render(element("announcer"), headline);
}

function arrive() {
  main.focus({ preventScroll: true });
  scrollTo(0, 0);
}

/** Waits, and longer while nobody looks. */
async function rest(shown, millis) {
  const woken = new Promise((resolve) => (shown.wake = resolve));
  await Promise.race([woken, new Promise((resolve) => setTimeout(resolve, millis))]);
  if (document.hidden) {
    await new Promise((resolve) => document.addEventListener("visibilitychange", resolve, { once: true }));
  }
}

// --- Whether the server answers ------------------------------------------------------------------------------------

let lostSince = null;

function reached() {
  lostSince = null;
  delete main.dataset.stale;
  render(element("reach"));
}

/** What was seen last stays, greyed, with what is wrong beside it. */
function fail(shown, error) {
  if (error.status === 404 || error.status === 403) {
    reached();
    delete shown.data;
    document.title = "Nothing here – Tidegate";
    return render(main, h("h1", null, "There is nothing here"), h("p", null, `${error.message}. It may have been removed.`),
      h("p", null, h("a", { href: "#/" }, "Go to the overview")));
  }
  lostSince ??= new Date();
  main.dataset.stale = "";
  const seen = shown.data ? " What you see is from before." : "";
  const why = error.status === 0 ? "The server cannot be reached" : `The server fails: ${error.message}`;
  render(element("reach"),
    h("p", null, h("strong", null, `${why}, since ${clockTime(lostSince)} (${span(Date.now() - lostSince)}).`),
      `${seen} It is asked again every few seconds. Look whether the process runs, and at its log.`));
}

// --- What the user does --------------------------------------------------------------------------------------------

/** Does something for the user, and says how it went. Returns whether it was done. */
async function act(shown, done, change) {
  try {
    await change();
    tell(h("p", null, done), GOOD_NEWS);
    return true;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (error.status === 401) signOut("This token is not valid any more.");
    tell([h("p", null, h("strong", null, "Not done: "), error.message), error.help && h("p", null, error.help)]);
    return false;
  } finally {
    shown.wake?.();
  }
}

let forget;

function tell(what, millis) {
  clearTimeout(forget);
  const notice = element("notice");
  const clear = () => render(notice);
  render(notice, h("div", { class: millis ? "good" : "bad" }, what, h("button", { type: "button", onclick: clear }, "Close")));
  if (millis) forget = setTimeout(clear, millis);
}

// --- Who looks -----------------------------------------------------------------------------------------------------

function navigation() {
  const here = location.hash;
  const link = (href, label, isHere) => h("a", { href, "aria-current": isHere && "page" }, label);
  const tenant = /^#\/t\/([^/]+)/.exec(here)?.[1] ?? "";
  const isOperator = me.role === "operator";
  const choose = (event) => (location.hash = event.target.value ? `#/t/${encodeURIComponent(event.target.value)}` : "#/");
  render(element("navigation"),
    link("#/", "Overview", !here.startsWith("#/strategies")),
    link("#/strategies", "Strategies", here.startsWith("#/strategies")),
    isOperator
      ? h("label", { class: "tenant" }, h("span", null, "Tenant "),
          h("select", { onchange: choose },
            h("option", { value: "" }, "all"),
            tenants.map((name) => h("option", { key: name, value: name }, name))))
      : h("span", { class: "tenant" }, me.tenant),
    h("span", { class: "role" }, me.role),
    h("button", { type: "button", onclick: () => signOut() }, "Sign out"));
  const select = element("navigation").querySelector("select");
  if (select && select !== document.activeElement) select.value = decodeURIComponent(tenant);
}

function signOut(why) {
  forgetToken();
  me = null;
  signIn(why);
}

function signIn(why) {
  current.leave();
  reached();
  document.title = "Sign in – Tidegate";
  const enter = async (event) => {
    event.preventDefault();
    keepToken(new FormData(event.target).get("token").trim());
    try {
      me = await get("/v1/me");
      open(true);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      forgetToken();
      signIn(error.status === 401 ? "This token is not valid. Look whether all of it was pasted." : error.message);
    }
  };
  render(element("navigation"));
  render(main,
    h("form", { class: "card sign-in", onsubmit: enter },
      h("h1", null, "Sign in"),
      h("label", { for: "token" }, "Token"),
      h("input", { id: "token", name: "token", type: "password", required: true, autocomplete: "off", spellcheck: "false" }),
      h("p", { class: "wrong", role: "alert" }, why),
      h("button", { type: "submit", class: "primary" }, "Show the connections"),
      h("p", { class: "quiet" },
        "The server printed an operator's token when it first started; operators and tenants' administrators make others. It is kept in this tab until you sign out or close it.")));
  element("token").focus();
}

element("skip").onclick = (event) => {
  event.preventDefault();
  main.focus();
};
addEventListener("hashchange", () => open(true));
addEventListener("resize", () => current.data && draw(current));
open(false);
