/** Small things of the machine that the driver needs on the peer's side. */
import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import { delimiter, join } from "node:path";
import type { TaskExit } from "../../driver.ts";

/** Whether the peer's own PATH leads to a program. */
export function hasProgram(name: string): boolean {
  const places = (process.env["PATH"] ?? "").split(delimiter).filter(Boolean);
  return places.some((place) => fs.existsSync(join(place, name)));
}

export function randomHex(bytes: number): string {
  return randomBytes(bytes).toString("hex");
}

/** In [0, 1), coarse: enough to spread retries. */
export function randomFraction(): number {
  return randomBytes(1).readUInt8() / 256;
}

export function unknownExit(message: string): TaskExit {
  return { unknown: true, message, finishedAtMs: Date.now() };
}
