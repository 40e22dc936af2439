/**
 * Blocked calls over time, by what they were blocked for: stacked bars, and a table that says the same.
 *
 * @typedef {import("./model.js").Count} Count
 * @typedef {import("./dom.js").Texts} Texts
 */

import { byId, make } from "./dom.js";

/** Reasons in families, so that five colours can be told apart; the table has each reason. @type {{[family: string]: string[]}} */
const FAMILIES = {
  objection: ["objection", "erased", "restricted", "pattern"],
  lists: ["national-list"],
  law: ["in-progress", "law-unknown", "outside-hours", "day-off", "no-consent", "consent-too-old", "contact-cap", "cool-down",
    "caller-id", "sector-banned", "abandoned-limit"],
  contract: ["bad-number", "unknown-centre", "centre-suspended", "unknown-campaign", "not-mandated", "no-contract", "no-transfer-basis",
    "country-not-served"],
  system: ["list-missing", "list-stale", "store-unavailable", "store-not-ready", "ledger-unavailable", "pbx-unseen", "callgate-starting",
    "callgate-unavailable", "callgate-timeout", "internal-error"],
};
const NAMES = Object.keys(FAMILIES);
const ALLOWING = new Set(["clear", "emergency"]);

/** @param {string} reason */
export function familyOf(reason) {
  return NAMES.find((name) => FAMILIES[name]?.includes(reason)) ?? "system";
}

const HEIGHT = 208;
const LEFT = 44;
const BELOW = 22;
const ABOVE = 10;

/** @param {string} tag @param {{[name: string]: string | number}} attributes @param {string} text */
function shape(tag, attributes, text = "") {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  if (text) element.textContent = text;
  return element;
}

/** A round number at or above the highest bar. @param {number} most */
function ceiling(most) {
  const power = 10 ** Math.floor(Math.log10(Math.max(most, 1)));
  const step = [1, 2, 5, 10].find((times) => times * power >= most) ?? 10;
  return Math.max(2, step * power);
}

/**
 * @param {Iterable<Count>} counts as far as they are to be seen @param {number} last newest minute
 * @param {{width: number, span: number}} slots @param {Texts} texts
 */
export function draw(counts, last, slots, texts) {
  const newest = last - (last % slots.width);
  const bars = slots.span / slots.width;
  /** @type {Map<number, Map<string, number>>} */
  const stacks = new Map();
  /** @type {Map<string, number>} */
  const totals = new Map(NAMES.map((name) => [name, 0]));
  for (const [minute, , , reason, verdicts] of counts) {
    if (ALLOWING.has(reason)) continue;
    const bar = bars - 1 - (newest - minute) / slots.width;
    const family = familyOf(reason);
    const stack = stacks.get(bar) ?? new Map();
    stack.set(family, (stack.get(family) ?? 0) + verdicts);
    stacks.set(bar, stack);
    totals.set(family, (totals.get(family) ?? 0) + verdicts);
  }
  const heights = [...stacks.values()].map((stack) => [...stack.values()].reduce((sum, n) => sum + n, 0));
  const top = ceiling(Math.max(0, ...heights));
  const total = heights.reduce((sum, n) => sum + n, 0);
  const label = texts.say(slots.width === 1 ? "live.chart-hour" : "live.chart-day", { n: total });
  const width = byId("bars").clientWidth || 960;
  const svg = shape("svg", { viewBox: `0 0 ${width} ${HEIGHT}`, role: "img", "aria-label": label });
  axis(svg, width, top, newest, slots, bars, texts);
  const wide = (width - LEFT) / bars;
  const tall = HEIGHT - BELOW - ABOVE;
  for (const [bar, stack] of stacks) {
    let below = 0;
    for (const family of NAMES) {
      const n = stack.get(family) ?? 0;
      const height = (n / top) * tall;
      const y = ABOVE + tall - ((below + n) / top) * tall;
      if (n) svg.append(shape("rect", { class: `bar ${family}`, x: LEFT + bar * wide + wide * 0.1, y, width: wide * 0.8, height }));
      below += n;
    }
  }
  byId("bars").replaceChildren(svg);
  byId("legend").replaceChildren(
    ...NAMES.map((name) => make("li", { class: name }, `${texts.say(`family.${name}`)} `, make("b", {}, texts.numbers.format(totals.get(name) ?? 0)))),
  );
}

/**
 * @param {SVGElement} svg @param {number} width @param {number} top @param {number} newest
 * @param {{width: number, span: number}} slots @param {number} bars @param {Texts} texts
 */
function axis(svg, width, top, newest, slots, bars, texts) {
  const tall = HEIGHT - BELOW - ABOVE;
  for (const share of [0, 0.5, 1]) {
    const y = ABOVE + tall * (1 - share);
    svg.append(shape("line", { class: "grid", x1: LEFT, x2: width, y1: y, y2: y }));
    svg.append(shape("text", { x: LEFT - 6, y: y + 4, "text-anchor": "end" }, texts.numbers.format(top * share)));
  }
  const wide = (width - LEFT) / bars;
  const apart = bars / (width < 500 ? 3 : 6);
  for (let bar = apart - 1; bar < bars; bar += apart) {
    const minute = newest - (bars - 1 - bar) * slots.width;
    const text = texts.minute.format(new Date(minute * 60000));
    svg.append(shape("text", { x: LEFT + (bar + 0.5) * wide, y: HEIGHT - 6, "text-anchor": bar > bars * 0.95 ? "end" : "middle" }, text));
  }
}

/** The table: each reason, over the hour and the day. @param {Iterable<Count>} hour @param {Iterable<Count>} day @param {Texts} texts */
export function table(hour, day, texts) {
  /** @type {Map<string, [number, number]>} */
  const sums = new Map();
  [hour, day].forEach((counts, at) => {
    for (const [, , , reason, verdicts] of counts) {
      const sum = sums.get(reason) ?? [0, 0];
      sum[at] = (sum[at] ?? 0) + verdicts;
      sums.set(reason, sum);
    }
  });
  const rows = [...sums].sort(([reason, one], [next, other]) => other[1] - one[1] || reason.localeCompare(next));
  byId("reasons").replaceChildren(
    ...rows.map(([reason, [inHour, inDay]]) =>
      make("tr", {}, make("th", { scope: "row" }, texts.say(`reason.${reason}`)),
        make("td", { class: "n" }, texts.numbers.format(inHour)), make("td", { class: "n" }, texts.numbers.format(inDay))),
    ),
  );
}
