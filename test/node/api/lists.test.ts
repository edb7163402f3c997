import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Type } from "@sinclair/typebox";
import fc from "fast-check";
import type { Allocation, AllocationId, JobId, NodeId } from "../../../federation/index.ts";
import { type Listing, page, SCAN_ROWS_MAX } from "../../../node/api/lists/page.ts";
import { resolveId } from "../../../node/api/lists/prefix.ts";
import { ask, FakeService, world } from "./fixture.ts";
import { allocation, FULL, job, node, spec } from "./tables.ts";

interface Thing {
  readonly major: number;
  readonly minor: string;
}

const ThingRow = Type.Object({ major: Type.Integer(), minor: Type.String() });

function listing(things: readonly Thing[]): Listing<Thing, Thing> {
  return {
    name: "things",
    things,
    major: ({ major }) => major,
    minor: ({ minor }) => minor,
    schema: ThingRow,
    toRow: (thing) => thing,
  };
}

const thing = fc.record({ major: fc.integer({ min: 0, max: 9 }), minor: fc.string({ maxLength: 3 }) });
const keyOf = ({ major, minor }: Thing) => `${major}/${minor}`;
const things = fc
  .uniqueArray(thing, { maxLength: 40, selector: keyOf })
  .map((all) => all.toSorted((left, right) => left.major - right.major));

function allPages(of: () => readonly Thing[], limit: number, filter?: string): readonly Thing[] {
  const rows: Thing[] = [];
  let next: string | undefined;
  for (let turn = 0; turn < 100; turn++) {
    const answer = page(listing(of()), {
      limit,
      ...(next === undefined ? {} : { next }),
      ...(filter === undefined ? {} : { filter }),
    });
    assert.ok(answer.items.length <= limit);
    rows.push(...answer.items);
    if (answer.next === null) return rows;
    next = answer.next;
  }
  return assert.fail("pages without end");
}

describe("pages", () => {
  test("together are the whole list in its order, whatever the size of a page", () => {
    fc.assert(
      fc.property(things, fc.integer({ min: 1, max: 7 }), (all, limit) => {
        const expected = all.toSorted(
          (left, right) => left.major - right.major || (left.minor < right.minor ? -1 : 1),
        );
        assert.deepEqual(
          allPages(() => all, limit),
          expected,
        );
        const odd = expected.filter(({ major }) => major === 3);
        assert.deepEqual(
          allPages(() => all, limit, "major == 3"),
          odd,
        );
      }),
    );
  });

  test("rows that stay are seen once each, whatever comes and goes between", () => {
    fc.assert(
      fc.property(things, things, fc.infiniteStream(fc.boolean()), (stay, flicker, draws) => {
        const keys = new Set(stay.map(keyOf));
        const others = flicker.filter((each) => !keys.has(keyOf(each)));
        const seen = allPages(() => {
          const present = others.filter(() => draws.next().value === true);
          return [...stay, ...present].toSorted((left, right) => left.major - right.major);
        }, 3).map(keyOf);
        assert.equal(new Set(seen).size, seen.length);
        for (const key of keys) assert.ok(seen.includes(key));
      }),
    );
  });

  test("any text for a token is a page or a refusal", () => {
    const tokens = fc.oneof(
      fc.string(),
      fc.json().map((text) => Buffer.from(text).toString("base64url")),
      fc
        .array(fc.oneof(fc.constantFrom<unknown>(1, "things"), fc.jsonValue()), { maxLength: 5 })
        .map((parts) => Buffer.from(JSON.stringify(parts)).toString("base64url")),
    );
    fc.assert(
      fc.property(tokens, (next) => {
        try {
          page(listing([{ major: 1, minor: "a" }]), { next });
        } catch (error) {
          assert.equal((error as { code?: string }).code, "bad_request");
        }
      }),
      { numRuns: 500 },
    );
  });

  test("a filter looks at a bounded number of rows and goes on with the next page", () => {
    const all = Array.from({ length: SCAN_ROWS_MAX + 5 }, (_, major) => ({ major, minor: "" }));
    const last = `major == ${SCAN_ROWS_MAX + 4}`;
    const first = page(listing(all), { filter: last });
    assert.deepEqual(first.items, []);
    assert.ok(first.next !== null);
    const second = page(listing(all), { filter: last, next: first.next });
    assert.deepEqual(second, { items: [{ major: SCAN_ROWS_MAX + 4, minor: "" }], next: null });
  });

  test("a list out of order is a bug, and said to be one", () => {
    const all = [
      { major: 2, minor: "" },
      { major: 1, minor: "" },
    ];
    assert.throws(() => page(listing(all), {}), /things are out of order/);
  });
});

