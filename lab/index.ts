/** The simulated world, for tests of all folders. */
export { ManualClock } from "./clock.ts";
export { MemoryDisk, type Stop } from "./disk.ts";
export { SECTOR_BYTES } from "./disk-image.ts";
export { createFakeDriver, type FakeMachine } from "./driver.ts";
export { FuzzFailure, type FuzzReport, fuzzJobFiles } from "./fuzz/job-files.ts";
export { type Damage, damageValue, type Edit, editText, JUNK, KEYS, SNIPPETS } from "./fuzz/mutation.ts";
export { LabMachine } from "./machine.ts";
export { runOneMachine } from "./one-machine.ts";
export { eventually } from "./real/await.ts";
export { type KillLoopReport, runKillLoop } from "./real/kill-loop.ts";
export { tasksOf } from "./real/orphans.ts";
export { type CommandOutput, PeerProcess, runProgram } from "./real/peer-process.ts";
export { SwimCluster } from "./swim/cluster.ts";
