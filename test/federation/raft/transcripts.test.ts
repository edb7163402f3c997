/**
 * Golden transcripts of the core. `REWRITE_TRANSCRIPTS=1` writes them anew: commit the changes only if you
 * understand what caused them.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Stage } from "./stage.ts";
import { formatTranscript, parseTranscript } from "./transcript.ts";

const FOLDER = join(import.meta.dirname, "transcripts");

for (const name of readdirSync(FOLDER)) {
  test(`transcript ${name}`, () => {
    const path = join(FOLDER, name);
    const stage = new Stage();
    const text = readFileSync(path, "utf8");
    const steps = parseTranscript(text).map((step) => ({ ...step, expected: stage.run(step.command) }));
    assert.ok(steps.length > 0);
    if (process.env["REWRITE_TRANSCRIPTS"] === "1") writeFileSync(path, formatTranscript(steps));
    else assert.equal(formatTranscript(steps), text);
  });
}
