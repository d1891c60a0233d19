/** The flame graph page: one snapshot, a range, an instance or a release of a service. */

import { apiQuery, bindControls, bindPresets, fillOptions, leadLinks } from './flame_controls.js';
import { formatTime, formatValue } from './flame_format.js';
import { bindStateLabels } from './flame_labels.js';
import { Loader, fetchJson } from './flame_load.js';
import { FlamePanel, PANEL_FIELDS } from './flame_panel.js';
import { FlameSession, acceptFiles, lostSnapshot } from './flame_session.js';
import { PLACE_FIELDS, PageState, pinPlace } from './flame_state.js';
import { Timeline } from './flame_timeline.js';
import { WindowLoader, knownSpan } from './flame_window.js';

const SELECTION = ['from', 'to', 'type', 'instance', 'release', 'snapshot', 'granularity', 'label'];
const MAX_RATES = 5000;

const page = document.querySelector('[data-flame-page]');
const { api, viewUrl, from, to } = page.dataset;
const zone = document.documentElement.dataset.zone;
const state = new PageState([
  ...PANEL_FIELDS,
  { name: 'from', fallback: '' }, { name: 'to', fallback: '' }, { name: 'last', fallback: '' },
  { name: 'type', fallback: page.dataset.type }, { name: 'instance', list: true }, { name: 'label', pairs: true }, { name: 'release', fallback: '' },
  { name: 'snapshot', fallback: '' }, { name: 'granularity', fallback: 'function' }, ...PLACE_FIELDS,
]);
const panel = new FlamePanel(page.querySelector('[data-flame-panel]'), state);
const session = new FlameSession(panel, () => `${api}/flame?${apiQuery(state, SELECTION, range())}`, { wayOut: lostSnapshot(state, ['snapshot']) });
const timeline = new Timeline(page.querySelector('[data-timeline]'), {
  zone, label: 'Memory over time; drag to choose the range', selections: [{ key: 'shown', label: 'shown' }],
});
const banner = page.querySelector('[data-file-banner]');
const asked = new URLSearchParams(window.location.search);
const windows = new WindowLoader(api, knownSpan(page.dataset));
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
  timeline.choose({ shown: state.get('snapshot') });
  try {
    const shown = await windows.load(begin, end, apiQuery(state, ['instance', 'label']));
    if (shown) {
      timeline.show(shown);
      const options = shown.snapshots.map(({ id, ts, label, pinned }) => ({ value: id, label: `${pinned ? '★ ' : ''}${formatTime(ts, zone)} ${label}` }));
      fillOptions(page.querySelector('select[name=snapshot]'), options);
    }
    offerPin();
  } catch (error) {
    if (!error.cancelled) page.querySelector('[data-window-error]').textContent = `The timeline is missing: ${error.message}`;
  }
}

/** A chosen snapshot can be pinned, a pinned one let go; the page comes back as it is. */
function offerPin() {
  const form = page.querySelector('[data-pin]');
  if (!form) return;
  const chosen = state.get('snapshot');
  const isPinned = page.querySelector('select[name=snapshot]').selectedOptions[0]?.textContent.startsWith('★') ?? false;
  form.hidden = !chosen;
  form.elements.snapshot.value = chosen;
  form.elements.next.value = state.href();
  form.elements.action.value = isPinned ? 'unpin' : 'pin';
  form.elements.action.textContent = isPinned ? '★ Unpin this snapshot' : '★ Pin this snapshot';
}

/** The range in seconds: the one that was dragged, else the one that the server read from the address. */
function resolvedRange() {
  const begin = Number(state.get('from'));
  const end = Number(state.get('to'));
  return begin && end ? { from: begin, to: end } : { from: Number(from), to: Number(to) };
}

/** Unix seconds of a snapshot, which its id names in microseconds. */
function snapshotTime(id) {
  return Number(id.split('-')[1]) / 1e6;
}

function showMeta(data) {
  const { meta, unit } = data;
  const words = [];
  if (state.get('snapshot') && !session.file) words.push(`snapshot of ${formatTime(snapshotTime(state.get('snapshot')), zone)}`);
  else if (meta.from) words.push(`${formatTime(meta.from, zone, { seconds: false })} – ${formatTime(meta.to, zone, { seconds: false })}`);
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
  const query = apiQuery(state, SELECTION.filter((name) => name !== 'snapshot'), { ...range(), by: 'function', limit: String(MAX_RATES) });
  try {
    const found = await rates.run((signal) => fetchJson(`${api}/growth?${query}`, { signal }));
    if (found) panel.table.setRates(new Map(found.functions.map((each) => [each.function, { perHour: each.per_hour }])));
  } catch {
    panel.table.setRates(null); // the column stays empty: the graph does not depend on it
  }
}

/** Show a file of the reader's; its own default sample type comes first, and what was looked for elsewhere is left behind. */
function showFile(file, type = '') {
  const fresh = () => { if (file !== opened) state.set({ search: '', zoom: '', focus: [], hide: [], sandwich: '' }); };
  session.open(file, `${viewUrl}?${new URLSearchParams({ type, granularity: state.get('granularity') })}`, fresh);
}

function showBanner(file) {
  opened = file;
  banner.hidden = !file;
  if (!file) return;
  banner.querySelector('[data-file-name]').textContent = file.name;
  panel.table.setRates(null);
}

function leaveFile() {
  showBanner(null);
  load();
}

banner.querySelector('[data-file-close]').addEventListener('click', leaveFile);
/** What is drawn and the timeline above it load side by side; a service without profiles has nothing to draw yet. */
function load() {
  leadLinks({ ...range(), type: state.get('type') }, state.get('label'), state.get('instance'));
  if (!state.get('from') && !asked.has('last') && !state.get('snapshot')) state.pin({ from, to });
  showWindow();
  if (page.dataset.stored) session.load();
  else panel.showNothing();
}

session.addEventListener('loaded', ({ detail }) => {
  showBanner(detail.file);
  showMeta(detail.data);
  if (!opened) loadRates();
});
timeline.addEventListener('select', ({ detail }) => state.set({ from: String(detail.from), to: String(detail.to), last: '', snapshot: '' }));
timeline.addEventListener('pick', ({ detail }) => state.set({ snapshot: detail.snapshot }));
bindControls(page.querySelector('[data-controls]'), state, range);
bindStateLabels(page.querySelector('[data-labels=label]'), api, state, 'label');
bindPresets(page.querySelector('[data-presets]'), state);
acceptFiles(page.querySelector('[data-open-file]'), (file) => showFile(file));
pinPlace(state, range);
state.addEventListener('change', ({ detail }) => {
  if (!SELECTION.some((name) => detail.changed.has(name))) return;
  const sameFile = opened && [...detail.changed].every((name) => name === 'type' || name === 'granularity');
  if (sameFile) showFile(opened, state.get('type'));
  else leaveFile();
});
load();
