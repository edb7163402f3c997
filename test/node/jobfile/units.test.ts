import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { formatDuration, formatSize, parseDuration, parseSize } from "../../../node/jobfile/index.ts";

describe("durations", () => {
  for (const [text, expectedMs] of [
    ["500ms", 500],
    ["30s", 30_000],
    ["1m30s", 90_000],
    ["2h", 7_200_000],
    ["1h2m3s4ms", 3_723_004],
    ["1.5s", 1_500],
    ["0.001s", 1],
    ["1.001s", 1_001],
    ["0s", 0],
    ["5m", 300_000],
    ["5ms", 5],
  ] as const) {
    test(`${text} is ${expectedMs} ms`, () => {
      assert.deepEqual(parseDuration(text), { ok: true, value: expectedMs });
    });
  }

  for (const [text, hint] of [
    ["30", 'write the unit: "30s" for seconds'],
    ["5 s", 'write "5s"'],
    ["5S", 'write "5s"'],
    ["10min", 'write "10m"'],
    ["3 Hours", 'write "3h"'],
    ["2d", 'there is no unit for days: write "48h"'],
    ["1 week", 'there is no unit for weeks: write "168h"'],
    ["", 'write a number with its unit: "500ms", "30s", "1m30s", "2h"'],
    ["soon", 'write a number with its unit: "500ms", "30s", "1m30s", "2h"'],
    ["30s1m", 'write a number with its unit: "500ms", "30s", "1m30s", "2h"'],
    ["-5s", 'write a number with its unit: "500ms", "30s", "1m30s", "2h"'],
    ["5us", 'write a number with its unit: "500ms", "30s", "1m30s", "2h"'],
    ["1.5ms", 'write a number with its unit: "500ms", "30s", "1m30s", "2h"'],
  ] as const) {
    test(`${JSON.stringify(text)} is refused with advice`, () => {
      const parsed = parseDuration(text);
      assert.ok(!parsed.ok);
      assert.equal(parsed.error.hint, hint);
    });
  }

  test("what is formatted is parsed back", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 10 ** 12 }), (durationMs) => {
        assert.deepEqual(parseDuration(formatDuration(durationMs)), { ok: true, value: durationMs });
      }),
    );
  });
});

describe("sizes", () => {
  for (const [written, bytes] of [
    ["256MiB", 268_435_456],
    ["256MB", 256_000_000],
    [256, 268_435_456],
    ["1GiB", 1_073_741_824],
    ["1.5GB", 1_500_000_000],
    ["64KiB", 65_536],
    ["2TiB", 2_199_023_255_552],
    ["100B", 100],
    [0, 0],
  ] as const) {
    test(`${JSON.stringify(written)} is ${bytes} bytes`, () => {
      assert.deepEqual(parseSize(written), { ok: true, value: bytes });
    });
  }

  for (const [written, hint] of [
    ["128Mi", 'write "128MiB"'],
    ["128m", 'write "128MiB"'],
    ["1g", 'write "1GiB"'],
    ["256 MB", 'write "256MB"'],
    ["256mb", 'write "256MB"'],
    ["256", 'remove the quotes (a bare 256 means MiB) or write "256MiB"'],
    ["lots", 'write "256MiB" (2^20 bytes each) or "256MB" (10^6 bytes each); a bare 256 means MiB'],
    [0.5, 'write "256MiB" (2^20 bytes each) or "256MB" (10^6 bytes each); a bare 256 means MiB'],
    [-1, 'write "256MiB" (2^20 bytes each) or "256MB" (10^6 bytes each); a bare 256 means MiB'],
    ["0.5B", 'write "256MiB" (2^20 bytes each) or "256MB" (10^6 bytes each); a bare 256 means MiB'],
  ] as const) {
    test(`${JSON.stringify(written)} is refused with advice`, () => {
      const parsed = parseSize(written);
      assert.ok(!parsed.ok);
      assert.equal(parsed.error.hint, hint);
    });
  }

  test("what is formatted is parsed back", () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (bytes) => {
        assert.deepEqual(parseSize(formatSize(bytes)), { ok: true, value: bytes });
      }),
    );
  });
});
