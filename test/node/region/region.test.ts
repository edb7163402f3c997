/** Whole peers as one region: they join, place, lose each other and come back. Production code, manual clock. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { LabMachine } from "../../../lab/index.ts";
import { LabRegion } from "./support.ts";

const job = (name: string, count: number, changes: object = {}) => ({
  job: name,
  groups: {
    main: {
      count,
      reschedule: { unlimited: true, delay: "5s", delay_function: "constant" },
      tasks: {
        app: {
          driver: "process",
          config: { command: "run" },
          resources: { cpu: 100, memory: "100MiB" },
          kill_timeout: "2s",
          ...changes,
        },
      },
    },
  },
});

const ledgerOf = (machine: LabMachine) => machine.peer.service.ledger;
const rowsOf = (machine: LabMachine, name: string) =>
  ledgerOf(machine)
    .allocations()
    .filter((row) => row.job === name && row.desired === "run" && row.status === "running");

function sameHeads(region: LabRegion): boolean {
  return new Set(region.running().map((machine) => ledgerOf(machine).index)).size === 1;
}

async function submit(region: LabRegion, machine: LabMachine, file: object): Promise<void> {
  const name = (file as { job: string }).job;
  const answer = await machine.request("PUT", `/v1/jobs/${name}`, file);
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  void region;
}

describe("a region of three", () => {
  test("forms, with three voters, one ledger, and every node in it", async () => {
    const region = await LabRegion.of(3);
    await region.until("three nodes are known everywhere", () =>
      region.running().every((machine) => ledgerOf(machine).nodes().length === 3),
    );
    await region.until("all three vote", () =>
      region.running().every(({ peer }) => peer.service.status().raft.configuration.voters.length === 3),
    );
  });

  test("takes a job from any peer and spreads its instances over what is free", async () => {
    const region = await LabRegion.of(3);
    await region.until("three nodes are known", () =>
      region.running().every((machine) => ledgerOf(machine).nodes().length === 3),
    );
    const [, second, third] = region.machines;
    assert.ok(second !== undefined && third !== undefined);
    await submit(region, second, job("shop", 3));
    await region.until("its instances run", () => rowsOf(third, "shop").length === 3);
    await submit(region, third, job("shop", 4));
    await region.until("the change runs, too", () => rowsOf(second, "shop").length === 4);
    await region.until("all hold the same", () => sameHeads(region));
    const tasks = region.machines.flatMap(({ tasks: own }) => own.running());
    assert.equal(tasks.length, 4);
  });

  test("goes on without its leader, and runs what that ran", async () => {
    const region = await LabRegion.of(3);
    await region.until("all three vote", () =>
      region.running().every(({ peer }) => peer.service.status().raft.configuration.voters.length === 3),
    );
    const [first] = region.machines;
    assert.ok(first !== undefined);
    await submit(region, first, job("shop", 6));
    await region.until("it runs", () => rowsOf(first, "shop").length === 6);
    const leader = region.leader();
    assert.ok(leader !== undefined);
    await region.fail(leader, "crash");
    await region.until("another leads", () => region.leader() !== undefined);
    const next = region.leader();
    assert.ok(next !== undefined);
    await region.until("all six run elsewhere", () => rowsOf(next, "shop").length === 6);
    const tasks = region.running().flatMap(({ tasks: own }) => own.running());
    assert.equal(tasks.length, 6);
    await submit(region, next, job("other", 1));
    await region.until("new work runs", () => rowsOf(next, "other").length === 1);
    await region.boot(leader);
    await region.until("it is back, and holds the same", () => sameHeads(region));
    assert.equal(region.running().flatMap(({ tasks: own }) => own.running()).length, 7);
  });
});
