/** Starts one task as a peer would, tells its handle, and waits to be killed. Run by `keeper.test.ts`. */
import { createProcessDriver, type TaskStart } from "../../drivers/index.ts";
import { KEEPER_ENTRY } from "./real-driver.ts";

const { dataDirectory, task } = JSON.parse(process.argv[2] ?? "") as {
  readonly dataDirectory: string;
  readonly task: TaskStart;
};
const driver = createProcessDriver({
  dataDirectory,
  nodePath: process.execPath,
  keeperEntry: KEEPER_ENTRY,
  log: () => undefined,
});
const handle = await driver.start(task);
process.stdout.write(JSON.stringify(handle));
await driver.wait(handle, new AbortController().signal);
