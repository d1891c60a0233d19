/**
 * The flame graph as an element: canvas, zoom, hover, keyboard and its voice for screen readers.
 *
 * Events on `view`: "zoom" { node }, "hover" { node }, "cursor" { node }, "menu" { node, x, y }.
 * Everything drawn follows from data, root, search and palette; a frame is drawn at most once per animation frame.
 */

import { PackageBuckets, makePalette } from './flame_colour.js';
import { describe, describeLines } from './flame_describe.js';
import { cursorAfter } from './flame_keys.js';
import { ROW_HEIGHT, Scene, layOut, rowTop } from './flame_layout.js';
import { characterWidth, paint } from './flame_paint.js';

const MAX_CANVAS_PIXELS = 16_000_000;
const TIP_OFFSET = 14;

function element(tag, className, parent) {
  const made = document.createElement(tag);
  made.className = className;
  parent.append(made);
  return made;
}

export class FlameView extends EventTarget {
  /** host: an empty element with a height; options: { label, upward, grounded (a low upward tree stands on the floor), dark } */
  constructor(host, { label = 'Flame graph', upward = false, grounded = false, dark = false } = {}) {
    super();
    this.host = host;
    this.upward = upward;
    this.grounded = grounded;
    this.data = null;
    this.root = 0;
    this.cursor = 0;
    this.hovered = -1;
    this.keyboard = false;
    this.scene = new Scene();
    this.#build(label);
    this.#colour(dark);
    this.#listen();
  }

