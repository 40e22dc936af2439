/** What is to be seen of it: by centre, campaign, reason and what was typed. It stands in the address of the page. */

/** @typedef {import("./model.js").Count} Count */

export class Filters {
  /** @param {() => void} changed */
  constructor(changed) {
    this.form = /** @type {HTMLFormElement} */ (document.getElementById("filters"));
    this.changed = changed;
    this.centre = "";
    this.campaign = "";
    this.reason = "";
    this.words = "";
    this.read();
    this.form.addEventListener("input", () => this.change());
    this.form.addEventListener("submit", (event) => event.preventDefault());
    this.form.addEventListener("reset", (event) => {
      event.preventDefault();
      for (const field of this.form.elements) {
        if (field instanceof HTMLSelectElement || field instanceof HTMLInputElement) field.value = "";
      }
      this.change();
    });
  }

  read() {
    const said = new FormData(this.form);
    this.centre = String(said.get("centre") ?? "");
    this.campaign = String(said.get("campaign") ?? "");
    this.reason = String(said.get("reason") ?? "");
    this.words = String(said.get("q") ?? "").trim().toLowerCase();
  }

  change() {
    this.read();
    this.remember("centre", this.centre);
    this.remember("campaign", this.campaign);
    this.remember("reason", this.reason);
    this.remember("q", this.words);
    this.changed();
  }

  /** @param {string} name @param {string} value */
  remember(name, value) {
    const address = new URL(location.href);
    if (value) address.searchParams.set(name, value);
    else address.searchParams.delete(name);
    history.replaceState(null, "", address);
  }

  /** Whether a call or a block is to be seen.
   * @param {{centre?: string, campaign?: string, reason: string, agent?: string, number?: string, call?: string, detail?: string}} one */
  lets(one) {
    if (this.centre && one.centre !== this.centre) return false;
    if (this.campaign && one.campaign !== this.campaign) return false;
    if (this.reason && one.reason !== this.reason) return false;
    if (!this.words) return true;
    const text = [one.number, one.agent, one.centre, one.campaign, one.reason, one.detail, one.call].join(" ").toLowerCase();
    return this.words.split(/\s+/).every((word) => text.includes(word));
  }

  /** Whether verdicts of this kind are to be counted. @param {Count} count */
  counts([, centre, campaign, reason]) {
    return (
      (!this.centre || centre === this.centre) &&
      (!this.campaign || campaign === this.campaign) &&
      (!this.reason || reason === this.reason)
    );
  }
}