const many = Array.from({ length: 5 }, (_, at) =>
  allocation({
    id: `alloc-${at}` as AllocationId,
    createIndex: 6 + Math.floor(at / 2),
    status: at === 1 ? "failed" : "running",
    job: (at === 4 ? "other" : "shop") as JobId,
  }),
);
const service = () => new FakeService({ ...FULL, allocations: many });
const idsOf = (answer: { json: { items: { id: string }[] } }) => answer.json.items.map(({ id }) => id);

describe("lists of the API", () => {
  test("pages and filters by query", async () => {
    const { app } = world(service());
    const first = await ask(app, "GET", "/v1/allocations?all=true&limit=2");
    assert.deepEqual(idsOf(first), ["alloc-0", "alloc-1"]);
    const next = encodeURIComponent(first.json.next);
    const second = await ask(app, "GET", `/v1/allocations?all&limit=2&next=${next}`);
    assert.deepEqual(idsOf(second), ["alloc-2", "alloc-3"]);
    const filter = encodeURIComponent('status == "failed" or job == "other"');
    assert.deepEqual(idsOf(await ask(app, "GET", `/v1/allocations?all=1&filter=${filter}`)), [
      "alloc-1",
      "alloc-4",
    ]);
  });

  test("leave out what has ended, unless asked", async () => {
    const { app } = world(service());
    assert.deepEqual(idsOf(await ask(app, "GET", "/v1/allocations")), [
      "alloc-0",
      "alloc-2",
      "alloc-3",
      "alloc-4",
    ]);
    assert.deepEqual(idsOf(await ask(app, "GET", "/v1/allocations?job=other")), ["alloc-4"]);
    assert.deepEqual(idsOf(await ask(app, "GET", "/v1/allocations?job=shop&namespace=far")), []);
    assert.deepEqual(idsOf(await ask(app, "GET", "/v1/allocations?namespace=far")), []);
  });

  test("of one kind do not take the token of another", async () => {
    const { app } = world(service());
    const { json } = await ask(app, "GET", "/v1/allocations?limit=1");
    for (const next of [json.next, "nonsense", ""]) {
      const answer = await ask(app, "GET", `/v1/nodes?next=${encodeURIComponent(next)}`);
      assert.equal(answer.status, 400);
      assert.equal(answer.json.error.details[0].path, "query.next");
    }
  });

  test("tell what is wrong with a filter", async () => {
    const { app } = world(service());
    const answer = await ask(app, "GET", "/v1/jobs?filter=staus%20%3D%3D%20dead");
    assert.equal(answer.status, 400);
    assert.deepEqual(answer.json.error, {
      code: "bad_request",
      message: 'filter: column 1: no field "staus"',
      hint: 'did you mean "status"?',
      details: [
        {
          path: "query.filter",
          message: 'no field "staus"',
          line: 1,
          column: 1,
          hint: 'did you mean "status"?',
        },
      ],
    });
    const long = `/v1/jobs?filter=${"x".repeat(2049)}`;
    assert.match((await ask(app, "GET", long)).json.error.message, /at most 2048 characters/);
  });

  test("jobs by prefix and namespace, in order of both", async () => {
    const jobOf = (namespace: string, id: string) => job({}, spec({ namespace, id: id as JobId }));
    const jobs = [jobOf("a", "x"), jobOf("a", "y"), jobOf("a-b", "x"), jobOf("default", "shop")];
    const { app } = world(new FakeService({ ...FULL, jobs }));
    const namesOf = async (query: string) => {
      const { json } = await ask(app, "GET", `/v1/jobs${query}`);
      return json.items.map((row: { namespace: string; id: string }) => `${row.namespace}/${row.id}`);
    };
    assert.deepEqual(await namesOf(""), ["a/x", "a/y", "a-b/x", "default/shop"]);
    assert.deepEqual(await namesOf("?prefix=x"), ["a/x", "a-b/x"]);
    assert.deepEqual(await namesOf("?namespace=a"), ["a/x", "a/y"]);
    const first = await ask(app, "GET", "/v1/jobs?limit=2");
    assert.deepEqual(await namesOf(`?next=${encodeURIComponent(first.json.next)}`), [
      "a-b/x",
      "default/shop",
    ]);
  });
});

