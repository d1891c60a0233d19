/** The flame graph page: one snapshot, a range, an instance or a release of a service. */

import { apiQuery, bindControls, fillOptions, leadLinks } from './flame_controls.js';
import { formatTime, formatValue } from './flame_format.js';
import { bindStateLabels } from './flame_labels.js';
import { Loader, fetchJson } from './flame_load.js';
import { FlamePanel, PANEL_FIELDS } from './flame_panel.js';
import { FlameSession, acceptFiles } from './flame_session.js';
import { PIN_ZONE_AFTER_MS, PageState } from './flame_state.js';
import { Timeline } from './flame_timeline.js';
import { WindowLoader } from './flame_window.js';

const SELECTION = ['from', 'to', 'type', 'instance', 'release', 'snapshot', 'granularity', 'label'];
const MAX_RATES = 5000;

const page = document.querySelector('[data-flame-page]');
const { api, viewUrl, from, to } = page.dataset;
const zone = document.documentElement.dataset.zone;
const state = new PageState([
  ...PANEL_FIELDS,
  { name: 'from', fallback: '' }, { name: 'to', fallback: '' },
  { name: 'type', fallback: page.dataset.type }, { name: 'instance', list: true }, { name: 'label', pairs: true }, { name: 'release', fallback: '' },
  { name: 'snapshot', fallback: '' }, { name: 'granularity', fallback: 'function' }, { name: 'tz', fallback: '' },
]);
const panel = new FlamePanel(page.querySelector('[data-flame-panel]'), state);
const session = new FlameSession(panel, () => `${api}/flame?${apiQuery(state, SELECTION, range())}`);
const timeline = new Timeline(page.querySelector('[data-timeline]'), {
  zone, label: 'Memory over time; drag to choose the range', selections: [{ key: 'shown', label: 'shown' }],
});
const banner = page.querySelector('[data-file-banner]');
const asked = new URLSearchParams(window.location.search);
const windows = new WindowLoader(api);
const rates = new Loader();
let opened = null;

/** The range as the API is asked for it. */
function range() {
  const { from: begin, to: end } = resolvedRange();
  return { from: String(begin), to: String(end) };
}

async function showWindow() {
  const { from: begin, to: end } = resolvedRange();
  timeline.setSelection('shown', begin, end);
  try {
    const shown = await windows.load(begin, end, apiQuery(state, ['instance', 'label']));
    if (!shown) return;
    timeline.show(shown);
    fillOptions(page.querySelector('select[name=snapshot]'), shown.snapshots.map(({ id, ts, label }) => ({ value: id, label: `${formatTime(ts, zone)} ${label}` })));
  } catch (error) {
    if (!error.cancelled) page.querySelector('[data-window-error]').textContent = `The timeline is missing: ${error.message}`;
  }
}

/** The range in seconds: the one that was dragged, else the one that the server read from the address. */
function resolvedRange() {
  const begin = Number(state.get('from'));
  const end = Number(state.get('to'));
  return begin && end ? { from: begin, to: end } : { from: Number(from), to: Number(to) };
}

function showMeta(data) {
  const { meta, unit } = data;
  const words = [];
  if (meta.from) words.push(`${formatTime(meta.from, zone, { seconds: false })} – ${formatTime(meta.to, zone, { seconds: false })}`);
  words.push(`${formatValue(data.current[0] ?? 0, unit)} in all`);
  page.querySelector('[data-meta]').textContent = words.join(' · ');
  if (meta.sample_types) {
    const select = page.querySelector('select[name=type]');
    const chosen = meta.sample_type ?? select.value;
    select.replaceChildren(...meta.sample_types.map((name) => new Option(name.replaceAll('_', ' '), name)));
    select.value = chosen;
  }
  const pprof = panel.parts.pprof;
  if (pprof) pprof.href = `${api}/pprof?${apiQuery(state, SELECTION, range())}`;
}

async function loadRates() {
  if (state.get('snapshot')) return;
  const query = apiQuery(state, SELECTION, { ...range(), by: 'function', limit: String(MAX_RATES) });
  try {
    const found = await rates.run((signal) => fetchJson(`${api}/growth?${query}`, { signal }));
    if (found) panel.table.setRates(new Map(found.functions.map((each) => [each.function, { perHour: each.per_hour }])));
  } catch {
    panel.table.setRates(null); // the column stays empty: the graph does not depend on it
  }
}

/** Show a file of the reader's; its own default sample type comes first. */
function showFile(file, type = '') {
  opened = file;
  banner.hidden = false;
  banner.querySelector('[data-file-name]').textContent = file.name;
  panel.table.setRates(null);
  session.open(file, `${viewUrl}?${new URLSearchParams({ type, granularity: state.get('granularity') })}`);
}

function leaveFile() {
  opened = null;
  banner.hidden = true;
  load();
}

banner.querySelector('[data-file-close]').addEventListener('click', leaveFile);
/** What is drawn and the timeline above it load side by side; a service without profiles has nothing to draw yet. */
function load() {
  leadLinks({ ...range(), type: state.get('type') }, state.get('label'));
  if (!state.get('from') && !asked.has('last') && !state.get('snapshot')) state.pin({ from, to });
  showWindow();
  if (page.dataset.stored) session.load();
  else panel.showNothing();
}

session.addEventListener('loaded', ({ detail }) => {
  showMeta(detail.data);
  if (!opened) loadRates();
});
timeline.addEventListener('select', ({ detail }) => state.set({ from: String(detail.from), to: String(detail.to), snapshot: '' }));
timeline.addEventListener('pick', ({ detail }) => state.set({ snapshot: detail.snapshot }));
bindControls(page.querySelector('[data-controls]'), state);
bindStateLabels(page.querySelector('[data-labels=label]'), api, state, 'label');
acceptFiles(page.querySelector('[data-open-file]'), (file) => showFile(file));
setTimeout(() => state.pin({ tz: zone }), PIN_ZONE_AFTER_MS);
state.addEventListener('change', ({ detail }) => {
  if (!SELECTION.some((name) => detail.changed.has(name))) return;
  const sameFile = opened && [...detail.changed].every((name) => name === 'type' || name === 'granularity');
  if (sameFile) showFile(opened, state.get('type'));
  else leaveFile();
});
load();
