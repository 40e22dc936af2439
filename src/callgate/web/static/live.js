/**
 * The live page. What happens is folded into the model at once; the page follows in the next frame, whatever came
 * meanwhile, and holds a bounded number of rows. While it is paused the model goes on and the rows stand still; alarms,
 * and whether the page is live, are shown all the same.
 */

import { draw, table } from "./chart.js";
import { byId, fill, Texts, write } from "./dom.js";
import { Filters } from "./filters.js";
import { Link } from "./link.js";
import { BLOCKS_MOST, Model, momentOf } from "./model.js";
import { alarmItem, blockRow, callRow, healthItem, momentItem } from "./rows.js";

const CALLS_SHOWN = 60;
/** Where more blocks come in a second, rows do not flash: what flashes all the time says nothing. */
const FLASHES_MOST = 5;
const MOMENTS_SHOWN = 8;
const SLOWLY_MS = 1000;
const SPOKEN_MS = 10_000;

const begun = JSON.parse(byId("begin").textContent ?? "");
const texts = new Texts(begun.texts, begun.language);
const model = new Model(begun.state);
const filters = new Filters(() => refilter());

/** What has to be drawn anew. */
const stale = { blocks: true, calls: true, moments: true, alarms: true, health: true };
/** The number of the newest block that was drawn; -1 before any was. */
let newest = -1;
let paused = false;
let waiting = false;
let slowAt = -SLOWLY_MS;
/** The number of the newest block a second ago, and whether too many came since the second before. */
let secondAgo = 0;
let busy = false;
let spokenAt = Date.now();
let spokenSeen = 0;
/** @type {import("./link.js").Condition} */
let condition = "connecting";
/** Rows of calls by call, with what they show. @type {Map<string, {shows: object, row: HTMLElement}>} */
const callRows = new Map();

const link = new Link({
  place: () => model.place,
  take(place, what, facts) {
    if (!model.take(place, what, facts)) return;
    if (what === "block") stale.blocks = true;
    if (what === "allow" || what === "call" || what === "objection") stale.calls = true;
    if (momentOf(what, facts)) stale.moments = true;
    if (what.startsWith("alarm")) stale.alarms = true;
    if (what === "health") stale.health = true;
    later();
  },
  begin(state, why) {
    model.begin(state);
    newest = -1;
    spokenSeen = 0;
    secondAgo = 0;
    callRows.clear();
    byId("blocked").replaceChildren();
    Object.assign(stale, { blocks: true, calls: true, moments: true, alarms: true, health: true });
    if (why) write(byId("spoken"), texts.say(`live.reset-${why}`));
    later();
  },
  condition(now, heard) {
    condition = now;
    const seconds = Math.round((Date.now() - heard) / 1000);
    write(byId("connection"), texts.say(`live.${paused && now === "live" ? "paused" : now}`, { n: seconds }));
    byId("standing").dataset.state = paused && now === "live" ? "paused" : now;
    headline();
  },
});

/** Draw in the next frame; once, however much happens before it. A page that nobody sees is drawn when it is seen. */
function later() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    show();
  });
}

function show() {
  if (stale.alarms) alarms();
  if (stale.health) health();
  headline();
  if (!paused) {
    if (stale.blocks) blocks();
    if (stale.calls) calls();
    if (stale.moments) moments();
  }
  const now = performance.now();
  if (now - slowAt >= SLOWLY_MS) {
    slowAt = now;
    busy = model.seen - secondAgo > FLASHES_MOST;
    secondAgo = model.seen;
    slowly();
  }
}

function blocks() {
  stale.blocks = false;
  const body = byId("blocked");
  const fresh = model.blocks.filter((block) => block.seen > newest && filters.lets(block));
  newest = model.seen;
  const rows = fresh.map((block) => blockRow(block, texts, block.seen > 0 && !busy));
  body.prepend(...rows);
  while (body.children.length > BLOCKS_MOST / 2) body.lastElementChild?.remove();
  byId("no-blocked").hidden = body.children.length > 0;
}

function calls() {
  stale.calls = false;
  // By their beginning: a call that goes on to its next stage keeps its place under whoever reads or is about to click.
  const shown = [...model.calls.values()]
    .filter((call) => filters.lets({ ...call, reason: filters.reason }))
    .sort((one, other) => (one.since < other.since ? 1 : one.since > other.since ? -1 : 0));
  const rows = shown.slice(0, CALLS_SHOWN).map((call) => {
    const kept = callRows.get(call.call);
    if (kept?.shows === call) return kept.row;
    const row = callRow(call, texts);
    callRows.set(call.call, { shows: call, row });
    return row;
  });
  for (const id of callRows.keys()) if (!model.calls.has(id)) callRows.delete(id);
  fill(byId("calls"), rows);
  byId("no-calls").hidden = rows.length > 0;
  write(byId("calls-count"), texts.numbers.format(shown.length));
}

function moments() {
  stale.moments = false;
  const shown = model.moments.filter((one) => filters.lets({ ...one, reason: filters.reason })).slice(0, MOMENTS_SHOWN);
  fill(byId("moments"), shown.map((one) => momentItem(one, texts)));
  byId("no-moments").hidden = shown.length > 0;
}

