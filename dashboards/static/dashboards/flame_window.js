/** What a timeline shows around a selection: memory, markers and snapshots of a wider window. */

import { Loader, fetchJson } from './flame_load.js';

const SERIES = ['heap_live_bytes', 'rss_bytes'];
const MAX_POINTS = 700;
const MAX_SNAPSHOTS = 250;
const MARGIN = 0.5;
const LEAST_SECONDS = 900;

/**
 * The window that a selection is shown in: half of its length on either side, and never less than a quarter of an hour,
 * but not beyond what the service ever sent (`known`: first and last unix seconds) or the present.
 */
function widened(from, to, known) {
  const margin = Math.max(LEAST_SECONDS / 2, MARGIN * (to - from));
  const [first, last] = known ?? [from - margin, Date.now() / 1000];
  return { from: Math.min(from, Math.max(from - margin, first)), to: Math.max(to, Math.min(to + margin, last)) };
}

/** The first and the last moment that the page's service was heard of, as its element names them; null if never. */
export function knownSpan({ knownFrom, knownTo }) {
  return knownFrom ? [Number(knownFrom), Number(knownTo)] : null;
}

/** Loads what a timeline shows, one window at a time, and none twice in a row. */
export class WindowLoader {
  constructor(api, known = null) {
    this.api = api;
    this.known = known;
    this.loader = new Loader();
    this.window = null;
    this.shown = '';
  }

  /**
   * The window around [from, to]: the one shown while it still holds the range, else a new one.
   * Resolves to { from, to, series: [{ ts, values, kind }], markers, snapshots }, or to undefined when nothing changed.
   */
  async load(from, to, query) {
    if (!this.window || from < this.window.from || to > this.window.to) this.window = widened(from, to, this.known);
    const { window } = this;
    const key = `${window.from}|${window.to}|${query}`;
    if (key === this.shown) return undefined;
    const loaded = await this.loader.run((signal) => loadWindow(this.api, window, query, { signal }));
    if (loaded) this.shown = key;
    return loaded && { ...window, ...loaded };
  }
}

async function loadWindow(api, window, query, { signal }) {
  const bounds = { from: String(window.from), to: String(window.to) };
  const merged = (more) => new URLSearchParams([...query, ...Object.entries({ ...bounds, ...more })]);
  const [points, stored] = await Promise.all([
    fetchJson(`${api}/series?${merged({ names: SERIES.join(','), max_points: MAX_POINTS })}`, { signal }),
    fetchJson(`${api}/snapshots?${merged({ spread: MAX_SNAPSHOTS })}`, { signal }),
  ]);
  return {
    series: points.series.map(({ name, ts, values }) => ({ ts, values, kind: name === 'rss_bytes' ? 'rss' : 'heap' })),
    markers: points.markers,
    snapshots: stored.snapshots.map((each) => ({
      id: each.id, ts: each.taken_at, release: each.release, pinned: each.pinned, label: each.instance,
    })),
  };
}
