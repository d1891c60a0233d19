/** Numbers as people read them: bytes, counts, shares and changes, each with a fixed meaning of its unit. */

const BINARY = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
const DECIMAL = ['', 'k', 'M', 'G', 'T'];
const MINUS = '−';

function scaled(magnitude, base, names) {
  let step = 0;
  while (Math.round(magnitude * 10) / 10 >= base && step < names.length - 1) {
    magnitude /= base;
    step += 1;
  }
  const digits = (step === 0 && Number.isInteger(magnitude)) || magnitude >= 99.95 ? 0 : 1;
  return [magnitude.toFixed(digits), names[step]];
}

/** A value in its unit: `12.3 MiB`, `4.2 k objects`. */
export function formatValue(value, unit = 'bytes') {
  const sign = value < 0 ? MINUS : '';
  const magnitude = Math.abs(value);
  if (unit === 'bytes') {
    const [number, suffix] = scaled(magnitude, 1024, BINARY);
    return `${sign}${number} ${suffix}`;
  }
  const [number, suffix] = scaled(magnitude, 1000, DECIMAL);
  const noun = unit === 'count' ? 'objects' : unit;
  return `${sign}${number}${suffix ? ` ${suffix}` : ''}${noun ? ` ${noun}` : ''}`;
}

/** A difference, always with its sign. */
export function formatDelta(value, unit = 'bytes') {
  return value > 0 ? `+${formatValue(value, unit)}` : formatValue(value, unit);
}

/** A ratio as per cent: `12.3 %`; small shares keep their first digits. */
export function formatShare(ratio) {
  if (!Number.isFinite(ratio)) return '–';
  const percent = 100 * ratio;
  const magnitude = Math.abs(percent);
  return `${percent < 0 ? MINUS : ''}${magnitude.toFixed(magnitude >= 10 || magnitude === 0 ? 1 : 2)} %`;
}

/** Relative change from `before` to `after`; "new" and "gone" where a ratio would mislead. */
export function formatChange(after, before) {
  if (before === 0) return after === 0 ? '±0' : 'new';
  if (after === 0) return 'gone';
  const ratio = (after - before) / Math.abs(before);
  if (ratio > 9.995) return `×${(after / before).toFixed(after / before < 100 ? 1 : 0)}`;
  return `${ratio > 0 ? '+' : ''}${formatShare(ratio)}`;
}

/** Growth per hour: `+1.2 MiB/h`. */
export function formatRate(perHour, unit = 'bytes') {
  return `${formatDelta(perHour, unit)}/h`;
}

const formatters = new Map();

/** A moment in the page's time zone, as `2026-11-20 03:04:05`. */
export function formatTime(unixSeconds, timeZone, { seconds = true } = {}) {
  const key = `${timeZone}|${seconds}`;
  if (!formatters.has(key)) {
    const options = {
      year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', hourCycle: 'h23',
    };
    if (seconds) options.second = '2-digit';
    if (timeZone) options.timeZone = timeZone;
    formatters.set(key, new Intl.DateTimeFormat('sv-SE', options));
  }
  return formatters.get(key).format(new Date(unixSeconds * 1000));
}

/** A length of time in the two largest units: `2 h 5 min`. */
export function formatSpan(seconds) {
  const total = Math.round(Math.abs(seconds));
  const parts = [];
  let rest = total;
  for (const [size, name] of [[86400, 'd'], [3600, 'h'], [60, 'min'], [1, 's']]) {
    const amount = Math.floor(rest / size);
    if (amount && parts.length < 2) parts.push(`${amount} ${name}`);
    rest -= amount * size;
  }
  return parts.join(' ') || '0 s';
}