describe("short ids", () => {
  const nodes = ["node-aaaa-1", "node-aaaa-2", "node-bbbb-1", "abcd"].map((id) => node({ id: id as NodeId }));
  const asked = async (url: string) => {
    const { app } = world(new FakeService({ ...FULL, nodes }));
    return ask(app, "GET", url);
  };

  test("name the one thing that starts so", async () => {
    assert.equal((await asked("/v1/nodes/node-b")).json.id, "node-bbbb-1");
    assert.equal((await asked("/v1/nodes/abcd")).json.id, "abcd");
    assert.equal((await asked("/v1/allocations/allo")).json.id, "alloc-1111-2222");
    assert.equal((await asked("/v1/evaluations/eval")).json.id, "eval-1111");
  });

  test("need four characters", async () => {
    const answer = await asked("/v1/nodes/abc");
    assert.equal(answer.status, 400);
    assert.match(answer.json.error.hint, /first 4 characters/);
  });

  test("that fit several are answered with them", async () => {
    const answer = await asked("/v1/nodes/node-aaaa");
    assert.equal(answer.status, 409);
    assert.deepEqual(answer.json.error, {
      code: "ambiguous",
      message: '2 nodes have ids that start with "node-aaaa"',
      hint: "give more characters of the id",
      details: [
        { path: "node-aaaa-1", message: "one, ready" },
        { path: "node-aaaa-2", message: "one, ready" },
      ],
    });
  });

  test("that fit none are not found", async () => {
    const answer = await asked("/v1/nodes/node-cccc");
    assert.equal(answer.status, 404);
    assert.equal(answer.json.error.message, 'no node "node-cccc"');
  });

  test("a whole id wins over what it is the start of; candidates are bounded", () => {
    const all = Array.from({ length: 30 }, (_, at) => ({ id: `aaaa${at}` }));
    const collection = {
      noun: "thing",
      find: (id: string) => all.find((one) => one.id === id),
      all: () => all,
      label: () => "",
    };
    assert.equal(resolveId(collection, "aaaa1").id, "aaaa1");
    assert.throws(
      () => resolveId(collection, "aaaa"),
      (error: { details: unknown[]; message: string }) =>
        error.details.length === 10 && /30 things/.test(error.message),
    );
  });

  test("serve for changes too", async () => {
    const { app, service } = world(
      new FakeService({
        ...FULL,
        allocations: [allocation(), allocation({ id: "alloc-2222" as AllocationId })],
      }),
    );
    assert.equal((await ask(app, "POST", "/v1/allocations/alloc/stop")).status, 409);
    const stopped = await ask(app, "POST", "/v1/allocations/alloc-1/stop", { body: {} });
    assert.deepEqual(stopped.json, { index: 12, evaluation_id: "eval-3333" });
    const restarted = await ask(app, "POST", "/v1/allocations/alloc-2/restart", { body: { task: "app" } });
    assert.deepEqual(restarted.json, { index: 13 });
    await ask(app, "POST", "/v1/allocations/alloc-2/restart");
    assert.deepEqual(service.calls, [
      { call: "stopAllocation", id: "alloc-1111-2222" as Allocation["id"] },
      { call: "restartAllocation", id: "alloc-2222", task: "app" },
      { call: "restartAllocation", id: "alloc-2222", task: undefined },
    ]);
  });
});
