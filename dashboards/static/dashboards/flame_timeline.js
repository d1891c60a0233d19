/**
 * Memory over time with selections that can be dragged: whole, by either edge, or drawn anew; by keyboard, too.
 *
 * Events: "select" { key, from, to } when a drag or a key press ends, "pick" { key, snapshot }.
 * Times are unix seconds.
 */

import { formatSpan, formatTime, formatValue } from './flame_format.js';

const HEIGHT = 122;
const TOP = 16;
const PLOT = 66;
const AXIS = TOP + PLOT;
const SNAPSHOT_ROW = AXIS + 24;
const LEFT = 64;
const RIGHT = 12;
const HANDLE = 10;
const SHORTEST_SELECTION = 0.004;
const KEY_STEP = 0.005;
const TICK_ROOM = 74;
const NICE_TOPS = [1, 1.2, 1.6, 2, 2.4, 3, 4, 5, 6, 8, 10];
const LINE_NAMES = { heap: 'live heap', rss: 'RSS' };
const NICE_STEPS = [1, 5, 15, 30, 60, 300, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400, 172800, 604800, 2592000];
const SVG = 'http://www.w3.org/2000/svg';

function shape(tag, attributes, parent) {
  const made = document.createElementNS(SVG, tag);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  parent?.append(made);
  return made;
}

export class Timeline extends EventTarget {
  /** selections: [{ key, label }] in drawing order; `active` is the one that a drag on empty ground draws. */
  constructor(host, { selections, zone, label }) {
    super();
    Object.assign(this, { host, zone, chosen: new Set(), series: null, markers: [], snapshots: [], from: 0, to: 0 });
    this.selections = new Map(selections.map((selection) => [selection.key, { ...selection, from: 0, to: 0 }]));
    this.active = selections.at(-1).key;
    this.svg = shape('svg', { height: HEIGHT, width: '100%', class: 'timeline', role: 'group', 'aria-label': label });
    this.host.replaceChildren(this.svg);
    this.svg.addEventListener('pointerdown', (event) => this.#down(event));
    new ResizeObserver(() => this.render()).observe(host);
  }

  show({ from, to, series, markers, snapshots }) {
    Object.assign(this, { from, to, series, markers, snapshots });
    this.render();
  }

  setSelection(key, from, to) {
    Object.assign(this.selections.get(key), { from, to });
    this.render();
  }

  /** Mark the snapshots that are shown instead of a range: { selection's key: id, or '' }; its own range fades. */
  choose(shown) {
    this.chosen = new Set(Object.values(shown).filter(Boolean));
    for (const [key, id] of Object.entries(shown)) this.selections.get(key).idle = Boolean(id);
    this.render();
  }

  x(at) { return LEFT + ((at - this.from) / (this.to - this.from)) * (this.width - LEFT - RIGHT); }

  at(x) {
    const share = (x - LEFT) / (this.width - LEFT - RIGHT);
    return this.from + Math.min(1, Math.max(0, share)) * (this.to - this.from);
  }

  render() {
    this.width = this.host.clientWidth;
    if (!this.width || !(this.to > this.from)) return;
    const focused = document.activeElement?.dataset?.handle;
    this.svg.replaceChildren();
    this.svg.setAttribute('viewBox', `0 0 ${this.width} ${HEIGHT}`);
    this.#axes();
    for (const selection of this.selections.values()) this.#band(selection);
    this.#lines();
    this.#marks();
    for (const selection of this.selections.values()) this.#handles(selection);
    if (focused) this.svg.querySelector(`[data-handle="${focused}"]`)?.focus();
  }

  #axes() {
    const top = this.#top();
    for (const share of [0, 0.5, 1]) {
      const y = AXIS - share * PLOT;
      shape('line', { x1: LEFT, x2: this.width - RIGHT, y1: y, y2: y, class: 'timeline-grid' }, this.svg);
      if (top > 0) this.#text(LEFT - 6, y + 4, formatValue(share * top, 'bytes').replace('.0 ', ' '), 'end');
    }
    const room = (this.width - LEFT - RIGHT) / TICK_ROOM;
    const step = NICE_STEPS.find((size) => (this.to - this.from) / size <= room) ?? NICE_STEPS.at(-1);
    for (let at = Math.ceil(this.from / step) * step; at < this.to; at += step) {
      const x = this.x(at);
      shape('line', { x1: x, x2: x, y1: AXIS, y2: AXIS + 4, class: 'timeline-tick' }, this.svg);
      const text = formatTime(at, this.zone, { seconds: step < 60 });
      const anchor = x > this.width - RIGHT - 20 ? 'end' : 'middle';
      const isDay = step >= 86400 || text.slice(11, 16) === '00:00';
      this.#text(anchor === 'end' ? this.width - 2 : x, AXIS + 16, isDay ? text.slice(5, 10) : text.slice(11), anchor);
    }
    if (this.series && !this.series.length) this.#text(this.width / 2, TOP + PLOT / 2, 'No memory points in this window.', 'middle');
    this.#names();
  }

