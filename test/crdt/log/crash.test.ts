/**
 * Stops the log at any call, by power cut or death, again and again, and compares what is left with a model.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { SegmentedLog } from "../../../crdt/log/segmented-log.ts";
import { seededRandom } from "../../../federation/random.ts";
import { MemoryDisk, type Stop } from "../../../lab/disk.ts";

const LIMITS = { segmentBytes: 8 * 1024, recordBytesMax: 1500 };

type Step =
  | { readonly kind: "append"; readonly sizes: readonly number[] }
  | { readonly kind: "truncate"; readonly share: number }
  | { readonly kind: "reset"; readonly jump: number }
  | { readonly kind: "state"; readonly when: "now" | "later" }
  | { readonly kind: "sync"; readonly wait: boolean }
  | { readonly kind: "mark" }
  | { readonly kind: "compact"; readonly share: number };

interface Life {
  readonly steps: readonly Step[];
  readonly stopAt: number;
  readonly how: Stop;
}

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("append" as const), sizes: sizes() }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("sync" as const), wait: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("truncate" as const), share: share() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("compact" as const), share: share() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("reset" as const), jump: jump() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("state" as const), when: when() }) },
  { weight: 1, arbitrary: fc.constant({ kind: "mark" as const }) },
);
const life: fc.Arbitrary<Life> = fc.record({
  steps: fc.array(step, { minLength: 1, maxLength: 40 }),
  stopAt: fc.integer({ min: 1, max: 60 }),
  how: fc.constantFrom("crash" as const, "kill" as const),
});

function sizes() {
  return fc.array(fc.oneof(fc.integer({ min: 4, max: 60 }), fc.integer({ min: 4, max: 1500 })), {
    minLength: 1,
    maxLength: 5,
  });
}

/** From five entries back to far ahead. */
function jump() {
  return fc.integer({ min: -5, max: 40 });
}

function share() {
  return fc.double({ min: 0, max: 1, noNaN: true });
}

function when() {
  return fc.constantFrom("now" as const, "later" as const);
}

/** What the log held after each record that was handed to it, as `sequence:value` texts. */
class Model {
  history: (readonly string[])[] = [[]];
  /** Position in the history that is known to be durable. */
  acknowledged = 0;
  /** In order; `position` of those that were to be written at once. */
  states: { readonly value: string; readonly position?: number }[] = [];
  compactedTo = 1;

  get last(): readonly string[] {
    return this.history.at(-1) ?? [];
  }

  restart(entries: readonly string[], state: string): void {
    this.history = [entries];
    this.acknowledged = 0;
    this.states = [{ value: state, position: 0 }];
  }

  check(found: readonly string[], state: string): void {
    const first = found[0] === undefined ? undefined : sequenceOf(found[0]);
    const from = first ?? this.compactedTo;
    const candidates = this.history
      .slice(this.acknowledged)
      .map((entries) => entries.filter((each) => sequenceOf(each) >= from));
    assert.ok(
      candidates.some((each) => each.join() === found.join()),
      `what is left was never there: ${found.join(" ")}`,
    );
    if (first !== undefined) assert.ok(first <= this.compactedTo, `${first} was never compacted away`);
    const durable = this.states.findLastIndex(({ position }) => (position ?? Infinity) <= this.acknowledged);
    const known = this.states.slice(Math.max(0, durable)).map(({ value }) => value);
    assert.ok(known.includes(state), `state ${state} is none of ${known.join()}`);
  }
}

function sequenceOf(entry: string): number {
  return Number(entry.split(":")[0]);
}

let serial = 0;

function dataOf(size: number): Uint8Array {
  serial += 1;
  const data = new Uint8Array(size);
  new DataView(data.buffer).setUint32(0, serial, true);
  return data;
}

function describeData(data: Uint8Array): string {
  return `${new DataView(data.buffer, data.byteOffset).getUint32(0, true)}/${data.length}`;
}

async function contents(log: SegmentedLog): Promise<string[]> {
  const found: string[] = [];
  for await (const { data, sequence } of log.read()) found.push(`${sequence}:${describeData(data)}`);
  return found;
}

