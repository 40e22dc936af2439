/**
 * The state of the live page: what it began with, and every happening folded into it, as the server does (core/board.py).
 *
 * Nothing here touches the page. Each happening is taken once: one whose number was seen already changes nothing.
 *
 * @typedef {{[key: string]: unknown}} Facts
 * @typedef {{at: string, call: string, number: string, reason: string, detail: string, campaign: string, centre: string, agent: string, seen: number}} Block
 * @typedef {{call: string, at?: string, since: string, number: string, campaign: string, centre: string, agent: string, stage: string, objected?: boolean}} Call
 * @typedef {{at: string, what: string, call?: string, number?: string, campaign?: string, centre?: string, agent?: string, seconds?: number, objected?: boolean}} Moment
 * @typedef {{id: string, alarm: string, first: string, last: string, times: number} & Facts} Alarm
 * @typedef {{part: string, name: string, state: string, says: string, true_at?: string | null, max_days?: number}} Part
 * @typedef {[minute: number, centre: string, campaign: string, reason: string, verdicts: number]} Count
 * @typedef {{place: string, now: string, calls: Call[], blocks: Block[], moments: Moment[], alarms: Alarm[], hour: Count[], day: Count[], health: Part[]}} State
 */

export const BLOCKS_MOST = 200;
const MOMENTS_MOST = 50;
const MOMENTS = new Set(["objection", "withdrawal", "sealed", "emergency", "called-back"]);
const HOUR_SLOT = 1;
const DAY_SLOT = 15;
/** As on the server: what would grow for ever if an end were missed. */
const CALLS_MOST = 5000;
const ALARMS_MOST = 500;

/** Verdicts in slots of some minutes, each kind apart. */
export class Tally {
  /** @param {number} width minutes of a slot @param {number} span minutes that are kept */
  constructor(width, span) {
    this.width = width;
    this.span = span;
    /** @type {Map<number, Map<string, Count>>} */
    this.slots = new Map();
  }

  /** @param {Count} count */
  add([minute, centre, campaign, reason, verdicts]) {
    const slot = minute - (minute % this.width);
    let kinds = this.slots.get(slot);
    if (kinds === undefined) {
      kinds = new Map();
      this.slots.set(slot, kinds);
      this.forget(minute - this.span - this.width);
    }
    const key = `${centre}\n${campaign}\n${reason}`;
    const before = kinds.get(key);
    kinds.set(key, [slot, centre, campaign, reason, verdicts + (before ? before[4] : 0)]);
  }

  /** @param {number} before */
  forget(before) {
    for (const slot of this.slots.keys()) if (slot < before) this.slots.delete(slot);
  }

  /** @param {number} minute the newest @returns {Iterable<Count>} */
  *counts(minute) {
    for (const [slot, kinds] of this.slots) {
      if (slot > minute - this.span && slot <= minute) yield* kinds.values();
    }
  }
}

/** The name of the moment that a happening is; empty where it is none. @param {string} what @param {Facts} facts */
export function momentOf(what, facts) {
  if (what === "call" && (facts.on === "paused" || facts.on === "resumed")) return facts.on;
  return MOMENTS.has(what) ? what : "";
}

export class Model {
  epoch = "";
  last = 0;
  /** By how many milliseconds the server's clock is ahead of ours. */
  ahead = 0;
  /** How many blocks came since the beginning. */
  seen = 0;
  /** @type {Block[]} newest first */
  blocks = [];
  /** @type {Moment[]} newest first */
  moments = [];
  /** @type {Map<string, Call>} */
  calls = new Map();
  /** @type {Map<string, Alarm>} */
  alarms = new Map();
  /** @type {Part[]} */
  health = [];
  hour = new Tally(HOUR_SLOT, 60);
  day = new Tally(DAY_SLOT, 24 * 60);

  /** @param {State} state */
  constructor(state) {
    this.begin(state);
  }

