/** Values as people read them. Pure: the present comes in. */

const BYTE_UNITS = ["B", "KiB", "MiB", "GiB", "TiB"] as const;

export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < BYTE_UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${BYTE_UNITS[unit]}`;
}

/** Thousandths of a core as cores: 1500 is `1.50`. */
export function formatCores(thousandths: number): string {
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

/** How long ago an ISO time was. */
export function formatAge(time: string | null | undefined, nowMs: number): string {
  if (time === null || time === undefined) return "-";
  return `${formatDuration(nowMs - Date.parse(time))} ago`;
}

/** Enough of an id to name it. */
export function shortId(id: string): string {
  return id.slice(0, 8);
}
