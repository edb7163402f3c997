/** The process: words in, exit code out. */
import { runProcess } from "./cli/process.ts";

await runProcess();
