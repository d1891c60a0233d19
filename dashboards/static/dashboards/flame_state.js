/**
 * A page's whole state in its address, so that a link shows a colleague the same picture.
 *
 * A field is { name, fallback, list?, flag?, pairs?, replace? }: lists repeat the parameter, flags are 0 or 1, pairs are
 * a list of "key=value" that the address writes as `name.key=value`, and a change of a `replace` field (typing,
 * hovering) does not make a step of its own for the back button.
 */

/** A page names its time zone in the address only once app.js has had the time to learn the reader's. */
const PIN_ZONE_AFTER_MS = 1500;

/** What every page's address ends with, so that a link shows the same to others: whose data, in which zone. */
export const PLACE_FIELDS = [{ name: 'tz', fallback: '' }, { name: 'project', fallback: '' }];

/** Let the address name zone and project, and a copied link the range that is shown (`ranges()`: parameters). */
export function pinPlace(state, ranges) {
  const { zone, project = '' } = document.documentElement.dataset;
  setTimeout(() => state.pin({ tz: zone, project }), PIN_ZONE_AFTER_MS);
  document.addEventListener('permalink', ({ detail }) => {
    for (const [name, value] of Object.entries(ranges())) detail.set(name, value);
    detail.delete('last');
  });
}

export class PageState extends EventTarget {
  constructor(fields, location = window.location) {
    super();
    this.fields = new Map(fields.map((field) => [field.name, field]));
    this.values = this.#read(location.search);
    window.addEventListener('popstate', () => {
      const before = this.values;
      this.values = this.#read(window.location.search);
      this.#tell(before);
    });
  }

  #read(search) {
    const query = new URLSearchParams(search);
    const values = {};
    for (const { name, fallback, list, flag, pairs } of this.fields.values()) {
      if (pairs) values[name] = pairsIn(query, name);
      else if (list) values[name] = query.getAll(name).filter(Boolean);
      else if (flag) values[name] = query.has(name) ? query.get(name) === '1' : fallback;
      else values[name] = query.get(name) ?? fallback;
    }
    return values;
  }

  get(name) { return this.values[name]; }

  /** Change some fields; listeners hear of the difference and the address follows. */
  set(changes) {
    const before = this.values;
    const after = { ...before, ...changes };
    const changed = Object.keys(changes).filter((name) => !same(before[name], after[name]));
    if (!changed.length) return;
    this.values = after;
    const quiet = changed.every((name) => this.fields.get(name).replace);
    history[quiet ? 'replaceState' : 'pushState'](null, '', this.href());
    this.#tell(before);
  }

  /** Write what the page chose by itself into the address, so that a link to it shows the same tomorrow. */
  pin(values) {
    this.values = { ...this.values, ...values };
    history.replaceState(null, '', this.href());
  }

  /** The address that holds this state; other parameters of the page are kept. */
  href(changes = {}) {
    const values = { ...this.values, ...changes };
    const query = new URLSearchParams(window.location.search);
    for (const { name, fallback, list, flag, pairs } of this.fields.values()) {
      query.delete(name);
      const value = values[name];
      if (pairs) writePairs(query, name, value);
      else if (list) value.forEach((item) => query.append(name, item));
      else if (flag) { if (value !== fallback) query.set(name, value ? '1' : '0'); }
      else if (value !== fallback && value !== '') query.set(name, value);
    }
    const text = query.toString();
    return text ? `${window.location.pathname}?${text}` : window.location.pathname;
  }

  #tell(before) {
    const changed = new Set([...this.fields.keys()].filter((name) => !same(before[name], this.values[name])));
    if (changed.size) this.dispatchEvent(new CustomEvent('change', { detail: { changed } }));
  }
}

function pairsIn(query, name) {
  const found = new Map();
  for (const [key, value] of query) if (key.startsWith(`${name}.`) && value) found.set(key.slice(name.length + 1), value);
  for (const text of query.getAll(name)) if (text.indexOf('=') > 0) found.set(text.slice(0, text.indexOf('=')).trim(), text.slice(text.indexOf('=') + 1).trim());
  return Array.from(found, ([key, value]) => `${key}=${value}`).sort();
}

/** Put pairs into a query as `name.key=value`, instead of those that it held. */
export function writePairs(query, name, pairs) {
  for (const key of Array.from(query.keys())) if (key.startsWith(`${name}.`)) query.delete(key);
  for (const text of pairs) query.set(`${name}.${text.slice(0, text.indexOf('='))}`, text.slice(text.indexOf('=') + 1));
}

function same(a, b) {
  return Array.isArray(a) ? a.length === b.length && a.every((item, k) => item === b[k]) : a === b;
}
