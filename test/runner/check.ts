import { spawn } from "node:child_process";
import { join } from "node:path";

/** What reads the code without running it. Each is a program of a development dependency. */
const tools: readonly {
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
}[] = [
  { name: "types", program: "typescript/bin/tsc", args: ["--project", "."] },
  {
    name: "format and lint",
    program: "@biomejs/biome/bin/biome",
    args: ["check", "--error-on-warnings", "."],
  },
  {
    name: "unused code",
    program: "knip/bin/knip.js",
    args: ["--no-progress", "--no-config-hints"],
  },
];

const toolTimeoutMs = 5 * 60_000;

/**
 * Runs all tools side by side and prints what they find; nothing where all is well.
 * @returns whether all is well
 */
export async function check(root: string): Promise<boolean> {
  const results = await Promise.all(
    tools.map(async ({ name, program, args }) => ({ name, ...(await run(root, program, args)) })),
  );
  const failed = results.filter(({ code }) => code !== 0);
  for (const { name, output } of failed) process.stdout.write(`check failed: ${name}\n${output}\n`);
  return failed.length === 0;
}

function run(
  root: string,
  program: string,
  args: readonly string[],
): Promise<{ code: number; output: string }> {
  const child = spawn(process.execPath, [join(root, "node_modules", program), ...args], {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
    timeout: toolTimeoutMs,
  });
  const chunks: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => chunks.push(chunk));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ code: code ?? 1, output: Buffer.concat(chunks).toString() }));
  });
}
