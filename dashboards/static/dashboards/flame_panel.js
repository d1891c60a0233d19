/**
 * Graph, table, search, path, filters and menus of one tree, kept in step with each other and with the address.
 *
 * The markup is parts/flame_panel.html; every element is found by its data-part. The panel owns the state fields
 * in PANEL_FIELDS; what is loaded, and when, is the page's business: it calls `show(data)`.
 */

import { copyText } from './copy_text.js';
import { diffLegend, packageLegend } from './flame_legend.js';
import { download, toFolded, toPng, toSvg } from './flame_export.js';
import { formatShare, formatValue } from './flame_format.js';
import { openMenu } from './flame_menu.js';
import { FlameTable } from './flame_table.js';
import { nameIndex, sandwich, transformed } from './flame_transform.js';
import { renderFilters, renderStatus, renderTrail, sourceLinker } from './flame_trail.js';
import { FlameView } from './flame_view.js';

const TYPING_PAUSE_MS = 90;
const LEGEND_AFTER_MS = 120;

export const PANEL_FIELDS = [
  { name: 'search', fallback: '', replace: true },
  { name: 'zoom', fallback: '' },
  { name: 'dir', fallback: 'icicle' },
  { name: 'view', fallback: 'both' },
  { name: 'sort', fallback: '', replace: true },
  { name: 'focus', list: true },
  { name: 'hide', list: true },
  { name: 'collapse', flag: true, fallback: false },
  { name: 'sandwich', fallback: '' },
];
const TREE_FIELDS = ['focus', 'hide', 'collapse', 'sandwich'];

/** Asked of the page rather than of app.js: under its hashed name that module would run a second time. */
function isDark() {
  const chosen = document.documentElement.dataset.theme;
  if (chosen === 'dark' || chosen === 'light') return chosen === 'dark';
  return matchMedia('(prefers-color-scheme: dark)').matches;
}

export class FlamePanel {
  constructor(host, state) {
    this.host = host;
    this.state = state;
    this.parts = Object.fromEntries(Array.from(host.querySelectorAll('[data-part]'), (part) => [part.dataset.part, part]));
    this.link = sourceLinker(host.dataset.sourceTemplate, host.dataset.release);
    this.data = null;
    this.table = new FlameTable(this.parts.table, { label: host.dataset.tableLabel, sort: state.get('sort') });
    this.view = this.#makeView(this.parts.graph, { label: host.dataset.graphLabel, upward: state.get('dir') === 'flame', grounded: true });
    this.callersView = this.#makeView(this.parts.callers, { label: 'Callers', upward: true, grounded: true });
    this.calleesView = this.#makeView(this.parts.callees, { label: 'Callees', upward: false });
    this.#connectTable();
    this.#connectTools();
    this.#applyLayout();
    state.addEventListener('change', (event) => this.#stateChanged(event.detail.changed));
    document.addEventListener('themechange', () => this.#recolour());
    document.addEventListener('keydown', (event) => this.#shortcut(event));
  }

  #views() { return [this.view, this.callersView, this.calleesView]; }

  #makeView(host, options) {
    const view = new FlameView(host, { ...options, dark: isDark() });
    const status = ({ detail }) => renderStatus(this.parts.status, view.data, detail.node, this.link);
    view.addEventListener('hover', status);
    view.addEventListener('cursor', (event) => {
      status(event);
      this.table.select(view.data.name[event.detail.node]);
    });
    view.addEventListener('menu', ({ detail }) => this.#frameMenu(view, detail));
    view.addEventListener('zoom', ({ detail }) => this.#zoomed(view, detail.node));
    return view;
  }

  #recolour() {
    for (const view of this.#views()) view.setDark(isDark());
    this.#legend();
  }

  /** What the colours mean; those of packages are read off the drawn frames when there is time for it. */
  #legend() {
    const { parts, tree, view, state } = this;
    if (!tree) return;
    parts.legend.hidden = !(tree.width[0] > 0);
    if (tree.isDiff) diffLegend(parts.legend, tree, view.palette);
    else {
      clearTimeout(this.legendTimer);
      this.legendTimer = setTimeout(() => packageLegend(parts.legend, view, (name) => state.set({ search: name })), LEGEND_AFTER_MS);
    }
  }

  /** Show a loaded tree under the current filters. */
  show(data) {
    this.data = data;
    this.host.classList.remove('flame-nothing');
    this.host.classList.add('flame-ready');
    this.#rebuild();
  }

  /** Nothing is stored that could be drawn: say so where the graph would be. */
  showNothing() {
    this.parts.load.hidden = true;
    this.parts.empty.hidden = false;
    this.parts.empty.textContent = this.host.dataset.empty;
    this.host.classList.add('flame-nothing');
  }

  #rebuild() {
    const { state } = this;
    if (!this.data) return;
    this.tree = transformed(this.data, { focus: state.get('focus'), hide: state.get('hide'), collapse: state.get('collapse') });
    const root = this.tree.findPath(state.get('zoom'));
    this.tree.search(state.get('search'));
    const empty = !(this.tree.width[0] > 0);
    this.parts.empty.hidden = !empty;
    if (empty) this.parts.empty.textContent = this.#emptyReason();
    this.view.setData(this.tree, { root });
    this.table.setData(this.tree);
    renderStatus(this.parts.status, this.tree, root, this.link);
    this.#showSandwich();
    this.#showTrail();
    this.#showFilters();
    this.#showFound();
    this.#legend();
  }

  #emptyReason() {
    const { state } = this;
    if (state.get('focus').length || state.get('hide').length) return 'No stack passes the filters. Remove one of them above.';
    return this.host.dataset.empty;
  }

  setScale(scale) {
    if (!this.data) return;
    this.data.setScale(scale);
    this.#rebuild();
  }

  #showSandwich() {
    const name = this.state.get('sandwich');
    const index = name ? nameIndex(this.tree, name) : -1;
    const wanted = index >= 0;
    this.parts.sandwich.hidden = !wanted;
    this.parts.graph.hidden = wanted || this.state.get('view') === 'table';
    this.parts.missing.hidden = !name || wanted;
    if (name && !wanted) this.parts.missing.textContent = `${name} is not in this selection.`;
    if (!wanted) {
      this.view.resize();
      return;
    }
    const { callers, callees } = sandwich(this.tree, index);
    this.parts.sandwichName.textContent = name;
    this.callersView.setData(callers);
    this.calleesView.setData(callees);
    for (const view of [this.callersView, this.calleesView]) view.search(this.state.get('search'));
    renderStatus(this.parts.status, callees, 0, this.link);
  }

