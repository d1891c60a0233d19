/** Selects of a page's selection bar that follow the state and change it without a reload. */

import { writePairs } from './flame_state.js';

const NOTED_EVERY_SECONDS = 600; // how finely the server notes until when a release ran

/**
 * Bind `<select name>` / `<input name>` elements inside `form` to the state's fields of the same name; `ranges()` are the
 * ranges that are shown, by field: a release that did not run in its side's range brings its own.
 */
export function bindControls(form, state, ranges) {
  const bound = (control) => control.name && state.fields.has(control.name) && !state.fields.get(control.name).pairs;
  const controls = Array.from(form.elements).filter(bound);
  const follow = () => controls.forEach((control) => {
    const value = state.get(control.name);
    control.value = Array.isArray(value) ? (value[0] ?? '') : value;
  });
  form.addEventListener('submit', (event) => event.preventDefault());
  form.addEventListener('change', ({ target }) => {
    if (!bound(target)) return;
    const { list, clears = [] } = state.fields.get(target.name);
    const cleared = Object.fromEntries(clears.map((name) => [name, '']));
    state.set({ ...cleared, ...rangeOfRelease(target, ranges()), [target.name]: list ? [target.value].filter(Boolean) : target.value });
  });
  state.addEventListener('change', follow);
  follow();
}

/** The range in which a chosen release ran, if it is not within the one that is shown; else nothing to change. */
function rangeOfRelease({ name, selectedOptions }, shown) {
  const { first, last } = selectedOptions?.[0]?.dataset ?? {};
  if (!first) return {};
  const side = name.startsWith('base_') ? 'base_' : '';
  const [from, to] = [Number(shown[`${side}from`]), Number(shown[`${side}to`])];
  if (Number(first) < to && Number(last) + NOTED_EVERY_SECONDS > from) return {};
  return { [`${side}from`]: first, [`${side}to`]: String(Number(last) + NOTED_EVERY_SECONDS), [`${side}snapshot`]: '' };
}

/** The part of the state that the API reads, as a query string; `resolved` wins over what the address says. */
export function apiQuery(state, names, resolved = {}) {
  const query = new URLSearchParams();
  for (const name of names) {
    const value = state.get(name);
    if (state.fields.get(name)?.pairs) writePairs(query, name, value);
    else if (Array.isArray(value)) value.forEach((item) => query.append(name, item));
    else if (value !== '') query.set(name, value);
  }
  const project = new URLSearchParams(window.location.search).get('project');
  if (project) query.set('project', project);
  for (const [name, value] of Object.entries(resolved)) query.set(name, value);
  return query;
}

/**
 * Let the links to the service's other pages lead to what is shown here: `values` is { from, to, type }, `labels` pairs;
 * the comparison takes labels and instances on both its sides.
 */
export function leadLinks(values, labels, instances) {
  for (const link of document.querySelectorAll('.tabs a:not([aria-current])')) {
    const url = new URL(link.href);
    const query = url.searchParams;
    for (const side of url.pathname.endsWith('/compare/') ? ['', 'base_'] : ['']) {
      writePairs(query, `${side}label`, labels);
      query.delete(`${side}instance`);
      for (const one of instances) query.append(`${side}instance`, one);
    }
    for (const [name, value] of Object.entries(values)) if (value) query.set(name, value);
    link.href = url.href;
  }
}

/** Replace the options of a select, keeping "all" at the top, what is pinned, and the present choice. */
export function fillOptions(select, options) {
  if (!select) return;
  const first = select.options[0];
  const chosen = select.value;
  const offered = new Set(options.map(({ value }) => String(value)));
  const pinned = Array.from(select.options).filter((option) => 'pinned' in option.dataset && !offered.has(option.value));
  const made = options.map(({ value, label }) => new Option(label, value));
  select.replaceChildren(first, ...pinned, ...made);
  if (chosen && !Array.from(select.options).some(({ value }) => value === chosen)) select.append(new Option(chosen, chosen));
  select.value = chosen;
}

/** Ranges that end now, without a reload: links that say their length in seconds. */
export function bindPresets(host, state) {
  host?.addEventListener('click', (event) => {
    const link = event.target.closest('[data-seconds]');
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const now = Math.round(Date.now() / 1000);
    state.set({ from: String(now - Number(link.dataset.seconds)), to: String(now), last: '', snapshot: '' });
  });
}
