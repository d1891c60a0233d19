/** Selects of a page's selection bar that follow the state and change it without a reload. */

import { writePairs } from './flame_state.js';

/** Bind `<select name>` / `<input name>` elements inside `form` to the state's fields of the same name. */
export function bindControls(form, state) {
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
    state.set({ ...cleared, [target.name]: list ? [target.value].filter(Boolean) : target.value });
  });
  state.addEventListener('change', follow);
  follow();
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

/** Let the links to the service's other pages lead to what is shown here: `values` is { from, to, type }, `labels` pairs. */
export function leadLinks(values, labels) {
  for (const link of document.querySelectorAll('.tabs a:not([aria-current])')) {
    const url = new URL(link.href);
    writePairs(url.searchParams, 'label', labels);
    for (const [name, value] of Object.entries(values)) if (value) url.searchParams.set(name, value);
    link.href = url.href;
  }
}

/** Replace the options of a select, keeping "all" at the top and the present choice. */
export function fillOptions(select, options) {
  if (!select) return;
  const first = select.options[0];
  const chosen = select.value;
  const made = options.map(({ value, label }) => new Option(label, value));
  select.replaceChildren(first, ...made);
  if (chosen && !options.some(({ value }) => String(value) === chosen)) select.append(new Option(chosen, chosen));
  select.value = chosen;
}
