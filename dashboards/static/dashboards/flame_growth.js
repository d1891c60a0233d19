/** The growth page: draws the stacked area; a click on a band opens the site's flame graph. */

import { draw } from './chart.js';
import { bindLabels } from './flame_labels.js';
import { writePairs } from './flame_state.js';

const source = document.getElementById('growth-figure');
const form = document.querySelector('[data-growth-form]');

const labels = form.querySelector('[data-labels=label]');
const inForce = Array.from(labels.querySelectorAll('[data-pair]'), (chip) => chip.dataset.pair);
bindLabels(labels, form.dataset.api, {
  get: () => inForce,
  set: (pairs) => {
    const url = new URL(window.location.href);
    url.searchParams.delete('label');
    writePairs(url.searchParams, 'label', pairs);
    window.location.assign(url);
  },
});

form.addEventListener('change', ({ target }) => {
  if (target.name === 'last' && target.value) {
    form.querySelectorAll('input[name=from], input[name=to]').forEach((field) => field.remove());
  }
  form.requestSubmit();
});

form.addEventListener('formdata', ({ formData }) => {
  for (const [name, value] of [...formData]) if (!value) formData.delete(name);  // the address holds what was chosen
});

document.addEventListener('permalink', ({ detail }) => {
  detail.set('from', form.dataset.from);
  detail.set('to', form.dataset.to);
  detail.delete('last');
});

if (source) {
  const links = Array.from(document.querySelectorAll('.growth-card .growth-name'), (link) => link.href);
  const chart = await draw(document.getElementById('growth-chart'), JSON.parse(source.textContent));
  chart.on('plotly_click', ({ points }) => {
    const link = links[points[0].curveNumber];
    if (link) window.location.assign(link);
  });
}
