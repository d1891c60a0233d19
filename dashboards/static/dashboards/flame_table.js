/**
 * The graph's twin for reading: functions with flat, cumulative and growth, sortable, by keyboard too.
 *
 * Events: "pick" { name } (a function was chosen), "menu" { name, x, y }, "sort" { sort } (such as "-cumulative").
 */

import { formatChange, formatDelta, formatRate, formatShare, formatValue } from './flame_format.js';
import { shortName } from './flame_names.js';
import { functionTable } from './flame_transform.js';

const FIRST_ROWS = 100;
const MORE_ROWS = 300;

const PLAIN = [
  { key: 'function', label: 'Function', text: true },
  { key: 'flat', label: 'Flat', title: 'Allocated by the function itself' },
  { key: 'cumulative', label: 'Cumulative', title: 'Allocated by the function and everything it calls' },
  { key: 'growth', label: 'Growth', title: 'Change per hour over the chosen range' },
];
const DIFF = [
  { key: 'function', label: 'Function', text: true },
  { key: 'growth', label: 'Change', title: 'Cumulative now minus cumulative before' },
  { key: 'flatGrowth', label: 'Flat change', title: 'Flat now minus flat before' },
  { key: 'before', label: 'Before', title: 'Cumulative in the baseline' },
  { key: 'cumulative', label: 'Now', title: 'Cumulative in the current profile' },
];

export class FlameTable extends EventTarget {
  constructor(host, { label = 'Functions', sort = '' } = {}) {
    super();
    this.host = host;
    this.label = label;
    this.sort = sort;
    this.rates = null;
    this.selected = -1;
    this.limit = FIRST_ROWS;
  }

  setData(data) {
    this.data = data;
    this.columns = data.isDiff ? DIFF : PLAIN;
    this.values = columnValues(data, functionTable(data), this.rates);
    this.rows = Array.from(this.values.rows);
    this.limit = FIRST_ROWS;
    if (!this.columns.some(({ key }) => key === this.sort.slice(1))) this.sort = data.isDiff ? '-growth' : '-cumulative';
    this.render();
  }

  /** Growth per hour by function: Map(name → { perHour, low, high }). */
  setRates(rates) {
    this.rates = rates;
    if (!this.data || this.data.isDiff) return;
    this.values = columnValues(this.data, functionTable(this.data), rates);
    this.render();
  }

  setSort(sort) {
    if (!sort || sort === this.sort) return;
    this.sort = sort;
    if (this.data) this.render();
  }

  /** Mark the row of a function (without moving the focus). */
  select(nameId) {
    if (nameId === this.selected) return;
    this.selected = nameId;
    this.body?.querySelectorAll('tr[aria-selected=true]').forEach((row) => row.setAttribute('aria-selected', 'false'));
    const row = this.body?.querySelector(`tr[data-name="${nameId}"]`);
    row?.setAttribute('aria-selected', 'true');
  }

  ordered() {
    const key = this.sort.slice(1);
    const sign = this.sort.startsWith('-') ? -1 : 1;
    const { data } = this;
    const shown = data.hit ? this.rows.filter((k) => data.hit[k]) : this.rows;
    if (key === 'function') return shown.toSorted((a, b) => sign * data.names[a].localeCompare(data.names[b]));
    const column = this.values[key];
    const rank = (k) => (Number.isNaN(column[k]) ? -Infinity : column[k]);
    return shown.toSorted((a, b) => sign * (rank(a) - rank(b)) || this.values.cumulative[b] - this.values.cumulative[a]);
  }