  #build(label) {
    const { host } = this;
    host.classList.add('flame');
    this.scroller = element('div', 'flame-scroll', host);
    this.scroller.tabIndex = 0;
    this.scroller.setAttribute('role', 'tree');
    this.scroller.setAttribute('aria-label', label);
    this.spacer = element('div', 'flame-spacer', this.scroller);
    this.spacer.setAttribute('role', 'none');
    this.stage = element('div', 'flame-stage', this.spacer);
    this.stage.setAttribute('role', 'none');
    this.base = element('canvas', 'flame-base', this.stage);
    this.base.setAttribute('aria-hidden', 'true');
    this.base.width = this.base.height = 0;
    this.pointed = element('div', 'flame-mark', this.stage);
    this.ring = element('div', 'flame-mark flame-ring', this.stage);
    for (const mark of [this.pointed, this.ring]) mark.hidden = true;
    this.item = element('div', 'flame-hidden', this.spacer);
    this.item.id = `flame-item-${Math.random().toString(36).slice(2)}`;
    this.item.setAttribute('role', 'treeitem');
    this.item.textContent = 'No data yet';
    this.tip = element('div', 'flame-tip', host);
    this.tip.hidden = true;
    this.voice = element('div', 'flame-hidden', host);
    this.voice.setAttribute('aria-live', 'polite');
    this.context = this.base.getContext('2d', { alpha: false });
  }

  #listen() {
    const { scroller } = this;
    this.stopListening = new AbortController();
    const on = (type, run, options) => scroller.addEventListener(type, run, { signal: this.stopListening.signal, ...options });
    on('scroll', () => this.request(), { passive: true });
    on('pointermove', (event) => this.#hover(event), { passive: true });
    on('pointerleave', () => this.setHover(-1));
    on('click', (event) => this.#click(event));
    on('contextmenu', (event) => this.#menu(event));
    on('keydown', (event) => this.#key(event));
    on('blur', () => { this.keyboard = false; this.drawOverlay(); });
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(scroller);
  }

  destroy() {
    this.stopListening.abort();
    this.observer.disconnect();
    this.host.replaceChildren();
  }

  /** Show another tree; `root` and `cursor` are nodes of it. */
  setData(data, { root = 0 } = {}) {
    this.data = data;
    this.root = root;
    this.cursor = root;
    this.hovered = -1;
    this.tip.hidden = true;
    this.buckets = new PackageBuckets(data);
    this.resize(true);
    if (this.upward) this.scroller.scrollTop = this.spacer.offsetHeight;
    this.#announce(root);
    this.voice.textContent = `Flame graph with ${data.nodes} frames. ${describe(data, 0)}`;
  }

  setDark(dark) {
    this.#colour(dark);
    this.draw();
  }

  /** The ground is the theme's own, so that the canvas has no visible edge. */
  #colour(dark) {
    const ground = getComputedStyle(this.scroller).backgroundColor;
    this.palette = { ...makePalette(dark), background: ground.startsWith('rgb(') ? ground : makePalette(dark).background };
  }

  setUpward(upward) {
    this.upward = upward;
    this.draw();
    this.scroller.scrollTop = upward ? this.spacer.offsetHeight : 0;
  }

  resize(force = false) {
    const height = this.scroller.clientHeight;
    if (!this.data || !height) return;
    this.spacer.style.height = `${Math.max(height, this.data.depth * ROW_HEIGHT)}px`; // decides on a scroll bar, so before the width
    const width = this.scroller.clientWidth;
    if (!width) return;
    const ratio = Math.min(devicePixelRatio || 1, Math.sqrt(MAX_CANVAS_PIXELS / (width * height)));
    if (force || width !== this.width || height !== this.height || ratio !== this.ratio) {
      Object.assign(this, { width, height, ratio });
      this.base.width = Math.round(width * ratio);
      this.base.height = Math.round(height * ratio);
      this.base.style.width = `${width}px`;
      this.base.style.height = `${height}px`;
      this.character = characterWidth(this.context);
      this.draw();
    }
  }

  /** Draw in the next animation frame. */
  request() {
    if (this.pending) return;
    this.pending = requestAnimationFrame(() => {
      this.pending = 0;
      this.draw();
    });
  }

  #look() {
    const { palette, ratio, width, height, character, data } = this;
    return {
      palette, ratio, width, height, character, diff: data.isDiff,
      top: this.scroller.scrollTop - this.#lift(), focusLevel: data.level[this.root],
    };
  }

  #lift() {
    return this.upward && this.grounded ? Math.max(0, this.height - this.data.depth * ROW_HEIGHT) : 0;
  }

  draw() {
    if (!this.data || !this.width) return;
    const look = this.#look();
    layOut(this.data, {
      width: this.width, top: look.top, bottom: look.top + this.height,
      root: this.root, upward: this.upward, buckets: this.buckets,
    }, this.scene);
    paint(this.context, this.data, this.scene, look);
    this.drawOverlay();
  }

  /** Rectangle of a node in CSS pixels of the stage. */
  box(node) {
    const { data, root, width } = this;
    const scale = width / data.width[root];
    const from = data.left[root];
    const x0 = Math.max(0, (data.left[node] - from) * scale);
    const x1 = Math.min(width, (data.left[node] + data.width[node] - from) * scale);
    const y = rowTop(data, data.level[node], this.upward) - this.scroller.scrollTop + this.#lift();
    return { x: x0, y, width: Math.max(1, x1 - x0) };
  }

  /** The frame under the pointer and the one the keyboard stands on are outlined by elements, so that neither costs a canvas. */
  drawOverlay() {
    this.#mark(this.pointed, this.hovered, this.palette.hover);
    this.#mark(this.ring, this.keyboard ? this.cursor : -1, this.palette.ring);
  }

  #mark(mark, node, colour) {
    const shown = Boolean(this.data && this.width && node >= 0);
    if (mark.hidden === shown) mark.hidden = !shown;
    if (!shown) return;
    const { x, y, width } = this.box(node);
    mark.style.transform = `translate(${x}px, ${y}px)`;
    mark.style.width = `${width}px`;
    mark.style.borderColor = colour;
  }

  /** The node under a pointer event, or −1. */
  pick(event) {
    if (!this.data || !this.data.nodes) return -1;
    const frame = this.scroller.getBoundingClientRect();
    const y = event.clientY - frame.top + this.scroller.scrollTop - this.#lift();
    const row = Math.floor(y / ROW_HEIGHT);
    const depth = this.upward ? this.data.depth - 1 - row : row;
    const share = (event.clientX - frame.left) / this.width;
    return this.data.at(depth, this.data.left[this.root] + share * this.data.width[this.root]);
  }

  #hover(event) {
    const node = this.pick(event);
    this.setHover(node);
    if (node >= 0) this.#placeTip(event);
  }

  setHover(node) {
    if (node === this.hovered) return;
    this.hovered = node;
    this.drawOverlay();
    this.tip.hidden = node < 0;
    this.scroller.classList.toggle('flame-over-node', node >= 0);
    if (node >= 0) this.tip.replaceChildren(...describeLines(this.data, node));
    this.#tell('hover', { node });
  }

  #placeTip(event) {
    const frame = this.host.getBoundingClientRect();
    const { offsetWidth, offsetHeight } = this.tip;
    let x = event.clientX - frame.left + TIP_OFFSET;
    let y = event.clientY - frame.top + TIP_OFFSET;
    if (x + offsetWidth > frame.width) x = Math.max(0, frame.width - offsetWidth);
    if (event.clientY + TIP_OFFSET + offsetHeight > innerHeight) y -= offsetHeight + 2 * TIP_OFFSET;
    this.tip.style.transform = `translate(${Math.round(x)}px, ${Math.round(y)}px)`;
  }

  #click(event) {
    const node = this.pick(event);
    if (node < 0) return;
    this.keyboard = false;
    this.cursor = node;
    this.zoom(node);
  }

  #menu(event) {
    const node = event.button === 2 ? this.pick(event) : this.cursor;
    if (node < 0 || !this.data) return;
    event.preventDefault();
    this.openMenu(node, event.button === 2 ? event : null);
  }

  openMenu(node, point = null) {
    this.setHover(-1);
    const frame = this.scroller.getBoundingClientRect();
    const box = this.box(node);
    const x = point ? point.clientX : frame.left + Math.max(0, box.x) + 8;
    const y = point ? point.clientY : frame.top + Math.min(this.height, Math.max(0, box.y + ROW_HEIGHT));
    this.#tell('menu', { node, x, y });
  }

  /** Give `node` the full width. */
  zoom(node) {
    if (!this.data || node === this.root || !(this.data.width[node] > 0)) return;
    this.root = node;
    this.cursor = node;
    this.hovered = -1;
    this.tip.hidden = true;
    this.reveal(node);
    this.draw();
    this.#announce(node, 'Zoomed to ');
    this.#tell('zoom', { node });
  }

  /** Mark what matches; returns the search's totals. */
  search(query) {
    if (!this.data) return null;
    const found = this.data.search(query);
    this.draw();
    return found;
  }

  say(text) { this.voice.textContent = text; }

  reveal(node) {
    const y = rowTop(this.data, this.data.level[node], this.upward) + this.#lift();
    const { scroller } = this;
    if (y < scroller.scrollTop) scroller.scrollTop = y;
    else if (y + ROW_HEIGHT > scroller.scrollTop + this.height) scroller.scrollTop = y + ROW_HEIGHT - this.height;
  }

  #key(event) {
    if (!this.data || event.ctrlKey || event.metaKey || event.altKey) return;
    const zooming = { Enter: this.cursor, ' ': this.cursor, Backspace: Math.max(0, this.data.parent[this.root]) };
    if (event.key in zooming) {
      this.keyboard = true;
      this.zoom(zooming[event.key]);
    } else if (event.key === 'Escape' && this.root) {
      this.zoom(0);
    } else {
      const next = cursorAfter(this.data, this.cursor, event.key, { upward: this.upward, root: this.root });
      if (next === null) return;
      this.#moveCursor(next);
    }
    event.preventDefault();
    event.stopPropagation();
  }

  #moveCursor(node) {
    const { data } = this;
    this.cursor = node;
    this.keyboard = true;
    let root = this.root;
    while (root > 0 && !(root <= node && node < data.end[root])) root = data.parent[root];
    this.reveal(node);
    if (root !== this.root) {
      this.root = root;
      this.#tell('zoom', { node: root });
    }
    this.draw();
    this.#announce(node);
    this.#tell('cursor', { node });
  }

  #announce(node, before = '') {
    const { data, item } = this;
    if (!data.nodes) return;
    item.textContent = before + describe(data, node);
    item.setAttribute('aria-level', data.level[node] + 1);
    item.setAttribute('aria-selected', 'true');
    if (data.end[node] > node + 1) item.setAttribute('aria-expanded', 'true');
    else item.removeAttribute('aria-expanded');
    this.scroller.setAttribute('aria-activedescendant', item.id);
  }

  #tell(type, detail) { this.dispatchEvent(new CustomEvent(type, { detail })); }
}
