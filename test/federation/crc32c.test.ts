import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { crc32c } from "../../federation/crc32c.ts";

const ascending = Uint8Array.from({ length: 32 }, (_, at) => at);

test("the examples of RFC 3720, appendix B.4", () => {
  assert.equal(crc32c(new Uint8Array(32)), 0x8a9136aa);
  assert.equal(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43);
  assert.equal(crc32c(ascending), 0x46dd794e);
  assert.equal(crc32c(ascending.toReversed()), 0x113fdb5c);
  const read = "01c00000000000000000000000000000140000000000040000000014000000182800000000000000";
  assert.equal(crc32c(Buffer.from(`${read}0200000000000000`, "hex")), 0xd9963a56);
});

test("the check value of the catalogue of parametrised CRC algorithms, and nothing at all", () => {
  assert.equal(crc32c(new TextEncoder().encode("123456789")), 0xe3069283);
  assert.equal(crc32c(new Uint8Array(0)), 0);
});

/** Bit by bit, as the definition has it. */
function slow(data: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of data) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return ~crc >>> 0;
}

test("any bytes give what a bit-by-bit computation gives, in one piece or two", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(100), (data, at) => {
      const expected = slow(data);
      assert.equal(crc32c(data), expected);
      const cut = Math.min(at, data.length);
      assert.equal(crc32c(data.subarray(cut), crc32c(data.subarray(0, cut))), expected);
    }),
  );
});
