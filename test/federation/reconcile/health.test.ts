import assert from "node:assert/strict";
import { test } from "node:test";
import { type CheckState, observeCheck, UNKNOWN_CHECK, worstHealth } from "../../../federation/index.ts";

function run(
  thresholds: { successBeforePassing: number; failuresBeforeCritical: number },
  probes: string,
): string {
  let state: CheckState = UNKNOWN_CHECK;
  let statuses = "";
  for (const probe of probes) {
    state = observeCheck(state, thresholds, { passed: probe === "+", output: probe });
    statuses += state.status[0];
  }
  return statuses;
}

test("without thresholds the first result decides", () => {
  assert.equal(run({ successBeforePassing: 0, failuresBeforeCritical: 0 }, "+-+"), "pcp");
});

test("thresholds want results in a row", () => {
  assert.equal(run({ successBeforePassing: 2, failuresBeforeCritical: 3 }, "+-++--+---+"), "uuuppppppcc");
});

test("the worst check is the health of all", () => {
  const passing: CheckState = { ...UNKNOWN_CHECK, status: "passing" };
  const critical: CheckState = { ...UNKNOWN_CHECK, status: "critical" };
  assert.equal(worstHealth([]), "none");
  assert.equal(worstHealth([passing, passing]), "healthy");
  assert.equal(worstHealth([passing, UNKNOWN_CHECK]), "unknown");
  assert.equal(worstHealth([passing, UNKNOWN_CHECK, critical]), "unhealthy");
});
