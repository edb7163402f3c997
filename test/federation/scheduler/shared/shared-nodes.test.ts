import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { World } from "../../../../federation/index.ts";
import {
  SharedNodesReader,
  SharedNodesWriter,
} from "../../../../federation/scheduler/shared/shared-nodes.ts";
import { MIB, nodeOf, viewOf } from "../../fixtures.ts";

const PORTS = [80, 1_023, 1_024, 7_337, 20_000, 20_001, 40_000, 65_535];
const view = viewOf({
  nodes: Array.from({ length: 5 }, (_, n) => nodeOf(`node-${n}`, { dynamicPorts: [20_000, 20_003] })),
});

function told({ columns, nodes }: World) {
  return nodes.map((_, row) => [
    columns.cpuFree[row],
    columns.memoryFree[row],
    columns.diskFree[row],
    columns.dynamicPortsFree[row],
    columns.cpuPower[row],
    columns.memoryPower[row],
    PORTS.filter((port) => columns.ports[row]?.has(port)),
  ]);
}

describe("shared columns", () => {
  test("property: a reader has what was written, and is told of the rows that changed", () => {
    const step = fc.record({
      row: fc.nat(4),
      cpu: fc.nat(300),
      port: fc.constantFrom(...PORTS),
      free: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(fc.array(step, { maxLength: 8 }), { maxLength: 8 }), (rounds) => {
        const [own, other] = [new World(view), new World(view)];
        const writer = new SharedNodesWriter(own.columns);
        const reader = new SharedNodesReader(writer.buffers);
        reader.read(other.columns, () => undefined);
        for (const steps of rounds) {
          const changed = new Set<number>();
          for (const { cpu, free, port, row } of steps) {
            const held = { cpu, memoryBytes: cpu * MIB, diskBytes: cpu };
            if (free) own.free(row, held, { port });
            else own.hold(row, held, { port });
            changed.add(row);
          }
          for (const row of changed) writer.write(own.columns, row);
          const seen: number[] = [];
          reader.read(other.columns, (row) => seen.push(row));
          assert.deepEqual(seen, [...changed].sort());
          assert.deepEqual(told(other), told(own));
        }
      }),
      { numRuns: 200 },
    );
  });

  test("pages of ports are added as nodes need them", () => {
    const [own, other] = [new World(view), new World(view)];
    const writer = new SharedNodesWriter(own.columns);
    const reader = new SharedNodesReader(writer.buffers);
    for (let row = 0; row < 5; row += 1) {
      for (let port = row; port < 65_536; port += 512) own.columns.holdPort(row, port);
      writer.write(own.columns, row);
    }
    reader.read(other.columns, () => undefined);
    for (let row = 0; row < 5; row += 1) {
      for (let port = row; port < 65_536; port += 511) {
        assert.equal(other.columns.ports[row]?.has(port), own.columns.ports[row]?.has(port));
      }
    }
  });

  test("a row that is being written is taken as it is, and read again the next time", () => {
    const [own, other] = [new World(view), new World(view)];
    const writer = new SharedNodesWriter(own.columns);
    const reader = new SharedNodesReader(writer.buffers);
    reader.read(other.columns, () => undefined);
    const { columns, rows } = writer.buffers;
    const versions = new Int32Array(columns, rows * 3 * Float64Array.BYTES_PER_ELEMENT, rows);
    Atomics.add(versions, 2, 1);
    const seen: number[] = [];
    for (let round = 0; round < 2; round += 1) reader.read(other.columns, (row) => seen.push(row));
    Atomics.add(versions, 2, 1);
    for (let round = 0; round < 2; round += 1) reader.read(other.columns, (row) => seen.push(row));
    assert.deepEqual(seen, [2, 2, 2]);
  });
});
