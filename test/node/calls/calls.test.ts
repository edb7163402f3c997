import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { type NodeId, PeerError } from "../../../federation/index.ts";
import { ManualClock } from "../../../lab/index.ts";
import { Calls } from "../../../node/calls/calls.ts";
import { CALL_BYTES_MAX, decodeFrame, encodeFrame, type Frame } from "../../../node/calls/frame.ts";
import { LinkHub } from "../../support/link-hub.ts";

const [A, B] = ["a", "b"] as [NodeId, NodeId];
const bytes = (text: string) => new TextEncoder().encode(text);
const text = (data: Uint8Array) => new TextDecoder().decode(data);

function pairOfPeers() {
  const hub = new LinkHub();
  const clock = new ManualClock();
  const log = () => undefined;
  const a = new Calls({ links: hub.join(A), clock, log });
  const b = new Calls({ links: hub.join(B), clock, log });
  return { hub, clock, a, b };
}

function refusedAs(code: string) {
  return (error: unknown) => error instanceof PeerError && error.code === code;
}

describe("a call", () => {
  test("is answered by the handler of its name, who is told who asks", async () => {
    const { a, b } = pairOfPeers();
    b.handle("greet", async (peer, payload) => bytes(`${text(payload)} from ${peer}`));
    assert.equal(text(await a.call(B, "greet", bytes("hello"), 1000)), "hello from a");
  });

  test("brings a refusal as it was made", async () => {
    const { a, b } = pairOfPeers();
    b.handle("refuse", async () => {
      throw new PeerError("conflict", "not now", { hint: "later", retryable: true });
    });
    await assert.rejects(a.call(B, "refuse", bytes(""), 1000), (error: PeerError) => {
      assert.deepEqual(
        [error.code, error.message, error.hint, error.retryable],
        ["conflict", "not now", "later", true],
      );
      return true;
    });
    await assert.rejects(a.call(B, "none", bytes(""), 1000), refusedAs("not_supported"));
  });

  test("ends with its deadline, and the late answer is nobody's", async () => {
    const { a, b, clock } = pairOfPeers();
    const late = Promise.withResolvers<Uint8Array>();
    b.handle("slow", () => late.promise);
    const call = assert.rejects(a.call(B, "slow", bytes(""), 1000), refusedAs("timeout"));
    await clock.advance(1001);
    await call;
    late.resolve(bytes("too late"));
    await clock.advance(1);
  });

  test("ends with its link, and with the peer", async () => {
    const { a, b, hub } = pairOfPeers();
    b.handle("hang", () => new Promise(() => undefined));
    const cut = assert.rejects(a.call(B, "hang", bytes(""), 1000), refusedAs("unavailable"));
    hub.cut(A, B);
    await cut;
    await assert.rejects(a.call(B, "hang", bytes(""), 1000), refusedAs("unavailable"));
    hub.open(A, B);
    const closed = assert.rejects(a.call(B, "hang", bytes(""), 1000), refusedAs("stopping"));
    a.close();
    await closed;
  });

  test("is bounded in size and in number", async () => {
    const { a, b } = pairOfPeers();
    const release = Promise.withResolvers<Uint8Array>();
    b.handle("wait", () => release.promise);
    await assert.rejects(a.call(B, "wait", new Uint8Array(CALL_BYTES_MAX + 1), 1), refusedAs("too_large"));
    const calls = Array.from({ length: 256 }, () => a.call(B, "wait", bytes(""), 60_000));
    await assert.rejects(a.call(B, "wait", bytes(""), 60_000), refusedAs("too_many_requests"));
    release.resolve(bytes("done"));
    assert.equal((await Promise.all(calls)).length, 256);
    assert.equal(text(await a.call(B, "wait", bytes(""), 60_000)), "done");
  });
});

describe("frames", () => {
  const plainObject = { noNullPrototype: true };
  const frames: fc.Arbitrary<Frame> = fc.oneof(
    fc.record(
      {
        kind: fc.constant("request" as const),
        id: fc.nat(),
        method: fc.string({ maxLength: 16 }),
        timeoutMs: fc.nat(),
        payload: fc.uint8Array(),
      },
      plainObject,
    ),
    fc.record({ kind: fc.constant("answer" as const), id: fc.nat(), payload: fc.uint8Array() }, plainObject),
    fc.record(
      {
        kind: fc.constant("refusal" as const),
        id: fc.nat(),
        refusal: fc
          .tuple(fc.string(), fc.boolean())
          .map(([message, retryable]) => ({ code: "conflict" as const, message, retryable })),
      },
      plainObject,
    ),
  );

  test("are read as they were written", () => {
    fc.assert(
      fc.property(frames, (frame) => {
        const read = decodeFrame(encodeFrame(frame));
        const plain = (value: Frame | undefined) =>
          value !== undefined && "payload" in value ? { ...value, payload: [...value.payload] } : value;
        assert.deepEqual(plain(read), plain(frame));
      }),
    );
  });

  test("of any other bytes are none, and break nothing", () => {
    const { a, hub, b } = pairOfPeers();
    const links = hub.join("c");
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (data) => {
        decodeFrame(data);
        links.send(B, "calls", data);
      }),
    );
    a.close();
    b.close();
  });
});
