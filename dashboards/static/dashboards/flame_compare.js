/** The comparison page: two snapshots, two ranges or two releases, side by side in one tree. */

import { apiQuery, bindControls, fillOptions, leadLinks } from './flame_controls.js';
import { formatChange, formatDelta, formatTime, formatValue } from './flame_format.js';
import { bindStateLabels } from './flame_labels.js';
import { FlamePanel, PANEL_FIELDS } from './flame_panel.js';
import { FlameSession, lostSnapshot } from './flame_session.js';
import { PLACE_FIELDS, PageState, pinPlace } from './flame_state.js';
import { Timeline } from './flame_timeline.js';
import { WindowLoader, knownSpan } from './flame_window.js';

const SIDE = ['from', 'to', 'instance', 'release', 'snapshot', 'label'];
const BASE = SIDE.map((name) => `base_${name}`);
const SELECTION = ['type', 'granularity', ...SIDE, ...BASE];

const page = document.querySelector('[data-compare-page]');
const { api } = page.dataset;
const zone = document.documentElement.dataset.zone;
const one = (name) => ({ name, fallback: '' });
const state = new PageState([
  ...PANEL_FIELDS,
  { name: 'type', fallback: page.dataset.type }, { name: 'granularity', fallback: 'function' },
  { name: 'normalise', fallback: 'none' },
  ...PLACE_FIELDS, one('from'), one('to'), one('release'), one('snapshot'), { name: 'instance', list: true },
  one('base_from'), one('base_to'), one('base_release'), one('base_snapshot'), { name: 'base_instance', list: true },
  { name: 'label', pairs: true }, { name: 'base_label', pairs: true },
]);
const panel = new FlamePanel(page.querySelector('[data-flame-panel]'), state);
const session = new FlameSession(panel, () => `${api}/diff?${apiQuery(state, SELECTION, ranges())}`, { wayOut: lostSnapshot(state, ['snapshot', 'base_snapshot']) });
const timeline = new Timeline(page.querySelector('[data-timeline]'), {
  zone, label: 'Memory over time; drag either selection',
  selections: [{ key: 'base', label: 'before' }, { key: 'current', label: 'now' }],
});
const windows = new WindowLoader(api, knownSpan(page.dataset));

/** The four ends as the API is asked for them: as dragged, else as the server read them from the address. */
function ranges() {
  const own = page.dataset;
  const seconds = (name, fallback) => (Number(state.get(name)) ? state.get(name) : fallback);
  return {
    from: seconds('from', own.from), to: seconds('to', own.to),
    base_from: seconds('base_from', own.baseFrom), base_to: seconds('base_to', own.baseTo),
  };
}

function scaleOf(data) {
  const { load } = data.meta;
  const wanted = state.get('normalise');
  if (wanted === 'total' && data.baseline[0]) return data.current[0] / data.baseline[0];
  if (wanted === 'load' && load?.baseline > 0 && load.current > 0) return load.current / load.baseline;
  return 1;
}

function applyScale() {
  const data = panel.data;
  if (!data) return;
  const scale = scaleOf(data);
  panel.setScale(scale);
  showMeta(data, scale);
}

function showMeta(data, scale) {
  const { unit } = data;
  const after = data.current[0] ?? 0;
  const before = scale * (data.baseline[0] ?? 0);
  page.querySelector('[data-change]').textContent = `${formatDelta(after - before, unit)} (${formatChange(after, before)})`;
  page.querySelector('[data-now]').textContent = formatValue(after, unit);
  page.querySelector('[data-before]').textContent = formatValue(before, unit);
  const { load } = data.meta;
  const note = page.querySelector('[data-scale-note]');
  if (state.get('normalise') === 'load' && !(load?.baseline > 0 && load.current > 0)) {
    note.textContent = 'No requests were counted in one of the two ranges, so they cannot be compared by load.';
  } else {
    note.textContent = scale === 1 ? '' : `The baseline is multiplied by ${scale.toFixed(2)}.`;
  }
}

