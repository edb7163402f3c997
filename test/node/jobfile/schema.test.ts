/** The JSON Schema and the parser say the same, by a validator that knows neither. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Ajv2020 } from "ajv/dist/2020.js";
import fc from "fast-check";
import { isName } from "../../../federation/index.ts";
import { Findings } from "../../../node/jobfile/findings.ts";
import { formatJobFile, jobFileSchema, parseJobValue } from "../../../node/jobfile/index.ts";
import { readShape } from "../../../node/jobfile/reader.ts";
import { jobShape } from "../../../node/jobfile/shape/job-shape.ts";
import { TreeBuilder, treeOfValue } from "../../../node/jobfile/text/tree.ts";
import { jobSpec } from "./arbitraries.ts";
import { mutateValue } from "./mutation.ts";

const ajv = new Ajv2020({ strict: true, allowUnionTypes: true });
const schema = jobFileSchema();
const validate = ajv.compile(schema);

/** What a schema can't say: ranges behind a unit, fractions of bytes, what is inside a text. */
const BEYOND_SCHEMA = [
  /^must be from \d+(h|m|s|ms) to /,
  /^must be from \d+\w?i?B to /,
  /^is not a whole number of bytes/,
  /^is finer than a millisecond/,
  /^has a \$\{ without its }/,
  /^not supported yet: \$\{…} here/,
  /^holds a NUL character/,
  /^holds half of a surrogate pair/,
];

/** Problems of the shapes alone, without the rules between fields. */
function shapeProblems(value: unknown): readonly string[] {
  const findings = new Findings();
  readShape(jobShape, treeOfValue(value, new TreeBuilder(findings)), jobShape, findings);
  return findings.problems(undefined).map(({ path, message }) => `${path}: ${message}`);
}

function isBeyondSchema(problem: string): boolean {
  const message = problem.slice(problem.indexOf(": ") + 2);
  return BEYOND_SCHEMA.some((pattern) => pattern.test(message));
}

describe("the JSON Schema of the job file", () => {
  test("is a schema of draft 2020-12, with a description for every field", () => {
    assert.equal(ajv.validateSchema(schema), true);
    let fields = 0;
    const visit = (node: unknown): void => {
      if (typeof node !== "object" || node === null) return;
      for (const [key, child] of Object.entries(node)) {
        if (key === "properties") {
          for (const [name, field] of Object.entries(child as Record<string, { description?: string }>)) {
            fields += 1;
            assert.match(field.description ?? "", /\.$/, name);
          }
        }
        visit(child);
      }
    };
    visit(schema);
    assert.ok(fields > 50, `${fields} fields`);
  });

  test("accepts every job that the parser writes", () => {
    fc.assert(
      fc.property(jobSpec, (spec) => {
        assert.ok(validate(formatJobFile(spec)), ajv.errorsText(validate.errors));
      }),
      { numRuns: 50 },
    );
  });

  test("accepts and refuses what the parser does, on jobs that were damaged at random", () => {
    let refused = 0;
    const damaged = jobSpec.chain((spec) => mutateValue(formatJobFile(spec)));
    fc.assert(
      fc.property(damaged, (value) => {
        const problems = shapeProblems(value);
        const accepted = validate(value);
        if (!accepted) refused += 1;
        const visible = problems.filter((problem) => !isBeyondSchema(problem));
        assert.equal(
          visible.length === 0,
          accepted,
          `${problems.join("\n")}\n${ajv.errorsText(validate.errors)}`,
        );
        if (parseJobValue(value).ok) assert.ok(accepted);
      }),
      { numRuns: 500 },
    );
    assert.ok(refused > 100, `only ${refused} of the damaged jobs were refused`);
  });

  test("its names are those of the core, less what every object answers to", () => {
    const { job } = schema["properties"] as { job: { pattern: string; not: { enum: readonly string[] } } };
    const pattern = new RegExp(job.pattern, "u");
    const text = fc.oneof(fc.string({ maxLength: 5 }), fc.stringMatching(/^[A-Za-z0-9_.-]{0,70}$/));
    fc.assert(
      fc.property(text, (candidate) => {
        if (job.not.enum.includes(candidate)) return;
        assert.equal(isName(candidate), pattern.test(candidate) && candidate.length <= 63);
      }),
    );
    assert.ok(job.not.enum.includes("__proto__"));
  });
});
