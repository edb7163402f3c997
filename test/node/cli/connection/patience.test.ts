import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { CommandError } from "../../../../node/cli/command.ts";
import { ApiError, ConnectionError, InterruptedError } from "../../../../node/cli/connection/api-error.ts";
import { PATIENCE_MS, Patience } from "../../../../node/cli/connection/patience.ts";
import { Output } from "../../../../node/cli/output.ts";
import { NOW_MS } from "../support/rows.ts";
import { TestClock } from "../support/terminal.ts";

const refusedConnection = () => Promise.reject(new ConnectionError("no peer answers at X"));

function patience(wasThere: boolean, signal = new AbortController().signal) {
  const notes: string[] = [];
  const stream = { write: (text: string | Uint8Array) => void notes.push(String(text)) };
  const out = new Output({ stdout: stream, stderr: stream, json: false, quiet: false, colour: false });
  const clock = new TestClock();
  return { patience: new Patience({ clock, out, signal }, { wasThere }), clock, notes };
}

describe("patience", () => {
  test("asks again while the peer restarts, and says so once", async () => {
    const { patience: patient, notes, clock } = patience(true);
    const failures = [
      refusedConnection,
      refusedConnection,
      () => Promise.reject(new ApiError(503, "stopping", {})),
    ];
    const answer = await patient.until(() => failures.shift()?.() ?? Promise.resolve("there"));
    assert.equal(answer, "there");
    assert.deepEqual(notes, ["no peer answers at X; trying again\n"]);
    assert.equal(clock.nowMs() - NOW_MS, 250 + 500 + 1000);
  });

  test("ends after a minute without an answer", async () => {
    const { patience: patient, clock } = patience(true);
    await assert.rejects(patient.until(refusedConnection), /no peer answers/);
    const waitedMs = clock.nowMs() - NOW_MS;
    assert.ok(waitedMs >= PATIENCE_MS && waitedMs < PATIENCE_MS + 5_000, String(waitedMs));
  });

  test("begins anew with each answer", async () => {
    const { patience: patient, notes } = patience(true);
    for (let count = 0; count < 100; count += 1) {
      let isFirst = true;
      await patient.until(() => {
        const wasFirst = isFirst;
        isFirst = false;
        return wasFirst ? refusedConnection() : Promise.resolve();
      });
    }
    assert.equal(notes.length, 100);
  });

  test("is not for an address where nobody ever answered", async () => {
    const { patience: patient, clock } = patience(false);
    await assert.rejects(patient.until(refusedConnection), /no peer answers/);
    assert.equal(clock.nowMs(), NOW_MS);
    patient.answered();
    let count = 0;
    await patient.until(() => (count++ === 0 ? refusedConnection() : Promise.resolve()));
  });

  test("is not for what can't pass by itself", async () => {
    for (const error of [new ApiError(404, "gone", {}), new CommandError("odd"), new TypeError("a bug")]) {
      const { patience: patient, clock } = patience(true);
      await assert.rejects(
        patient.until(() => Promise.reject(error)),
        error,
      );
      assert.equal(clock.nowMs(), NOW_MS);
    }
  });

  test("ends with Ctrl-C", async () => {
    const { patience: patient } = patience(true, AbortSignal.abort());
    await assert.rejects(patient.until(refusedConnection), InterruptedError);
  });
});
