/** Durations and sizes as people write them. What looks right and means something else is refused. */
import { err, ok, type Result } from "../../federation/index.ts";

/** A refusal with what to write instead, where that can be guessed. */
export interface UnitProblem {
  readonly message: string;
  readonly hint: string;
}

const DURATION_UNITS = [
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1_000],
  ["ms", 1],
] as const;

/** Hours, minutes, seconds, milliseconds, each at most once and in this order: `1h30m`, `1.5s`, `500ms`. */
export const DURATION_PATTERN = `^(?=[0-9])${DURATION_UNITS.map(
  ([unit]) => `([0-9]{1,9}(?:\\.[0-9]{1,3})?${unit})?`,
).join("")}$`;

const DURATION = new RegExp(DURATION_PATTERN, "u");
const DURATION_HINT = 'write a number with its unit: "500ms", "30s", "1m30s", "2h"';
const DURATION_WORDS: Readonly<Record<string, string>> = {
  hour: "h",
  hours: "h",
  hr: "h",
  min: "m",
  mins: "m",
  minute: "m",
  minutes: "m",
  sec: "s",
  secs: "s",
  second: "s",
  seconds: "s",
  msec: "ms",
  millis: "ms",
  milliseconds: "ms",
};

/** Milliseconds of a written duration. */
export function parseDuration(text: string): Result<number, UnitProblem> {
  const match = DURATION.exec(text);
  if (match === null) {
    return err({ message: `is not a duration: ${JSON.stringify(text)}`, hint: durationHint(text) });
  }
  let total = 0;
  for (const [index, [unit, unitMs]] of DURATION_UNITS.entries()) {
    const part = match[index + 1];
    if (part !== undefined) total += Number(part.slice(0, -unit.length)) * unitMs;
  }
  // 1.001s is 1001 ms, yet 1000.9999999999999 in binary fractions.
  const rounded = Math.round(total);
  if (Math.abs(rounded - total) > 1e-3) {
    return err({ message: `is finer than a millisecond: ${JSON.stringify(text)}`, hint: DURATION_HINT });
  }
  return ok(rounded);
}

function durationHint(text: string): string {
  const match = /^([0-9]{1,9})(?:\.0+)? ?([a-z]*)$/u.exec(text.trim().toLowerCase());
  if (match === null) return DURATION_HINT;
  const [, amount = "", unit = ""] = match;
  if (unit === "") return `write the unit: "${amount}s" for seconds`;
  if (/^d(ays?)?$/u.test(unit)) return `there is no unit for days: write "${Number(amount) * 24}h"`;
  if (/^w(eeks?)?$/u.test(unit)) return `there is no unit for weeks: write "${Number(amount) * 168}h"`;
  if (DURATION_UNITS.some(([known]) => known === unit)) return `write "${amount}${unit}"`;
  const known = Object.hasOwn(DURATION_WORDS, unit) ? DURATION_WORDS[unit] : undefined;
  return known === undefined ? DURATION_HINT : `write "${amount}${known}"`;
}

/** The shortest form that `parseDuration` reads back to the same milliseconds. */
export function formatDuration(durationMs: number): string {
  let rest = durationMs;
  let text = "";
  for (const [unit, unitMs] of DURATION_UNITS) {
    const amount = Math.floor(rest / unitMs);
    if (amount > 0) text += `${amount}${unit}`;
    rest -= amount * unitMs;
  }
  return text === "" ? "0s" : text;
}

const MIB = 2 ** 20;

/** Largest first within each family, so that formatting finds the shortest exact form. */
const SIZE_UNITS: readonly (readonly [string, number])[] = [
  ["TiB", 2 ** 40],
  ["GiB", 2 ** 30],
  ["MiB", MIB],
  ["TB", 1e12],
  ["GB", 1e9],
  ["MB", 1e6],
  ["KiB", 2 ** 10],
  ["KB", 1e3],
  ["B", 1],
];

const SIZE_UNIT_PATTERN = SIZE_UNITS.map(([unit]) => unit).join("|");
export const SIZE_PATTERN = `^[0-9]{1,16}(?:\\.[0-9]{1,3})?(?:${SIZE_UNIT_PATTERN})$`;

const SIZE = new RegExp(SIZE_PATTERN, "u");
const SIZE_HINT = 'write "256MiB" (2^20 bytes each) or "256MB" (10^6 bytes each); a bare 256 means MiB';

/** Bytes of a written size: a text with a unit, or a whole number of MiB as in Nomad. */
export function parseSize(size: string | number): Result<number, UnitProblem> {
  if (typeof size === "number") {
    if (Number.isInteger(size) && size >= 0) return ok(size * MIB);
    return err({ message: `must be a whole number of MiB; this is ${size}`, hint: SIZE_HINT });
  }
  if (!SIZE.test(size)) {
    return err({ message: `is not a size: ${JSON.stringify(size)}`, hint: sizeHint(size) });
  }
  const unitText = /[A-Za-z]+$/u.exec(size)?.[0] ?? "";
  const unit = SIZE_UNITS.find(([name]) => name === unitText)?.[1] ?? 1;
  const bytes = Number(size.slice(0, -unitText.length)) * unit;
  if (!Number.isSafeInteger(bytes)) {
    return err({ message: `is not a whole number of bytes: ${JSON.stringify(size)}`, hint: SIZE_HINT });
  }
  return ok(bytes);
}

function sizeHint(text: string): string {
  const match = /^([0-9]{1,16}(?:\.[0-9]{1,3})?) ?([a-z]{0,3})$/u.exec(text.trim().toLowerCase());
  if (match === null) return SIZE_HINT;
  const [, amount = "", unit = ""] = match;
  if (unit === "") return `remove the quotes (a bare ${amount} means MiB) or write "${amount}MiB"`;
  const exact = SIZE_UNITS.find(([name]) => name.toLowerCase() === unit);
  if (exact !== undefined) return `write "${amount}${exact[0]}"`;
  // Kubernetes writes Mi, Docker writes m: both mean powers of two.
  const binary = SIZE_UNITS.find(([name]) => name.endsWith("iB") && name.toLowerCase().startsWith(unit));
  return binary === undefined ? SIZE_HINT : `write "${amount}${binary[0]}"`;
}

/** An exact form that `parseSize` reads back to the same bytes. */
export function formatSize(bytes: number): string {
  const [unit, unitBytes] = SIZE_UNITS.find(([, size]) => bytes > 0 && bytes % size === 0) ?? ["B", 1];
  return `${bytes / unitBytes}${unit}`;
}