async function showWindow() {
  const [begin, end, baseBegin, baseEnd] = Object.values(ranges()).map(Number);
  timeline.setSelection('current', begin, end);
  timeline.setSelection('base', baseBegin, baseEnd);
  timeline.choose({ current: state.get('snapshot'), base: state.get('base_snapshot') });
  showTimes();
  try {
    const shown = await windows.load(Math.min(begin, baseBegin), Math.max(end, baseEnd), apiQuery(state, []));
    if (!shown) return;
    timeline.show(shown);
    const options = shown.snapshots.map(({ id, ts, label, pinned }) => ({ value: id, label: `${pinned ? '★ ' : ''}${formatTime(ts, zone)} ${label}` }));
    for (const name of ['snapshot', 'base_snapshot']) fillOptions(page.querySelector(`select[name=${name}]`), options);
    showTimes();
  } catch (error) {
    if (!error.cancelled) page.querySelector('[data-window-error]').textContent = `The timeline is missing: ${error.message}`;
  }
}

/** From when to when either side reaches, or of when its snapshot is. */
function showTimes() {
  for (const [key, field] of [['base', 'base_snapshot'], ['current', 'snapshot']]) {
    const chosen = page.querySelector(`select[name=${field}]`).selectedOptions[0];
    page.querySelector(`[data-when=${key}]`).textContent = state.get(field) && chosen ? chosen.textContent : timeline.describe(key);
  }
}

function swap() {
  const resolved = ranges();
  state.set({
    from: resolved.base_from, to: resolved.base_to, base_from: resolved.from, base_to: resolved.to,
    ...Object.fromEntries(['instance', 'release', 'snapshot', 'label'].flatMap((name) => [
      [name, state.get(`base_${name}`)], [`base_${name}`, state.get(name)],
    ])),
  });
}

/** Presets of the baseline, in seconds before the current range; "same" is the range just before it. */
function preset(kind) {
  const [from, to] = Object.values(ranges()).map(Number);
  const shift = kind === 'same' ? to - from : Number(kind);
  state.set({
    from: String(from), to: String(to), base_from: String(from - shift), base_to: String(to - shift),
    base_snapshot: '', base_release: '',
  });
}

function load() {
  const { from, to, base_from: baseFrom, base_to: baseTo } = ranges();
  leadLinks({ from: Math.min(from, baseFrom), to: Math.max(to, baseTo), type: state.get('type') }, state.get('label'), state.get('instance'));
  if (!state.get('base_from')) state.pin(ranges());
  showWindow();
  if (page.dataset.stored) session.load();
  else panel.showNothing();
}

session.addEventListener('loaded', ({ detail }) => {
  const { data } = detail;
  const scale = scaleOf(data);
  if (scale !== 1) panel.setScale(scale);
  showMeta(data, scale);
});
timeline.addEventListener('select', ({ detail }) => {
  const prefix = detail.key === 'base' ? 'base_' : '';
  state.set({ [`${prefix}from`]: String(detail.from), [`${prefix}to`]: String(detail.to), [`${prefix}snapshot`]: '' });
});
timeline.addEventListener('pick', ({ detail }) => {
  state.set({ [detail.key === 'base' ? 'base_snapshot' : 'snapshot']: detail.snapshot });
});
page.querySelector('[data-swap]').addEventListener('click', swap);
for (const button of page.querySelectorAll('[data-preset]')) {
  button.addEventListener('click', () => preset(button.dataset.preset));
}
page.querySelector('[data-pinned-baseline]')?.addEventListener('click', ({ currentTarget }) => state.set({ base_snapshot: currentTarget.dataset.pinnedBaseline, base_release: '' }));
pinPlace(state, ranges);
bindControls(page.querySelector('[data-controls]'), state, ranges);
for (const name of ['label', 'base_label']) bindStateLabels(page.querySelector(`[data-labels=${name}]`), api, state, name);
state.addEventListener('change', ({ detail }) => {
  if (SELECTION.some((name) => detail.changed.has(name))) load();
  else if (detail.changed.has('normalise')) applyScale();
});
load();
