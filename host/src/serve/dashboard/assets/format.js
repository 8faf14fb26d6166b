// Times, figures and schedules, in words for people.

import { h } from "./dom.js";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const exact = new Intl.DateTimeFormat("en-GB", { dateStyle: "full", timeStyle: "long" });
const figures = new Intl.NumberFormat("en-GB");
const short = new Intl.NumberFormat("en-GB", { notation: "compact", maximumFractionDigits: 1 });

export const count = (number) => figures.format(number);
export const shortCount = (number) => short.format(number);
export const plural = (number, one, many = `${one}s`) => `${count(number)} ${number === 1 ? one : many}`;

/** `02:14`, or `24 Nov 02:14` where that is not today. */
export function clockTime(text) {
  const time = new Date(text);
  const isToday = time.toDateString() === new Date().toDateString();
  return isToday ? clock.format(time) : `${day.format(time)}, ${clock.format(time)}`;
}

/** `12 s`, `3 min`, `2 h 5 min`, `4 days`. */
export function span(millis) {
  const length = Math.max(0, millis);
  if (length < MINUTE) return `${Math.floor(length / SECOND)} s`;
  if (length < HOUR) return `${Math.floor(length / MINUTE)} min`;
  if (length < DAY) {
    const minutes = Math.floor((length % HOUR) / MINUTE);
    return `${Math.floor(length / HOUR)} h${minutes ? ` ${minutes} min` : ""}`;
  }
  return plural(Math.floor(length / DAY), "day");
}

/** How long something took, finer than `span` where that matters. */
export function took(from, to) {
  const millis = new Date(to ?? Date.now()) - new Date(from);
  return millis < 10 * SECOND ? `${(Math.max(0, millis) / SECOND).toFixed(1)} s` : span(millis);
}

function relative(text) {
  const ahead = new Date(text) - Date.now();
  if (Math.abs(ahead) < SECOND) return "now";
  return ahead > 0 ? `in ${span(ahead + SECOND / 2)}` : `${span(-ahead)} ago`;
}

/** A time as an element: relative, with the exact one as its title. */
export function ago(text) {
  return text ? stamp(text, relative(text)) : "–";
}

/** As `ago`, with the time of day: `02:14 (3 min ago)`. */
export function at(text) {
  return text ? stamp(text, `${clockTime(text)} (${relative(text)})`) : "–";
}

/** When it runs next: what should have begun already waits. */
export function upcoming(text) {
  if (!text) return "–";
  return new Date(text) <= Date.now() ? stamp(text, "as soon as there is room") : ago(text);
}

function stamp(text, shown) {
  return h("time", { datetime: text, title: exact.format(new Date(text)) }, shown);
}

export function bytes(number) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const power = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, number)) / 3));
  const value = number / 1000 ** power;
  return `${power && value < 100 ? value.toFixed(1) : Math.round(value)} ${units[power]}`;
}

const UNITS = { s: "second", m: "minute", h: "hour", d: "day" };

/** `15m` as `15 minutes`; one of a unit as `single` says it. */
function interval(text, single) {
  const [, amount, unit] = /^(\d+)([smhd])$/.exec(text) ?? [];
  if (!unit) return text;
  return Number(amount) === 1 ? `${single}${UNITS[unit]}` : `${amount} ${UNITS[unit]}s`;
}

/** `every 15 minutes, moved by up to 1 minute`. */
export function schedule(schedule) {
  if (!schedule) return "only when asked to";
  const { every, cron, zone, jitter } = schedule;
  const rhythm = every ? `every ${interval(every, "")}` : calendar(cron, zone ?? "UTC");
  const isMoved = jitter && !/^0/.test(jitter);
  return isMoved ? `${rhythm}, moved by up to ${interval(jitter, "1 ")}` : rhythm;
}

const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/** The usual cron expressions in words; others as they are. */
function calendar(expression, zone) {
  const [minute, hour, date, month, weekday] = expression.trim().split(/\s+/);
  const asWritten = `by the cron expression ${expression} (${zone})`;
  if (date !== "*" || month !== "*") return asWritten;
  const days = weekdays(weekday);
  const step = /^\*\/(\d+)$/.exec(minute);
  if (step && hour === "*" && days === "") return `every ${step[1]} minutes`;
  if (!/^\d+$/.test(minute) || days === null) return asWritten;
  if (hour === "*") return `at ${plural(Number(minute), "minute")} past each hour${days}`;
  if (!/^\d+$/.test(hour)) return asWritten;
  return `at ${hour.padStart(2, "0")}:${minute.padStart(2, "0")}${days || " every day"} (${zone})`;
}

function weekdays(text) {
  if (text === "*") return "";
  const [, first, last] = /^([0-7])(?:-([0-7]))?$/.exec(text) ?? [];
  if (first === undefined) return null;
  return last ? ` from ${DAYS[first]} to ${DAYS[last]}` : ` on ${DAYS[first]}`;
}
