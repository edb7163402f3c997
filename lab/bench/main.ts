/** `npm run bench -- NAME...`: prints figures; nothing here passes or fails. */
import { loadavg } from "node:os";
import { formatRow, type Row } from "./row.ts";

const BENCHES: Readonly<Record<string, () => Promise<{ run(): Promise<readonly Row[]> }>>> = {
  start: () => import("./start.ts"),
  lab: () => import("./lab.ts"),
  ledger: () => import("./ledger.ts"),
  planner: () => import("./planner.ts"),
  scheduler: () => import("./scheduler.ts"),
  swim: () => import("./swim.ts"),
};

const names = process.argv.slice(2);
const unknown = names.filter((name) => !Object.hasOwn(BENCHES, name));
if (names.length === 0 || unknown.length > 0) {
  process.stderr.write(`usage: npm run bench -- NAME...  (${Object.keys(BENCHES).join(", ")})\n`);
  process.exitCode = 64;
} else {
  for (const name of names) {
    const bench = await BENCHES[name]?.();
    process.stdout.write(`${name} (load ${loadavg()[0]?.toFixed(2)}, Node ${process.version})\n`);
    for (const row of (await bench?.run()) ?? []) process.stdout.write(`  ${formatRow(row)}\n`);
  }
}
