import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { EventParser, type ServerEvent } from "../../../../node/cli/connection/event-stream.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

function parse(...parts: readonly Uint8Array[]): readonly ServerEvent[] {
  const parser = new EventParser();
  return parts.flatMap((part) => parser.push(part));
}

/** The same bytes, cut at these places. */
function cutAt(whole: Uint8Array, places: readonly number[]): readonly Uint8Array[] {
  const cuts = [...new Set(places.map((place) => place % (whole.length + 1)))].sort(
    (left, right) => left - right,
  );
  return [0, ...cuts].map((from, index) => whole.subarray(from, cuts[index]));
}

describe("server-sent events", () => {
  test("have id, name and data; comments and unknown fields are nothing", () => {
    const text = ': hello\nretry: 5\nid: c1\nevent: JobAdmitted\ndata: {"a":1}\n\ndata: x\ndata:y\ndata\n\n';
    assert.deepEqual(parse(bytes(text)), [
      { id: "c1", event: "JobAdmitted", data: '{"a":1}' },
      { id: "c1", event: "message", data: "x\ny\n" },
    ]);
  });

  test("lines end with LF, CRLF or CR, also where a CRLF comes in two parts", () => {
    const expected = [{ id: "1", event: "a", data: "b" }];
    assert.deepEqual(parse(bytes("id: 1\r\nevent: a\r\ndata: b\r\n\r\n")), expected);
    assert.deepEqual(parse(bytes("id: 1\revent: a\rdata: b\r\r\n")), expected);
    assert.deepEqual(parse(bytes("id: 1\nevent: a\ndata: b\r"), bytes("\n\r"), bytes("\n")), expected);
  });

  test("an id alone moves the place to resume from, and gives no event", () => {
    const parser = new EventParser();
    assert.deepEqual(parser.push(bytes(": heartbeat\nid: c9\n\n")), []);
    assert.equal(parser.lastId, "c9");
    parser.push(bytes("id: bad\0id\n\n"));
    assert.equal(parser.lastId, "c9");
  });

  test("what had begun when the connection broke is void", () => {
    const parser = new EventParser();
    parser.push(bytes("id: c1\ndata: whole\n\nid: c2\ndata: half"));
    parser.reset();
    assert.deepEqual(parser.push(bytes("data: next\n\n")), [{ id: "c1", event: "message", data: "next" }]);
  });

  test("are the same wherever the bytes are cut, through the middle of a character too", () => {
    const line = fc.string({ unit: "grapheme" }).map((text) => text.replaceAll(/[\r\n\0]/g, "_"));
    const events = fc.array(
      fc.record({ id: line, event: line, data: fc.array(line, { minLength: 1, maxLength: 3 }) }),
    );
    const ends = fc.constantFrom("\n", "\r\n", "\r");
    fc.assert(
      fc.property(events, ends, fc.array(fc.nat()), (list, end, places) => {
        const text = list
          .map(({ id, event, data }) =>
            [`id: ${id}`, `event: ${event}`, ...data.map((each) => `data: ${each}`), "", ""].join(end),
          )
          .join("");
        // A last CR waits for its LF.
        const whole = bytes(`${text}: end${end}\n`);
        const expected = list.map(({ id, event, data }) => ({
          id,
          event: event === "" ? "message" : event,
          data: data.join("\n"),
        }));
        assert.deepEqual(parse(...cutAt(whole, places)), expected);
      }),
    );
  });

  test("have an end", () => {
    const parser = new EventParser();
    const part = bytes(`data: ${"x".repeat(1024 * 1024)}\n`);
    assert.throws(() => {
      for (let count = 0; count < 16; count += 1) parser.push(part);
    }, /endless event/);
  });
});
