import { relative } from "node:path";
import type { TestEvent } from "node:test/reporters";
import { inspect } from "node:util";

/** Longer tests are named, so that the suite stays quick. */
const slowTestMs = 5_000;

/**
 * What people and CI read: failures in full, skipped and slow tests by name, what tests print, and the
 * closing lines of node:test (`# tests 12`, `# pass 12`, `# fail 0`) last. Passed tests are only counted.
 */
export async function* report(root: string, events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const event of events) yield describe(root, event);
}

function describe(root: string, event: TestEvent): string {
  switch (event.type) {
    case "test:fail":
      return isWrapper(event.data.details.error) ? "" : failure(root, event.data);
    case "test:pass":
      return passed(event.data);
    case "test:stdout":
    case "test:stderr":
      return event.data.message;
    case "test:diagnostic":
      return event.data.nesting === 0 ? `# ${event.data.message}\n` : "";
    default:
      return "";
  }
}

type Failure = Extract<TestEvent, { type: "test:fail" }>["data"];
type Pass = Extract<TestEvent, { type: "test:pass" }>["data"];

/** A suite fails because a test in it failed, which is shown already. */
function isWrapper(error: Error & { failureType?: unknown }): boolean {
  return error.failureType === "subtestsFailed";
}

function failure(root: string, data: Failure): string {
  const place = data.file ? `${relative(root, data.file)}:${data.line ?? 1}` : "";
  const cause = data.details.error.cause ?? data.details.error;
  const text = cause instanceof Error ? inspect(cause) : String(cause);
  return `not ok - ${data.name}\n  ${place}\n${indent(text)}\n`;
}

function passed(data: Pass): string {
  if (data.skip !== undefined && data.skip !== false) {
    return `skipped: ${data.name}${typeof data.skip === "string" ? ` (${data.skip})` : ""}\n`;
  }
  const ms = Math.round(data.details.duration_ms);
  return ms > slowTestMs && data.details.type !== "suite" ? `slow: ${data.name} took ${ms} ms\n` : "";
}

function indent(text: string): string {
  return text.replace(/^/gm, "    ");
}
