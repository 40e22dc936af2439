/** Small helpers for the page, and the texts in the reader's language. */

/** @param {string} id @returns {HTMLElement} */
export function byId(id) {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no ${id}`);
  return found;
}

/**
 * An element with text or children.
 * @param {string} tag @param {{[name: string]: string}} attributes @param {(Node | string)[]} children
 */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** Set the text of an element where it changed, so that nothing is said or drawn anew for nothing.
 * @param {HTMLElement} element @param {string} text */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Make these the rows of a table, and touch no row that stays: what is not moved is neither drawn anew nor loses the
 * focus. Whoever had it on a link that was replaced has it on the new one.
 * @param {HTMLElement} body @param {HTMLElement[]} rows
 */
export function fill(body, rows) {
  const focused = document.activeElement;
  const link = focused !== null && body.contains(focused) ? focused.getAttribute("href") : null;
  const stay = new Set(rows);
  for (const row of [...body.children]) if (!stay.has(/** @type {HTMLElement} */ (row))) row.remove();
  let next = body.firstElementChild;
  for (const row of rows) {
    if (row === next) next = next.nextElementSibling;
    else body.insertBefore(row, next);
  }
  if (link === null || body.contains(document.activeElement)) return;
  const again = [...body.querySelectorAll("a")].find((one) => one.getAttribute("href") === link);
  again?.focus({ preventScroll: true });
}

export class Texts {
  /** @param {{[key: string]: string}} byKey @param {string} language */
  constructor(byKey, language) {
    this.byKey = byKey;
    this.clock = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
    this.minute = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
    this.day = new Intl.DateTimeFormat(language, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
    this.numbers = new Intl.NumberFormat(language);
  }

  /** The text of a key, with its fields. @param {string} key @param {{[name: string]: string | number}} fields */
  say(key, fields = {}) {
    const text = this.byKey[key] ?? key.slice(key.indexOf(".") + 1);
    return text.replace(/\$([a-z]+)/g, (all, name) => {
      const value = fields[name];
      return value === undefined ? all : typeof value === "number" ? this.numbers.format(value) : value;
    });
  }

  /** @param {string} iso */
  time(iso) {
    return this.clock.format(new Date(iso));
  }
}