async function take(step: Step, log: SegmentedLog, model: Model): Promise<void> {
  switch (step.kind) {
    case "append":
      for (const data of step.sizes.map(dataOf)) {
        const sequence = log.append([data]);
        model.history.push([...model.last, `${sequence}:${describeData(data)}`]);
      }
      return;
    case "truncate": {
      const lowest = log.firstSequence - 1;
      const sequence = Math.round(log.lastSequence - (log.lastSequence - lowest) * step.share);
      log.truncateAfter(sequence);
      model.history.push(model.last.filter((each) => sequenceOf(each) <= sequence));
      return;
    }
    case "reset": {
      const sequence = Math.max(0, log.lastSequence + step.jump);
      log.resetTo(sequence);
      model.history.push([]);
      model.compactedTo = Math.max(model.compactedTo, sequence + 1);
      return;
    }
    case "state":
      serial += 1;
      log.setState(new TextEncoder().encode(`s${serial}`), step.when);
      model.history.push(model.last);
      model.states.push({
        value: `s${serial}`,
        ...(step.when === "now" && { position: model.history.length - 1 }),
      });
      return;
    case "sync": {
      const position = model.history.length - 1;
      const synced = log.sync().then(() => {
        model.acknowledged = Math.max(model.acknowledged, position);
      });
      if (step.wait) await synced;
      else void synced;
      return;
    }
    case "mark":
      return log.mark();
    case "compact": {
      const sequence = Math.round(log.firstSequence + (log.lastSequence - log.firstSequence) * step.share);
      model.compactedTo = Math.max(model.compactedTo, sequence);
      return log.truncateBefore(sequence);
    }
  }
}

async function live({ how, steps, stopAt }: Life, hardware: MemoryDisk, model: Model): Promise<void> {
  const stopped = hardware.stopAt(stopAt, how);
  const run = async () => {
    const log = await open(hardware);
    const found = await contents(log);
    const state = new TextDecoder().decode(log.state);
    model.check(found, state);
    model.restart(found, state);
    for (const each of steps) await take(each, log, model);
    await log.sync();
    model.acknowledged = model.history.length - 1;
    if (how === "kill") await log.close();
    return "finished";
  };
  // Only a life that came to its end is ended here: one that was stopped is over, and another may have begun.
  if ((await Promise.race([stopped, run()])) === "finished") hardware.kill();
}

function open(hardware: MemoryDisk): Promise<SegmentedLog> {
  return SegmentedLog.open(hardware.mount(), "log", { identity: "test", ...LIMITS, log: () => undefined });
}

test("whenever it stops, what was synced is there, and nothing that never was", async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer(), fc.array(life, { minLength: 1, maxLength: 6 }), async (seed, lives) => {
      const hardware = new MemoryDisk({ random: seededRandom(seed) });
      const model = new Model();
      model.restart([], "");
      for (const each of lives) await live(each, hardware, model);
      const log = await open(hardware);
      model.check(await contents(log), new TextDecoder().decode(log.state));
    }),
    { numRuns: 400 },
  );
});

test("stopped at each single call of one run, it loses nothing that was synced", async () => {
  const steps: Step[] = [];
  for (let round = 0; round < 8; round += 1) {
    steps.push({ kind: "append", sizes: [300, 40, 900] }, { kind: "sync", wait: true });
    if (round % 3 === 2) steps.push({ kind: "truncate", share: 0.2 }, { kind: "compact", share: 0.6 });
    steps.push({ kind: "state", when: "now" }, { kind: "sync", wait: false }, { kind: "mark" });
  }
  let calls = 1;
  for (let stopAt = 1; stopAt <= calls; stopAt += 1) {
    for (const how of ["crash", "kill"] as const) {
      for (let seed = 0; seed < 3; seed += 1) {
        const hardware = new MemoryDisk({ random: seededRandom(`${stopAt} ${how} ${seed}`) });
        const model = new Model();
        model.restart([], "");
        await live({ steps, stopAt, how }, hardware, model);
        calls = Math.max(calls, hardware.operations + 1);
        const log = await open(hardware);
        model.check(await contents(log), new TextDecoder().decode(log.state));
      }
    }
    assert.ok(stopAt < 1000);
  }
  assert.ok(calls > 50, `${calls} calls`);
});
