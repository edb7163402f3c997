/** The peer's own log: one line an event on standard error, `key=value` for people and machines alike. */
import type { Host, LogLevel } from "../../federation/index.ts";

const ORDER: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };

export function isLogLevel(text: string): text is LogLevel {
  return Object.hasOwn(ORDER, text);
}

export function logTo(stream: { write(text: string): unknown }, threshold: LogLevel): Host["log"] {
  return (level, message, fields = {}) => {
    if (ORDER[level] < ORDER[threshold]) return;
    const pairs = Object.entries(fields).map(([key, value]) => ` ${key}=${formatValue(value)}`);
    stream.write(
      `${new Date().toISOString()} ${level.toUpperCase().padEnd(5)} ${message}${pairs.join("")}\n`,
    );
  };
}

function formatValue(value: unknown): string {
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "undefined");
  return /^[\w./:@-]+$/.test(text) ? text : JSON.stringify(text);
}
