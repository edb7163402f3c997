/** What other folders may see of the drivers. */
export type {
  CommandResult,
  Driver,
  TaskExit,
  TaskHandle,
  TaskLease,
  TaskStart,
  TaskUsage,
} from "./driver.ts";
export { type LogChunk, type ReadLogOptions, readLog, tailOffset } from "./keeper/logs/reader.ts";
export { createProcessDriver, type ProcessDriverOptions } from "./process.ts";