  /** What the lines are, at the left above them. */
  #names() {
    let x = LEFT;
    for (const kind of new Set((this.series ?? []).map((each) => each.kind))) {
      shape('line', { x1: x, x2: x + 14, y1: TOP - 10, y2: TOP - 10, class: `timeline-line timeline-${kind}` }, this.svg);
      this.#text(x + 18, TOP - 6, LINE_NAMES[kind], 'start');
      x += 34 + 6 * LINE_NAMES[kind].length;
    }
    this.named = x;
  }

  #text(x, y, content, anchor, className = 'timeline-text') {
    shape('text', { x, y, 'text-anchor': anchor, class: className }, this.svg).textContent = content;
  }

  #most() {
    let most = 0;
    for (const { values } of this.series ?? []) for (const value of values) if (value > most) most = value;
    return most;
  }

  /** The upper end of the axis: the largest value, rounded up to an even number of its unit. */
  #top() {
    const most = this.#most();
    if (!most) return 0;
    const unit = 1024 ** Math.floor(Math.log(most) / Math.log(1024));
    const magnitude = 10 ** Math.floor(Math.log10(most / unit));
    return NICE_TOPS.map((step) => step * magnitude * unit).find((end) => end >= most) ?? most;
  }

  #lines() {
    const most = this.#top();
    if (!most) return;
    this.series?.forEach(({ ts, values, kind }) => {
      let path = '';
      let pen = false;
      for (let k = 0; k < ts.length; k += 1) {
        if (values[k] === null || !Number.isFinite(values[k])) {
          pen = false;
          continue;
        }
        path += `${pen ? 'L' : 'M'}${this.x(ts[k]).toFixed(1)} ${(AXIS - (values[k] / most) * PLOT).toFixed(1)}`;
        pen = true;
      }
      shape('path', { d: path, class: `timeline-line timeline-${kind}` }, this.svg);
    });
  }

  #marks() {
    for (const marker of this.markers) {
      const x = this.x(marker.ts);
      const line = shape('line', { x1: x, x2: x, y1: TOP, y2: AXIS, class: `timeline-marker timeline-marker-${marker.kind}` }, this.svg);
      shape('title', {}, line).textContent = `${marker.kind} ${marker.version || marker.text || ''} ${formatTime(marker.ts, this.zone)}`;
    }
    for (const snapshot of this.snapshots) {
      const dot = shape('rect', {
        x: this.x(snapshot.ts) - 1.5, y: SNAPSHOT_ROW, width: 3, height: 10, 'data-snapshot': snapshot.id,
        class: ['timeline-snapshot', snapshot.pinned && 'timeline-pinned', this.chosen.has(snapshot.id) && 'timeline-chosen'].filter(Boolean).join(' '),
      }, this.svg);
      shape('title', {}, dot).textContent = `Snapshot ${formatTime(snapshot.ts, this.zone)}${snapshot.release ? `, ${snapshot.release}` : ''}`;
    }
  }

  #band({ key, from, to, label, idle }) {
    const x0 = this.x(Math.max(from, this.from));
    const x1 = this.x(Math.min(to, this.to));
    if (x1 < LEFT || x0 > this.width - RIGHT) return;
    const band = { x: x0, y: TOP, width: Math.max(2, x1 - x0), height: PLOT, class: `timeline-band timeline-band-${key}${idle ? ' timeline-band-idle' : ''}`, 'data-band': key };
    shape('rect', band, this.svg);
    const middle = (x0 + x1) / 2;
    const first = (this.named ?? LEFT) + 6;
    const anchor = middle < first + 24 ? 'start' : middle > this.width - 80 ? 'end' : 'middle';
    const x = anchor === 'start' ? Math.max(first, x0) : anchor === 'end' ? Math.min(this.width - RIGHT, x1) : middle;
    this.#text(x, TOP - 6, label, anchor, `timeline-name timeline-name-${key}`);
  }

  #handles({ key, from, to, label }) {
    for (const [edge, at] of [['from', from], ['to', to]]) {
      const x = this.x(Math.min(this.to, Math.max(this.from, at)));
      const handle = shape('rect', {
        x: x - HANDLE / 2, y: TOP, width: HANDLE, height: PLOT, rx: 2, tabindex: 0, role: 'slider',
        class: `timeline-handle timeline-handle-${key}`, 'data-handle': `${key}-${edge}`,
        'aria-label': `${label}, ${edge === 'from' ? 'begin' : 'end'}`, 'aria-valuemin': Math.round(this.from),
        'aria-valuemax': Math.round(this.to), 'aria-valuenow': Math.round(at), 'aria-valuetext': formatTime(at, this.zone),
      }, this.svg);
      handle.addEventListener('keydown', (event) => this.#key(event, key, edge));
    }
  }

  #key(event, key, edge) {
    const size = (event.shiftKey ? 10 : 1) * KEY_STEP * (this.to - this.from);
    const step = { ArrowLeft: -size, ArrowRight: size, ArrowDown: -size, ArrowUp: size }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const selection = this.selections.get(key);
    this.#change(selection, { ...selection, [edge]: selection[edge] + step });
    clearTimeout(this.settle);
    this.settle = setTimeout(() => this.#tell(key), 400);
  }

  #down(event) {
    if (event.button !== 0) return;
    const { snapshot, band, handle } = event.target.dataset;
    if (snapshot) {
      this.dispatchEvent(new CustomEvent('pick', { detail: { key: this.active, snapshot } }));
      return;
    }
    const start = this.at(event.clientX - this.svg.getBoundingClientRect().left);
    const [key, edge] = handle ? handle.split('-') : [band ?? this.active, band ? 'both' : 'new'];
    this.active = key;
    const selection = this.selections.get(key);
    const before = { from: selection.from, to: selection.to };
    const move = (next) => {
      const here = this.at(next.clientX - this.svg.getBoundingClientRect().left);
      this.#change(selection, dragged(edge, before, start, here));
    };
    this.svg.setPointerCapture(event.pointerId);
    this.svg.addEventListener('pointermove', move);
    const stop = () => {
      this.svg.removeEventListener('pointermove', move);
      if (selection.from !== before.from || selection.to !== before.to) this.#tell(key);
    };
    this.svg.addEventListener('lostpointercapture', stop, { once: true });
    event.preventDefault();
  }

  #change(selection, { from, to }) {
    const least = SHORTEST_SELECTION * (this.to - this.from);
    const low = Math.min(from, to);
    const high = Math.max(from, to, low + least);
    const shift = Math.max(0, this.from - low) + Math.min(0, this.to - high);
    selection.from = Math.max(this.from, low + shift);
    selection.to = Math.min(this.to, high + shift);
    this.render();
  }

  #tell(key) {
    const { from, to } = this.selections.get(key);
    this.dispatchEvent(new CustomEvent('select', { detail: { key, from: Math.round(from), to: Math.round(to) } }));
  }

  /** A selection in words. */
  describe(key) {
    const { from, to } = this.selections.get(key);
    const [begin, end] = [from, to].map((at) => formatTime(at, this.zone, { seconds: false }));
    return `${begin} – ${end.slice(0, 10) === begin.slice(0, 10) ? end.slice(11) : end} (${formatSpan(to - from)})`;
  }
}

function dragged(edge, before, start, here) {
  if (edge === 'new') return { from: start, to: here };
  if (edge === 'both') return { from: before.from + here - start, to: before.to + here - start };
  return { ...before, [edge]: here };
}
