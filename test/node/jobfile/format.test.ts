import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { stringify } from "yaml";
import { checkSpecForm } from "../../../federation/index.ts";
import { formatJobFile, parseJobFile, parseJobValue } from "../../../node/jobfile/index.ts";
import { jobSpec } from "./arbitraries.ts";

describe("formatJobFile", () => {
  test("what it writes is read back to an equal spec, as a value, as JSON and as YAML", () => {
    fc.assert(
      fc.property(jobSpec, (spec) => {
        const written = formatJobFile(spec);
        const json = JSON.stringify(written);
        for (const parsed of [
          parseJobValue(written),
          parseJobFile(json, { file: "job.json" }),
          parseJobFile(json, { format: "yaml" }),
          parseJobFile(stringify(written, { lineWidth: 0 })),
        ]) {
          assert.deepEqual(parsed.ok ? parsed.value.spec : parsed.error, spec);
        }
      }),
      { numRuns: 150 },
    );
  });

  test("every spec that it can write is one that entries accept", () => {
    fc.assert(
      fc.property(jobSpec, (spec) => {
        assert.equal(checkSpecForm(spec), undefined);
      }),
      { numRuns: 50 },
    );
  });

  test("leaves out what equals its default and keeps the order of a file", () => {
    const file = {
      job: "shop",
      type: "batch",
      groups: {
        web: {
          count: 2,
          network: { ports: { http: { static: 80 } } },
          services: [{ port: "http", checks: [{ type: "http", path: "/" }] }],
          tasks: { app: { driver: "process", config: { command: "a" }, env: { A: "1" } } },
        },
      },
    };
    const parsed = parseJobValue(file);
    assert.ok(parsed.ok);
    assert.equal(JSON.stringify(formatJobFile(parsed.value.spec)), JSON.stringify(file));
  });

  test("writes the whole limit of a reschedule policy where one part of it differs", () => {
    const reschedule = { attempts: 0, unlimited: false };
    const file = { job: "a", groups: { b: { reschedule, tasks: { c: { driver: "process" } } } } };
    const parsed = parseJobValue(file);
    assert.ok(parsed.ok);
    assert.deepEqual(formatJobFile(parsed.value.spec).groups["b"]?.reschedule, reschedule);
  });
});
