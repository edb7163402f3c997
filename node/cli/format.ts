/** Values as people read them. Pure: the present comes in. */

const BYTE_UNITS = ["B", "KiB", "MiB", "GiB", "TiB"] as const;
const SHORT_ID_LENGTH = 8;

/** As job files write sizes: `64MiB`, `1.5GiB`. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1023.95 && unit < BYTE_UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = value >= 100 ? value.toFixed(0) : String(Number(value.toFixed(1)));
  return `${digits}${BYTE_UNITS[unit]}`;
}

/** Thousandths of a core as cores: 1500 is `1.5`. */
export function formatCores(thousandths: number): string {
  return String(Math.round(thousandths) / 1000);
}

/** The same for what is measured: always two decimals. */
export function formatCoresUsed(thousandths: number): string {
  return (thousandths / 1000).toFixed(2);
}

/** `42s`, `3m12s`, `5h3m`, `2d4h`: two units at the most. */
export function formatDuration(durationMs: number): string {
  const seconds = Math.max(0, Math.floor(durationMs / 1000));
  if (seconds < 60) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}m${seconds % 60}s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours}h${minutes % 60}m`;
  return `${Math.floor(hours / 24)}d${hours % 24}h`;
}

/** How long ago an ISO time was; a dash where there is none. */
export function formatAge(time: string | null | undefined, nowMs: number): string {
  return time === null || time === undefined ? "-" : formatDuration(nowMs - Date.parse(time));
}

/** The same in a sentence. */
export function formatAgo(time: string | null | undefined, nowMs: number): string {
  return time === null || time === undefined ? "-" : `${formatAge(time, nowMs)} ago`;
}

/** Enough of an id to name it. */
export function shortId(id: string): string {
  return id.slice(0, SHORT_ID_LENGTH);
}

/** `127.0.0.1:80`, `[::1]:80`. */
export function formatAddress(host: string, port: number): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/** `1 task`, `3 tasks`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/**
 * One line that can do a terminal no harm: what tasks and other machines say is not to be trusted with
 * escapes.
 */
export function plainText(text: string): string {
  return text.replaceAll(/[\p{Cc}\u2028\u2029]+/gu, " ");
}