  /** Begin again from the whole. @param {State} state */
  begin(state) {
    const dash = state.place.lastIndexOf("-");
    this.epoch = state.place.slice(0, dash);
    this.last = Number(state.place.slice(dash + 1));
    this.ahead = Date.parse(state.now) - Date.now();
    this.seen = 0;
    this.blocks = state.blocks.map((block) => ({ ...block, seen: 0 }));
    this.moments = state.moments;
    this.calls = new Map(state.calls.map((call) => [call.call, call]));
    this.alarms = new Map(state.alarms.map((alarm) => [alarm.id, alarm]));
    this.health = state.health;
    this.hour = new Tally(HOUR_SLOT, 60);
    this.day = new Tally(DAY_SLOT, 24 * 60);
    for (const count of state.hour) this.hour.add(count);
    for (const count of state.day) this.day.add(count);
  }

  get place() {
    return `${this.epoch}-${this.last}`;
  }

  /** Now, by the server's clock, in milliseconds. */
  get now() {
    return Date.now() + this.ahead;
  }

  /**
   * Take a happening; whether it was new.
   * @param {string} place @param {string} what @param {Facts} facts
   */
  take(place, what, facts) {
    const number = Number(place.slice(place.lastIndexOf("-") + 1));
    if (!place.startsWith(`${this.epoch}-`) || number <= this.last) return false;
    this.last = number;
    const moment = momentOf(what, facts);
    if (moment) this.note(moment, facts);
    if (what === "block") this.block(facts);
    else if (what === "allow") this.allow(facts);
    else if (what === "call") this.stage(facts);
    else if (what === "objection") this.objected(String(facts.call));
    else if (what === "alarm") this.raise(facts);
    else if (what === "alarm-taken") this.alarms.delete(String(facts.id));
    else if (what === "health") this.health = /** @type {Part[]} */ (facts.parts);
    return true;
  }

  /** @param {string} moment @param {Facts} facts */
  note(moment, facts) {
    this.moments = [/** @type {Moment} */ ({ ...facts, what: moment }), ...this.moments].slice(0, MOMENTS_MOST);
  }

  /** @param {Facts} facts */
  block(facts) {
    this.seen += 1;
    this.blocks.unshift(/** @type {Block} */ ({ ...facts, seen: this.seen }));
    if (this.blocks.length > BLOCKS_MOST) this.blocks.length = BLOCKS_MOST;
    this.count(facts);
  }

  /** @param {Facts} facts */
  allow(facts) {
    this.count(facts);
    this.stage({ ...facts, stage: "allowed" });
  }

  /** @param {Facts} facts */
  count(facts) {
    const minute = Math.floor(Date.parse(String(facts.at)) / 60000);
    /** @type {Count} */
    const count = [minute, String(facts.centre ?? ""), String(facts.campaign ?? ""), String(facts.reason), 1];
    this.hour.add(count);
    this.day.add(count);
  }

  /** @param {Facts} facts */
  stage(facts) {
    const id = String(facts.call);
    const before = this.calls.get(id);
    this.calls.delete(id);
    if (facts.stage === "closed") return;
    if (before === undefined && this.calls.size >= CALLS_MOST) this.calls.delete([...this.calls.keys()][0] ?? "");
    this.calls.set(id, /** @type {Call} */ ({ since: facts.at, ...before, ...facts }));
  }

  /** @param {string} id */
  objected(id) {
    const call = this.calls.get(id);
    if (call) this.calls.set(id, { ...call, objected: true });
  }

  /** @param {Facts} facts */
  raise(facts) {
    const id = String(facts.id);
    const standing = this.alarms.get(id);
    const at = String(facts.at);
    if (standing) {
      this.alarms.set(id, { ...standing, last: at, times: standing.times + 1 });
      return;
    }
    if (this.alarms.size >= ALARMS_MOST) this.alarms.delete([...this.alarms.keys()][0] ?? "");
    this.alarms.set(id, /** @type {Alarm} */ ({ ...facts, first: at, last: at, times: 1 }));
  }
}
