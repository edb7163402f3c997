/** Threads for planning as Node's workers: nothing of this process but the messages that they are sent. */
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { PlacingThreads } from "../../authority/planning/threads.ts";

/** One core is left to the ledger's own thread. */
const THREADS_MAX = 4;
/** A desk for 5,000 nodes needs a tenth of it. */
const HEAP_MEBIBYTES = 512;

/** `entry`: absolute path of the file that a thread runs. */
export function placingThreads(entry: string, cores = availableParallelism()): PlacingThreads {
  return {
    max: Math.max(0, Math.min(THREADS_MAX, cores - 1)),
    start({ answered, ended }) {
      const worker = new Worker(entry, {
        name: "planner",
        env: {},
        execArgv: [],
        resourceLimits: { maxOldGenerationSizeMb: HEAP_MEBIBYTES },
      });
      worker.on("message", answered);
      worker.on("error", (error: Error) => ended(error.message));
      worker.on("exit", (code) => ended(`it ended with code ${code}`));
      // The peer ends when all else of it has.
      worker.unref();
      return {
        send: (message) => worker.postMessage(message),
        close: async () => {
          await worker.terminate();
        },
      };
    },
  };
}
