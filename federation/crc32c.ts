/**
 * CRC-32C (Castagnoli), the checksum of iSCSI, ext4 and SCTP: RFC 3720 section 12.1. It finds damage, not
 * forgery. Computed eight bytes at a time with eight tables (Kounavis and Berry, "A Systematic Approach to
 * Building High Performance, Software-based, CRC Generators", 2005: "slicing-by-8").
 */
const POLYNOMIAL_REVERSED = 0x82f63b78;
const SLICES = 8;

const TABLE = buildTable();

function buildTable(): Int32Array {
  const table = new Int32Array(256 * SLICES);
  for (let byte = 0; byte < 256; byte += 1) {
    let remainder = byte;
    for (let bit = 0; bit < 8; bit += 1) {
      remainder = remainder & 1 ? (remainder >>> 1) ^ POLYNOMIAL_REVERSED : remainder >>> 1;
    }
    table[byte] = remainder;
  }
  for (let at = 256; at < table.length; at += 1) {
    const previous = item(table, at - 256);
    table[at] = (previous >>> 8) ^ item(table, previous & 0xff);
  }
  return table;
}

/** An index that the loops keep in range; the type can't tell. */
function item(words: Int32Array | Uint8Array, index: number): number {
  return words[index] as number;
}

/** Unsigned 32-bit checksum. With `seed`, the checksum of earlier bytes, it is that of both together. */
export function crc32c(data: Uint8Array, seed = 0): number {
  const length = data.length;
  const sliced = length - (length % SLICES);
  let crc = ~seed;
  let at = 0;
  for (; at < sliced; at += SLICES) {
    crc ^=
      item(data, at) | (item(data, at + 1) << 8) | (item(data, at + 2) << 16) | (item(data, at + 3) << 24);
    crc =
      item(TABLE, 0x700 + (crc & 0xff)) ^
      item(TABLE, 0x600 + ((crc >>> 8) & 0xff)) ^
      item(TABLE, 0x500 + ((crc >>> 16) & 0xff)) ^
      item(TABLE, 0x400 + (crc >>> 24)) ^
      item(TABLE, 0x300 + item(data, at + 4)) ^
      item(TABLE, 0x200 + item(data, at + 5)) ^
      item(TABLE, 0x100 + item(data, at + 6)) ^
      item(TABLE, item(data, at + 7));
  }
  for (; at < length; at += 1) crc = (crc >>> 8) ^ item(TABLE, (crc ^ item(data, at)) & 0xff);
  return ~crc >>> 0;
}
