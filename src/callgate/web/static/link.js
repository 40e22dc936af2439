/**
 * The connection to the stream, and whether it is alive.
 *
 * The server says something every five seconds at least. Where nothing came for twelve, or the connection failed, the
 * page is not live, and says so; it connects again behind the last place that it saw. Where the server cannot go on from
 * there (it was restarted, or too much happened) the whole state is fetched.
 */

const KINDS = ["block", "allow", "call", "objection", "withdrawal", "sealed", "alarm", "alarm-taken", "health", "pbx", "emergency", "called-back"];
const SILENT_MS = 12_000;
const AGAIN_MS = [500, 1000, 2000, 4000, 8000];

/**
 * @typedef {import("./model.js").State} State
 * @typedef {"connecting" | "live" | "dead" | "out"} Condition
 * @typedef {{
 *   place: () => string,
 *   take: (place: string, what: string, facts: {[key: string]: unknown}) => void,
 *   begin: (state: State, why: string) => void,
 *   condition: (condition: Condition, since: number) => void,
 * }} Listener
 */

export class Link {
  /** @param {Listener} listener */
  constructor(listener) {
    this.listener = listener;
    /** @type {EventSource | null} */
    this.source = null;
    /** When the server was heard last, and when it was last tried. */
    this.heard = Date.now();
    this.tried = Date.now();
    this.failed = 0;
    /** @type {Condition} */
    this.condition = "connecting";
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.trying = undefined;
    setInterval(() => this.watch(), 1000);
    addEventListener("online", () => this.connect());
    addEventListener("offline", () => this.lost());
  }

  connect() {
    clearTimeout(this.trying);
    this.source?.close();
    const source = new EventSource(`/api/v1/events?after=${encodeURIComponent(this.listener.place())}`);
    this.source = source;
    this.tried = Date.now();
    for (const kind of [...KINDS, "beat", "reset"]) {
      source.addEventListener(kind, (event) => {
        if (this.source === source) this.hear(kind, event);
      });
    }
    source.onerror = () => {
      if (this.source !== source) return;
      // Refused, not cut off: perhaps the session ended. Asking for the state tells.
      const refused = source.readyState === EventSource.CLOSED;
      this.lost(() => (refused ? void this.begin("") : this.connect()));
    };
  }

  /** @param {string} kind @param {MessageEvent} event */
  hear(kind, event) {
    this.heard = Date.now();
    if (kind === "reset") {
      void this.begin(String(JSON.parse(event.data).why));
      return;
    }
    this.failed = 0;
    this.say("live");
    this.listener.take(event.lastEventId, kind, JSON.parse(event.data));
  }

  /** Begin again from the whole. @param {string} why */
  async begin(why) {
    this.source?.close();
    this.source = null;
    try {
      const answer = await fetch("/live/state", { headers: { Accept: "application/json" }, redirect: "manual" });
      if (answer.status === 401 || answer.status === 403 || answer.type === "opaqueredirect") {
        this.say("out");
        return;
      }
      if (!answer.ok) throw new Error(String(answer.status));
      this.listener.begin(/** @type {State} */ (await answer.json()), why);
      this.connect();
    } catch {
      this.lost();
    }
  }

  /** @param {() => void} again */
  lost(again = () => this.connect()) {
    this.source?.close();
    this.source = null;
    this.say("dead");
    clearTimeout(this.trying);
    const wait = AGAIN_MS[Math.min(this.failed, AGAIN_MS.length - 1)] ?? 8000;
    this.failed += 1;
    this.trying = setTimeout(again, wait * (0.75 + Math.random() / 2));
  }

  watch() {
    if (this.source !== null && Date.now() - Math.max(this.heard, this.tried) > SILENT_MS) this.lost();
    else if (this.condition !== "live") this.listener.condition(this.condition, this.heard);
  }

  /** @param {Condition} condition */
  say(condition) {
    if (this.condition === condition) return;
    this.condition = condition;
    this.listener.condition(condition, this.heard);
  }
}
