/** The rows and items of the live page. Everything that came from outside is set as text. */

import { familyOf } from "./chart.js";
import { make } from "./dom.js";

/**
 * @typedef {import("./dom.js").Texts} Texts
 * @typedef {import("./model.js").Block} Block
 * @typedef {import("./model.js").Call} Call
 * @typedef {import("./model.js").Moment} Moment
 * @typedef {import("./model.js").Alarm} Alarm
 * @typedef {import("./model.js").Part} Part
 */

/** A cell; tables that fold on a phone keep saying that they are tables.
 * @param {{[name: string]: string}} attributes @param {(Node | string)[]} children */
function cell(attributes, ...children) {
  return make("td", { role: "cell", ...attributes }, ...children);
}

/** @param {string} main @param {string} small */
function pair(main, small) {
  return small ? [main || "–", make("small", {}, small)] : [main || "–"];
}

/** @param {Block} block @param {Texts} texts @param {boolean} flashes */
export function blockRow(block, texts, flashes) {
  const reason = texts.say(`reason.${block.reason}`);
  const why = block.call ? make("a", { href: `/calls/${encodeURIComponent(block.call)}` }, reason) : reason;
  return make("tr", { role: "row", "data-at": block.at, ...(flashes ? { class: "fresh" } : {}) },
    cell({ class: "time" }, make("time", { datetime: block.at }, texts.time(block.at))),
    cell({ class: `why ${familyOf(block.reason)}` }, why, make("small", {}, block.detail ?? "")),
    cell({ class: "number" }, ...pair(block.number, block.campaign)),
    cell({ class: "by" }, ...pair(block.agent, block.centre)),
  );
}

/** @param {Call} call @param {Texts} texts */
export function callRow(call, texts) {
  const stage = make("span", { class: `stage ${call.stage}` }, texts.say(`stage.${call.stage}`));
  const more = call.objected ? [make("small", {}, texts.say("live.objected"))] : [];
  const link = make("a", { href: `/calls/${encodeURIComponent(call.call)}` }, call.number || "–");
  return make("tr", { role: "row", "data-at": call.at ?? call.since },
    cell({}, stage, ...more),
    cell({ class: "number" }, link, make("small", {}, call.campaign ?? "")),
    cell({ class: "by" }, ...pair(call.agent, call.centre)),
    cell({ class: "time" }, make("time", { datetime: call.since }, texts.time(call.since))),
  );
}

/** @param {Moment} moment @param {Texts} texts */
export function momentItem(moment, texts) {
  const name = moment.what === "called-back" && moment.objected ? "called-back-objected" : moment.what;
  const says = texts.say(`moment.${name}`, { n: Math.round(moment.seconds ?? 0) });
  const whom = moment.number && moment.call ? make("a", { href: `/calls/${encodeURIComponent(moment.call)}` }, moment.number) : (moment.number ?? "");
  const rest = [moment.agent, moment.centre, moment.campaign].filter(Boolean).join(" · ");
  return make("li", { class: moment.what }, make("time", { datetime: moment.at }, texts.time(moment.at)),
    make("div", {}, make("strong", {}, says), make("small", {}, whom, whom && rest ? " · " : "", rest)));
}

const ABOUT = ["agent", "endpoint", "centre", "campaign", "ruling", "detail", "why", "reason", "script", "context", "recording", "means", "peer", "action", "error"];

/** @param {Alarm} alarm @param {Texts} texts @param {(id: string, button: HTMLButtonElement) => void} take */
export function alarmItem(alarm, texts, take) {
  const about = ABOUT.map((name) => alarm[name]).filter((value) => typeof value === "string" && value);
  const when = alarm.times > 1 ? texts.say("live.times", { n: alarm.times, at: texts.day.format(new Date(alarm.last)) }) : texts.day.format(new Date(alarm.first));
  const button = make("button", { type: "button", class: "danger", "data-alarm": alarm.id }, texts.say("live.take"));
  const name = texts.say(`alarm.${alarm.alarm}`);
  button.setAttribute("aria-label", `${texts.say("live.take")}: ${name} ${about.join(" ")}`);
  button.addEventListener("click", () => take(alarm.id, /** @type {HTMLButtonElement} */ (button)));
  return make("li", {}, make("div", {}, make("strong", {}, name), make("small", {}, [when, ...about].join(" · "))), button);
}

/** @param {Part} part @param {string} name @param {number} now @param {Texts} texts */
export function healthItem(part, name, now, texts) {
  const tag = make("span", { class: `tag ${part.state}` }, texts.say(`state.${part.state}`));
  const age = part.true_at ? texts.say("live.age", { days: days(now - Date.parse(part.true_at), texts), most: part.max_days ?? 0 }) : "";
  const says = [age, part.part === "list" && part.true_at ? "" : part.says].filter(Boolean).join(" · ");
  return make("li", {}, make("span", {}, name), tag, ...(says ? [make("small", {}, says)] : []));
}

/** @param {number} ms @param {Texts} texts */
function days(ms, texts) {
  return texts.numbers.format(Math.round(ms / 8_640_000) / 10);
}
