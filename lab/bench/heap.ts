/** Memory of this process that is in use. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

let sweep: (() => void) | undefined;

export function collectGarbage(): void {
  if (sweep === undefined) {
    setFlagsFromString("--expose-gc");
    sweep = runInNewContext("gc") as () => void;
  }
  sweep();
  // Buffers go with the second.
  sweep();
}

/** Objects, and the buffers of typed arrays. */
export function usedBytes(): number {
  const { arrayBuffers, heapUsed } = process.memoryUsage();
  return arrayBuffers + heapUsed;
}