  render() {
    const order = this.ordered();
    const table = document.createElement('table');
    table.className = 'flame-table';
    table.setAttribute('aria-label', this.label);
    table.setAttribute('aria-rowcount', order.length + 1);
    table.append(this.#head(), this.#rows(order));
    const parts = [table];
    if (!order.length) parts.push(paragraph(this.data.hit ? 'No function matches the search.' : 'No functions in this selection.'));
    if (order.length > this.limit) parts.push(this.#more(order.length));
    this.host.replaceChildren(...parts);
  }

  #head() {
    const head = document.createElement('thead');
    const row = head.insertRow();
    for (const column of this.columns) {
      const cell = document.createElement('th');
      cell.scope = 'col';
      if (!column.text) cell.className = 'number';
      const active = this.sort.slice(1) === column.key;
      const descending = this.sort.startsWith('-');
      cell.setAttribute('aria-sort', active ? (descending ? 'descending' : 'ascending') : 'none');
      const button = document.createElement('button');
      button.type = 'button';
      button.textContent = column.label;
      if (column.title) button.title = column.title;
      button.addEventListener('click', () => this.#sortBy(column, active, descending));
      cell.append(button);
      row.append(cell);
    }
    return head;
  }

  #sortBy(column, active, descending) {
    const direction = active ? !descending : !column.text;
    this.sort = `${direction ? '-' : '+'}${column.key}`;
    this.render();
    this.host.querySelectorAll('th button')[this.columns.indexOf(column)].focus();
    this.dispatchEvent(new CustomEvent('sort', { detail: { sort: this.sort } }));
  }

  #rows(order) {
    const body = document.createElement('tbody');
    const count = Math.min(order.length, this.limit);
    for (let position = 0; position < count; position += 1) body.append(this.#row(order[position], position));
    body.addEventListener('click', (event) => this.#pick(event));
    body.addEventListener('keydown', (event) => this.#key(event));
    body.addEventListener('contextmenu', (event) => this.#menu(event));
    this.body = body;
    return body;
  }

  #row(nameId, position) {
    const row = document.createElement('tr');
    row.dataset.name = nameId;
    row.tabIndex = position === 0 ? 0 : -1;
    row.setAttribute('aria-rowindex', position + 2);
    row.setAttribute('aria-selected', String(nameId === this.selected));
    for (const column of this.columns) row.append(this.#cell(column, nameId));
    return row;
  }

  #cell(column, nameId) {
    const { data, values } = this;
    const cell = document.createElement(column.text ? 'th' : 'td');
    if (column.text) {
      cell.scope = 'row';
      cell.append(nameCell(data, nameId));
      return cell;
    }
    cell.className = 'number';
    const value = values[column.key][nameId];
    const isChange = column.key === 'growth' || column.key === 'flatGrowth';
    if (!isChange) {
      cell.append(formatValue(value, data.unit));
      if (!data.isDiff) cell.append(small(formatShare(data.current[0] ? value / data.current[0] : 0)));
      return cell;
    }
    if (Number.isNaN(value)) {
      cell.append('–');
      return cell;
    }
    cell.classList.add(value > 0 ? 'grows' : value < 0 ? 'shrinks' : 'steady');
    cell.append(data.isDiff ? formatDelta(value, data.unit) : formatRate(value, data.unit));
    if (column.key === 'growth' && data.isDiff) cell.append(small(formatChange(values.cumulative[nameId], values.before[nameId])));
    return cell;
  }

  #more(total) {
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'flame-more';
    button.textContent = `Show more (${this.limit} of ${total})`;
    button.addEventListener('click', () => {
      const next = this.limit;
      this.limit += MORE_ROWS;
      this.render();
      this.body.rows[next]?.focus();
    });
    return button;
  }

  #pick(event) {
    const row = event.target.closest('tr');
    if (row) this.#tell('pick', row, event);
  }

  #menu(event) {
    const row = event.target.closest('tr');
    if (!row) return;
    event.preventDefault();
    this.#tell('menu', row, event);
  }

  #tell(type, row, event) {
    const box = row.getBoundingClientRect();
    const detail = {
      name: Number(row.dataset.name), x: event.clientX || box.left + 24, y: event.clientY || box.bottom,
    };
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  #key(event) {
    const row = event.target.closest('tr');
    if (!row || event.ctrlKey || event.metaKey || event.altKey) return;
    const rows = Array.from(this.body.rows);
    const here = rows.indexOf(row);
    const target = {
      ArrowDown: rows[here + 1], ArrowUp: rows[here - 1], Home: rows[0], End: rows.at(-1),
      PageDown: rows[Math.min(rows.length - 1, here + 10)], PageUp: rows[Math.max(0, here - 10)],
    }[event.key];
    if (target) {
      row.tabIndex = -1;
      target.tabIndex = 0;
      target.focus();
    } else if (event.key === 'Enter' || event.key === ' ') {
      this.#tell('pick', row, event);
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }
}

function columnValues(data, table, rates) {
  const { scale } = data;
  const values = { rows: table.rows, flat: table.flat, cumulative: table.cumulative };
  if (data.isDiff) {
    values.before = table.cumulativeBefore.map((value) => value * scale);
    values.growth = table.cumulative.map((value, k) => value - values.before[k]);
    values.flatGrowth = table.flat.map((value, k) => value - scale * table.flatBefore[k]);
  } else {
    values.growth = Float64Array.from(data.names, (name) => rates?.get(name)?.perHour ?? NaN);
  }
  return values;
}

function nameCell(data, nameId) {
  const box = document.createElement('div');
  box.className = 'flame-name';
  const name = document.createElement('span');
  name.textContent = shortName(data.names[nameId]);
  name.title = data.names[nameId];
  box.append(name);
  const file = data.files[data.fileOf[nameId]] ?? '';
  if (file) {
    const line = data.lineOf[nameId];
    const shown = small(`${file.split('/').slice(-2).join('/')}${line ? `:${line}` : ''}`);
    shown.title = line ? `${file}:${line}` : file;
    box.append(shown);
  }
  return box;
}

function small(text) {
  const made = document.createElement('small');
  made.textContent = text;
  return made;
}

function paragraph(text) {
  const made = document.createElement('p');
  made.className = 'flame-empty';
  made.textContent = text;
  return made;
}
