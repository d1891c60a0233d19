/** Selects of a page's selection bar that follow the state and change it without a reload. */

/** Bind `<select name>` / `<input name>` elements inside `form` to the state's fields of the same name. */
export function bindControls(form, state) {
  const controls = Array.from(form.elements).filter((control) => control.name && state.fields.has(control.name));
  const follow = () => controls.forEach((control) => {
    const value = state.get(control.name);
    control.value = Array.isArray(value) ? (value[0] ?? '') : value;
  });
  form.addEventListener('submit', (event) => event.preventDefault());
  form.addEventListener('change', ({ target }) => {
    if (!state.fields.has(target.name)) return;
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
    if (Array.isArray(value)) value.forEach((item) => query.append(name, item));
    else if (value !== '') query.set(name, value);
  }
  for (const [name, value] of new URLSearchParams(window.location.search)) {
    if (name === 'project' || name.startsWith('label.') || name.startsWith('base_label.')) query.append(name, value);
  }
  for (const [name, value] of Object.entries(resolved)) query.set(name, value);
  return query;
}

/** Let the links to the service's other pages lead to what is shown here: `values` is { from, to, type }. */
export function leadLinks(values) {
  for (const link of document.querySelectorAll('.tabs a:not([aria-current])')) {
    const url = new URL(link.href);
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
