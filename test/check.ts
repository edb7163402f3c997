/** `npm run check`: types, format, lint and unused code. Also the first part of `npm test`. */
import { join } from "node:path";
import { check } from "./runner/check.ts";

const clean = await check(join(import.meta.dirname, ".."));
if (clean) process.stdout.write("check: nothing found\n");
process.exitCode = clean ? 0 : 1;
