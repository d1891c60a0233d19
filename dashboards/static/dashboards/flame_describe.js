/** One frame in words: for the tooltip, the status line, the screen reader and the exported picture. */

import { formatChange, formatDelta, formatShare, formatValue } from './flame_format.js';

/** File and line as they are shown, or ''. */
export function place(data, node) {
  const file = data.file(node);
  const line = data.line(node);
  return file ? (line ? `${file}:${line}` : file) : '';
}

/** The numbers of one frame, as label/value pairs. */
export function figures(data, node) {
  const { unit, current, baseline, scale } = data;
  const share = (side, factor = 1) => formatShare(side[0] ? (side[node] * factor) / (side[0] * factor) : 0);
  if (!baseline) {
    return [
      ['cumulative', `${formatValue(current[node], unit)} (${share(current)})`],
      ['flat', formatValue(data.own(node), unit)],
    ];
  }
  const before = scale * baseline[node];
  return [
    ['change', `${formatDelta(data.delta(node), unit)} (${formatChange(current[node], before)})`],
    ['now', `${formatValue(current[node], unit)} (${share(current)})`],
    ['before', `${formatValue(before, unit)} (${share(baseline, scale)})`],
    ['flat change', formatDelta(data.own(node) - scale * data.own(node, 'baseline'), unit)],
  ];
}

/** One sentence. */
export function describe(data, node) {
  if (!data.nodes) return 'No frames';
  const where = place(data, node);
  const numbers = figures(data, node).map(([label, value]) => `${label} ${value}`).join(', ');
  return `${data.label(node)}${where ? `, ${where}` : ''}: ${numbers}`;
}

/** The tooltip's elements. */
export function describeLines(data, node) {
  const line = (className, text) => {
    const made = document.createElement('div');
    made.className = className;
    made.textContent = text;
    return made;
  };
  const lines = [line('flame-tip-name', data.label(node))];
  const where = place(data, node);
  if (where) lines.push(line('flame-tip-place', where));
  for (const [label, value] of figures(data, node)) lines.push(line('flame-tip-figure', `${label}: ${value}`));
  return lines;
}
