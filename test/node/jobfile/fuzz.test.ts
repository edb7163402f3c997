/** Whatever comes in: an answer, never an exception, never a changed prototype. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import fc from "fast-check";
import { checkSpecForm, type Problem, type Result } from "../../../federation/index.ts";
import {
  describeProblems,
  formatJobFile,
  type ParsedJob,
  parseJobFile,
  parseJobValue,
} from "../../../node/jobfile/index.ts";
import { jobSpec } from "./arbitraries.ts";
import { mutateText, mutateValue } from "./mutation.ts";

const examples = join(import.meta.dirname, "..", "..", "..", "examples");
const HELLO = readFileSync(join(examples, "hello.yaml"), "utf8");
const CRASH_LOOP = readFileSync(join(examples, "crash-loop.yaml"), "utf8");

const PROTOTYPE_KEYS = Object.getOwnPropertyNames(Object.prototype).sort().join();

/** A spec that entries accept, or problems that a person can find and read. */
function checkAnswer(parsed: Result<ParsedJob, readonly Problem[]>, text?: string): void {
  assert.equal(Object.getOwnPropertyNames(Object.prototype).sort().join(), PROTOTYPE_KEYS);
  if (parsed.ok) {
    assert.equal(checkSpecForm(parsed.value.spec), undefined);
    const again = parseJobValue(formatJobFile(parsed.value.spec));
    assert.deepEqual(again.ok ? again.value.spec : again.error, parsed.value.spec);
    return;
  }
  assert.ok(parsed.error.length >= 1 && parsed.error.length <= 50);
  const lineCount = text === undefined ? 0 : text.split("\n").length;
  for (const { path, message, line, column } of parsed.error) {
    assert.ok(message.length > 0 && message.length < 400 && !/\n/.test(message + path), message);
    if (line === undefined || column === undefined) continue;
    assert.ok(line >= 1 && line <= lineCount && column >= 1, `${line}:${column}`);
  }
  assert.ok(
    describeProblems(parsed.error, { file: "f", ...(text === undefined ? {} : { text }) }).length > 0,
  );
}

describe("the parser, given anything", () => {
  test("random texts", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "binary", maxLength: 200 }),
        fc.constantFrom("a.yaml", "a.json"),
        (text, file) => {
          checkAnswer(parseJobFile(text, { file }), text);
        },
      ),
      { numRuns: 500 },
    );
  });

  test("texts of YAML's own signs", () => {
    const text = mutateText("a: [b]\n- {c: d}\n? e\n: |\n  f\n");
    fc.assert(
      fc.property(text, (yaml) => checkAnswer(parseJobFile(yaml), yaml)),
      { numRuns: 1_000 },
    );
  });

  test("damaged examples", () => {
    fc.assert(
      fc.property(fc.oneof(mutateText(HELLO), mutateText(CRASH_LOOP)), (yaml) => {
        checkAnswer(parseJobFile(yaml), yaml);
      }),
      { numRuns: 400 },
    );
  });

  test("damaged JSON", () => {
    const text = jobSpec.chain((spec) => mutateText(JSON.stringify(formatJobFile(spec), null, 1)));
    fc.assert(
      fc.property(text, (json) => {
        const parsed = parseJobFile(json, { file: "job.json" });
        checkAnswer(parsed, json);
        // A second opinion on what is JSON at all.
        if (parsed.ok) assert.doesNotThrow(() => JSON.parse(json));
      }),
      { numRuns: 300 },
    );
  });

  test("damaged values", () => {
    const value = jobSpec.chain((spec) => mutateValue(formatJobFile(spec)));
    fc.assert(
      fc.property(value, (damaged) => checkAnswer(parseJobValue(damaged))),
      { numRuns: 300 },
    );
  });

  test("values of any kind", () => {
    fc.assert(
      fc.property(
        fc.anything({ withBigInt: true, withDate: true, withMap: true, withNullPrototype: true }),
        (value) => {
          checkAnswer(parseJobValue(value));
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe("JSON", () => {
  test("is read as JSON.parse reads it", () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), fc.jsonValue(), { maxKeys: 5, noNullPrototype: true }),
        (config) => {
          const clean = JSON.parse(JSON.stringify(config), (key, item: unknown) =>
            key === "__proto__" ? undefined : item,
          ) as object;
          if (/\\u0000|\\ud[89a-f]|\$\{/i.test(JSON.stringify(clean))) return;
          const job = { job: "a", groups: { b: { tasks: { c: { driver: "process", config: clean } } } } };
          const parsed = parseJobFile(JSON.stringify(job, null, "\t"), { format: "json" });
          assert.deepEqual(parsed.ok && parsed.value.spec.groups[0]?.tasks[0]?.config, plain(clean));
        },
      ),
      { numRuns: 300 },
    );
  });
});

/** Without -0, which JSON writes as 0. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value), (_key, item: unknown) => (item === 0 ? 0 : item));
}
