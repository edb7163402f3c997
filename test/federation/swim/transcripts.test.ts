/** Golden transcripts: `REWRITE_TRANSCRIPTS=1` writes them anew; what changed is for a reader to judge. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { formatTranscript, parseTranscript } from "../raft/transcript.ts";
import { Player } from "./transcript-player.ts";

const folder = join(import.meta.dirname, "transcripts");

for (const name of readdirSync(folder)) {
  test(`transcript ${name}`, () => {
    const path = join(folder, name);
    const text = readFileSync(path, "utf8");
    const player = new Player();
    const played = parseTranscript(text).map((step) => ({ ...step, expected: player.play(step.command) }));
    if (process.env["REWRITE_TRANSCRIPTS"] === "1") writeFileSync(path, formatTranscript(played));
    else assert.equal(formatTranscript(played), text);
  });
}