/** What need not be drawn with each happening: counters, chart, what is spoken. */
function slowly() {
  const last = Math.floor(model.now / 60000);
  const hour = [...model.hour.counts(last)].filter((count) => filters.counts(count));
  const day = [...model.day.counts(last)].filter((count) => filters.counts(count));
  const allowed = hour.reduce((sum, count) => sum + (count[3] === "clear" ? count[4] : 0), 0);
  const asked = hour.reduce((sum, count) => sum + count[4], 0);
  const blocked = asked - allowed;
  write(byId("n-blocked"), texts.numbers.format(blocked));
  write(byId("n-share"), asked ? texts.say("live.share", { n: Math.round((100 * blocked) / asked) }) : "");
  write(byId("n-allowed"), texts.numbers.format(allowed));
  const open = [...model.calls.values()].filter((call) => filters.lets({ ...call, reason: filters.reason }));
  write(byId("n-calls"), texts.numbers.format(open.length));
  write(byId("n-talking"), texts.say("live.talking", { n: open.filter((call) => ["talking", "recording"].includes(call.stage)).length }));
  write(byId("n-recording"), texts.numbers.format(open.filter((call) => call.stage === "recording").length));
  if (!paused) {
    const inDay = byId("chart").dataset.span === "day";
    draw(inDay ? day : hour, last, inDay ? { width: 15, span: 1440 } : { width: 1, span: 60 }, texts);
    table(hour, day, texts);
  }
  speak();
}

/** For those who listen: how many, now and then, and never each. */
function speak() {
  const seen = model.seen - spokenSeen;
  if (!seen || Date.now() - spokenAt < SPOKEN_MS) return;
  spokenAt = Date.now();
  spokenSeen = model.seen;
  write(byId("spoken"), texts.say("live.spoken", { n: seen, reason: texts.say(`reason.${model.blocks[0]?.reason ?? ""}`) }));
}

function headline() {
  const bad = model.health.filter((part) => part.state === "bad");
  const stopped = bad.filter((part) => part.part !== "list");
  const place = byId("standing");
  let text = texts.say("live.well");
  const blind = condition === "dead" || condition === "out";
  if (blind) text = texts.say("live.blind");
  else if (stopped.length) text = texts.say("live.stopped", { parts: stopped.map((part) => partName(part)).join(", ") });
  else if (model.alarms.size) text = texts.say("live.alarms-stand", { n: model.alarms.size });
  else if (bad.length) text = texts.say("live.lists-bad", { parts: bad.map((part) => part.name).join(", ") });
  place.toggleAttribute("data-trouble", blind || stopped.length + model.alarms.size + bad.length > 0);
  write(byId("headline"), text);
  const held = paused ? model.seen - Math.max(newest, 0) : 0;
  byId("waiting").hidden = held <= 0;
  write(byId("waiting"), texts.say("live.waiting", { n: held }));
}

/** @param {import("./model.js").Part} part */
function partName(part) {
  return part.name ? `${texts.say(`part.${part.part}`)} ${part.name}` : texts.say(`part.${part.part}`);
}

function alarms() {
  stale.alarms = false;
  const section = byId("alarms-section");
  const focused = document.activeElement instanceof HTMLElement ? document.activeElement.dataset.alarm : undefined;
  section.hidden = model.alarms.size === 0;
  const list = [...model.alarms.values()].sort((one, other) => other.last.localeCompare(one.last));
  byId("alarms").replaceChildren(...list.map((alarm) => alarmItem(alarm, texts, take)));
  if (!focused) return;
  // Whoever was about to take one is still there after another was raised, and at the next once it is taken.
  const next = byId("alarms").querySelector(`[data-alarm="${focused}"]`) ?? byId("alarms").querySelector("button") ?? byId("main");
  if (next instanceof HTMLElement) next.focus({ preventScroll: true });
}

/** Somebody takes an alarm: it is gone for all once the ledger has it. @param {string} id @param {HTMLButtonElement} button */
async function take(id, button) {
  if (button.getAttribute("aria-disabled") === "true") return;
  button.setAttribute("aria-disabled", "true"); // a disabled one would lose the focus
  const csrf = document.querySelector('input[name="csrf"]')?.getAttribute("value") ?? "";
  try {
    const answer = await fetch(`/alarms/${encodeURIComponent(id)}/take`, { method: "POST", headers: { "X-CSRF-Token": csrf } });
    if (!answer.ok && answer.status !== 404) throw new Error(String(answer.status));
    if (answer.status === 404) {
      model.alarms.delete(id);
      stale.alarms = true;
      later();
    }
  } catch {
    button.removeAttribute("aria-disabled");
    write(button, texts.say("live.not-taken"));
  }
}

function health() {
  stale.health = false;
  byId("health").replaceChildren(...model.health.map((part) => healthItem(part, partName(part), model.now, texts)));
}

function refilter() {
  newest = -1;
  slowAt = -SLOWLY_MS;
  byId("blocked").replaceChildren();
  blocks();
  calls();
  moments();
  later();
}

byId("pause").addEventListener("click", () => {
  paused = !paused;
  byId("pause").setAttribute("aria-pressed", String(paused));
  write(byId("pause"), texts.say(paused ? "live.resume" : "live.pause"));
  link.listener.condition(condition, link.heard);
  slowAt = -SLOWLY_MS;
  later();
});

for (const button of document.querySelectorAll("button[data-span]")) {
  button.addEventListener("click", () => {
    const span = button instanceof HTMLElement ? (button.dataset.span ?? "hour") : "hour";
    byId("chart").dataset.span = span;
    for (const other of document.querySelectorAll("button[data-span]")) other.setAttribute("aria-pressed", String(other === button));
    filters.remember("span", span === "day" ? "day" : "");
    slowAt = -SLOWLY_MS;
    later();
  });
}

setInterval(later, SLOWLY_MS);
setInterval(() => (stale.health = true), 30_000);
show();
link.connect();
