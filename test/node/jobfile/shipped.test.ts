/** What is shipped beside the code is what the code says: the schema, the reference, the examples. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { Ajv2020 } from "ajv/dist/2020.js";
import { parse } from "yaml";
import { jobFileReference, jobFileSchema, parseJobFile } from "../../../node/jobfile/index.ts";

const root = join(import.meta.dirname, "..", "..", "..");
const schemaFile = join(root, "node", "jobfile", "job-schema.json");
const docsFile = join(root, "docs", "job-file.md");
const REFERENCE = /(?<=<!-- reference -->\n)[\s\S]*(?=<!-- \/reference -->)/;
const UPDATE = "run this file with PEER_UPDATE=1 in the environment, then biome on the schema";

if (process.env["PEER_UPDATE"] === "1") {
  writeFileSync(schemaFile, `${JSON.stringify(jobFileSchema(), null, 2)}\n`);
  writeFileSync(
    docsFile,
    readFileSync(docsFile, "utf8").replace(REFERENCE, () => jobFileReference()),
  );
}

const examples = readdirSync(join(root, "examples")).filter((file) => /\.(ya?ml|json)$/.test(file));

describe("what is shipped", () => {
  test("the schema file is current", () => {
    assert.deepEqual(JSON.parse(readFileSync(schemaFile, "utf8")), jobFileSchema(), UPDATE);
  });

  test("the reference in the documentation is current", () => {
    assert.equal(REFERENCE.exec(readFileSync(docsFile, "utf8"))?.[0], jobFileReference(), UPDATE);
  });

  test("every whole job in the documentation is one, without a warning but the one it shows", () => {
    const blocks = [...readFileSync(docsFile, "utf8").matchAll(/```yaml\n([\s\S]*?)```/g)];
    assert.ok(blocks.length > 0);
    for (const [, text = ""] of blocks) {
      const parsed = parseJobFile(text);
      assert.ok(parsed.ok, JSON.stringify(parsed));
      assert.deepEqual(
        parsed.value.warnings.map(({ path }) => path),
        ["groups.web.count"],
      );
    }
  });

  test("the examples are there", () => {
    const documented = [
      "batch",
      "constraints",
      "crash-loop",
      "hello",
      "spread",
      "sysbatch",
      "system",
      "tasks",
      "variants",
    ];
    assert.deepEqual(
      documented.filter((name) => !examples.includes(`${name}.yaml`)),
      [],
    );
  });

  for (const file of examples) {
    test(`examples/${file} is right by the parser and by the schema, and leads editors to it`, () => {
      const text = readFileSync(join(root, "examples", file), "utf8");
      const parsed = parseJobFile(text, { file });
      assert.ok(parsed.ok, JSON.stringify(parsed));
      assert.deepEqual(parsed.value.warnings, []);
      const validate = new Ajv2020({ strict: true, allowUnionTypes: true }).compile(jobFileSchema());
      assert.ok(validate(parse(text)), JSON.stringify(validate.errors));
      const schema = /^# yaml-language-server: \$schema=(\S+)\n/.exec(text)?.[1] ?? "missing";
      assert.equal(join(root, "examples", schema), schemaFile);
    });
  }
});