  #showTrail() {
    renderTrail(this.parts.trail, this.tree, this.view.root, (node) => this.view.zoom(node));
  }

  #zoomed(view, node) {
    if (view !== this.view) return;
    this.#showTrail();
    this.#legend();
    renderStatus(this.parts.status, view.data, node, this.link);
    this.state.set({ zoom: view.data.pathKey(node) });
  }

  #showFilters() {
    const { state } = this;
    const chips = ['focus', 'hide'].flatMap((kind) => state.get(kind).map((text) => ({
      kind, text, clear: () => state.set({ [kind]: state.get(kind).filter((other) => other !== text) }),
    })));
    renderFilters(this.parts.filters, chips);
  }

  #search(query) {
    for (const view of this.#views()) view.search(query);
    this.table.render();
    this.#showFound();
  }

  #showFound() {
    const query = this.state.get('search');
    if (this.parts.search.value !== query) this.parts.search.value = query;
    const { found } = this.parts;
    if (!query || !this.tree) {
      found.textContent = '';
      return;
    }
    const result = this.tree.search(query);
    const value = formatValue(result.current, this.tree.unit);
    found.textContent = result.error || (result.frames ? `${formatShare(result.share)} · ${value}` : 'nothing found');
    found.title = `${result.frames} frames`;
  }

  #stateChanged(changed) {
    if (!this.data) return;
    const { state } = this;
    if (changed.has('dir')) this.view.setUpward(state.get('dir') === 'flame');
    if (changed.has('view') || changed.has('dir') || changed.has('collapse')) this.#applyLayout();
    if (TREE_FIELDS.some((field) => changed.has(field))) this.#rebuild();
    else if (changed.has('search')) this.#search(state.get('search'));
    if (changed.has('sort')) this.table.setSort(state.get('sort'));
    if (changed.has('zoom')) {
      const root = this.tree.findPath(state.get('zoom'));
      if (root !== this.view.root) this.view.zoom(root);
    }
  }

  #applyLayout() {
    const { state, parts } = this;
    const layout = state.get('view');
    parts.split.dataset.view = layout;
    parts.table.hidden = layout === 'graph';
    parts.graph.hidden = layout === 'table' || !parts.sandwich.hidden;
    for (const choice of this.host.querySelectorAll('[data-view-choice]')) {
      choice.setAttribute('aria-pressed', String(choice.dataset.viewChoice === layout));
    }
    parts.collapse.setAttribute('aria-pressed', String(state.get('collapse')));
    parts.flip.textContent = state.get('dir') === 'flame' ? 'Root on top' : 'Root at the bottom';
    for (const view of this.#views()) view.resize();
  }

  #connectTable() {
    const { table, state } = this;
    table.addEventListener('sort', ({ detail }) => state.set({ sort: detail.sort }));
    table.addEventListener('pick', ({ detail }) => {
      table.select(detail.name);
      state.set({ sandwich: this.tree.names[detail.name] });
    });
    table.addEventListener('menu', ({ detail }) => {
      const items = this.#nameItems(detail.name);
      openMenu(items, { x: detail.x, y: detail.y, label: this.tree.names[detail.name] });
    });
  }

  #connectTools() {
    const { parts, state, host } = this;
    let timer = 0;
    parts.search.value = state.get('search');
    parts.search.addEventListener('input', () => {
      clearTimeout(timer);
      timer = setTimeout(() => state.set({ search: parts.search.value }), TYPING_PAUSE_MS);
    });
    parts.search.addEventListener('keydown', (event) => this.#searchKey(event));
    parts.flip.addEventListener('click', () => state.set({ dir: state.get('dir') === 'flame' ? 'icicle' : 'flame' }));
    parts.collapse.addEventListener('click', () => state.set({ collapse: !state.get('collapse') }));
    parts.reset.addEventListener('click', () => state.set({ search: '', zoom: '', focus: [], hide: [], collapse: false, sandwich: '' }));
    parts.sandwichClose.addEventListener('click', () => state.set({ sandwich: '' }));
    for (const choice of host.querySelectorAll('[data-view-choice]')) {
      choice.addEventListener('click', () => state.set({ view: choice.dataset.viewChoice }));
    }
    for (const entry of host.querySelectorAll('[data-export]')) {
      entry.addEventListener('click', () => this.#export(entry.dataset.export));
    }
  }

  #searchKey(event) {
    if (event.key === 'Enter') {
      event.preventDefault();
      this.state.set({ search: this.parts.search.value });
      this.view.scroller.focus();
      this.view.scroller.dispatchEvent(new KeyboardEvent('keydown', { key: 'n', bubbles: false }));
    } else if (event.key === 'Escape') {
      this.parts.search.value = '';
      this.state.set({ search: '' });
    }
  }

  async #export(kind) {
    const name = this.host.dataset.fileName || 'flame-graph';
    const view = this.parts.sandwich.hidden ? this.view : this.calleesView;
    if (kind === 'png') download(await toPng(view), `${name}.png`);
    if (kind === 'svg') download(toSvg(view), `${name}.svg`, 'image/svg+xml');
    if (kind === 'folded') download(toFolded(this.tree), `${name}.folded.txt`, 'text/plain');
    this.host.querySelectorAll('details[open]').forEach((menu) => { menu.open = false; });
  }

  #frameMenu(view, { node, x, y }) {
    const { data } = view;
    if (node === 0 && view === this.view) return;
    const items = this.#nameItems(data.name[node]);
    items.splice(2, 0, { label: 'Copy the stack', run: () => this.#copy(data.path(node).map((i) => data.label(i)).join('\n')) });
    const href = this.link(data.file(node), data.line(node));
    if (href) items.unshift({ label: 'Open the source', href });
    openMenu(items, { x, y, label: data.label(node) });
  }

  #nameItems(nameId) {
    const { state, tree } = this;
    const name = tree.names[nameId];
    const add = (kind) => state.set({ [kind]: [...state.get(kind).filter((other) => other !== `=${name}`), `=${name}`] });
    return [
      { label: 'Callers and callees', hint: 's', run: () => state.set({ sandwich: name }) },
      { label: 'Copy the name', hint: 'c', run: () => this.#copy(name) },
      { label: 'Focus: only stacks through it', hint: 'f', run: () => add('focus') },
      { label: 'Hide: give its memory to its callers', hint: 'h', run: () => add('hide') },
      { label: 'Find everywhere', hint: 'm', run: () => state.set({ search: name }) },
    ];
  }

  async #copy(text) {
    this.view.say((await copyText(text)) ? 'Copied' : 'The browser does not allow copying here.');
  }

  /** Single keys, unless the reader is typing. */
  #shortcut(event) {
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName) || event.target.isContentEditable;
    if (typing || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || !this.data) return;
    const { parts, state, view } = this;
    const node = view.hovered >= 0 ? view.hovered : view.cursor;
    const [s, c, f, h, m] = node > 0 ? this.#nameItems(this.tree.name[node]).map(({ run }) => run) : [];
    const act = {
      s, c, f, h, m,
      '/': () => parts.search.focus(),
      i: () => parts.flip.click(),
      t: () => state.set({ view: { both: 'graph', graph: 'table', table: 'both' }[state.get('view')] ?? 'both' }),
      r: () => parts.collapse.click(),
      Escape: () => this.#escape(),
    }[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }

  #escape() {
    const { state } = this;
    if (state.get('sandwich')) state.set({ sandwich: '' });
    else if (this.view.root) this.view.zoom(0);
    else if (state.get('search')) state.set({ search: '' });
  }
}
