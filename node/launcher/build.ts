/**
 * `npm run build`: the programs of the peer as a few files of plain JavaScript in dist/, with everything they
 * import. docs/decisions/001 says what that saves.
 */
import fs from "node:fs";
import module from "node:module";
import path from "node:path";
import process from "node:process";
import commonjsPlugin from "@rollup/plugin-commonjs";
import jsonPlugin from "@rollup/plugin-json";
import { nodeResolve } from "@rollup/plugin-node-resolve";
import { type OutputChunk, type Plugin, type RenderedChunk, type RollupLog, rollup } from "rollup";
import { checkoutOf, filesOf, runningPeers } from "./checkout.mjs";
import { licencesOf } from "./licences.ts";

// Their types describe CommonJS, where the function is a property; Node and rollup read the ES modules.
const commonjs = commonjsPlugin as unknown as typeof commonjsPlugin.default;
const json = jsonPlugin as unknown as typeof jsonPlugin.default;

const root = checkoutOf(import.meta.url);
const target = path.join(root, "dist");

/** Program in dist/ → its source. A program whose source does not exist yet is left out. */
const programs: Readonly<Record<string, string>> = {
  peer: "node/launcher/bin.mjs",
  keeper: "drivers/keeper/main.ts",
  planner: "node/host/placing/main.ts",
};

/** Node's own type stripping leaves every position as it was, so no source map is needed for it. */
const stripTypes: Plugin = {
  name: "strip-types",
  transform: (code, id) =>
    id.endsWith(".ts") ? { code: module.stripTypeScriptTypes(code), map: null } : undefined,
};

/** Some CommonJS libraries look at these while they run; modules have neither. */
const commonJsGlobals = [
  'import { createRequire } from "node:module";',
  "const require = createRequire(import.meta.url);",
  "const __dirname = import.meta.dirname;",
].join("\n");

function bannerOf({ modules }: RenderedChunk): string {
  const used = Object.values(modules).some(
    ({ code }) => code !== null && /\b(require|__dirname)\b/.test(code),
  );
  return used ? commonJsGlobals : "";
}

function existing(sources: Readonly<Record<string, string>>): Record<string, string> {
  const entries = Object.entries(sources).map(([name, source]) => [name, path.join(root, source)] as const);
  return Object.fromEntries(entries.filter(([, source]) => fs.existsSync(source)));
}

/** Libraries import in circles and say so; what concerns our own files stops the build. */
function onLog(level: string, log: RollupLog): void {
  const places = [log.id ?? [], log.ids ?? []].flat();
  const ofLibraries = places.length > 0 && places.every((place) => place.includes("node_modules"));
  if (level !== "warn" || ofLibraries) return;
  throw new Error(`${log.code ?? "warning"}: ${log.message}`);
}

async function bundle(): Promise<OutputChunk[]> {
  const build = await rollup({
    input: existing(programs),
    plugins: [
      stripTypes,
      nodeResolve({ preferBuiltins: true, exportConditions: ["node"] }),
      commonjs(),
      json({ preferConst: true }),
    ],
    onLog,
  });
  try {
    const { output } = await build.generate({
      dir: target,
      format: "es",
      sourcemap: true,
      banner: bannerOf,
      entryFileNames: "[name].js",
      chunkFileNames: "[name]-[hash].js",
    });
    for (const file of output) write(file.fileName, file.type === "chunk" ? withMap(file) : file.source);
    return output.filter((file) => file.type === "chunk");
  } finally {
    await build.close();
  }
}

function withMap(chunk: OutputChunk): string {
  return chunk.map ? `${chunk.code}//# sourceMappingURL=${chunk.fileName}.map\n` : chunk.code;
}

/** Into place by renaming: a peer that starts meanwhile finds a whole file, old or new. */
function write(name: string, content: string | Uint8Array): void {
  const file = path.join(target, name);
  const partial = `${file}.${process.pid}`;
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(partial, content);
  fs.renameSync(partial, file);
}

/** Chunks of earlier builds; a running peer may still import its own, so they stay while one runs. */
function removeOldFiles(kept: ReadonlySet<string>): void {
  if (runningPeers(root).length > 0) return;
  for (const name of fs.readdirSync(target)) {
    if (!kept.has(name)) fs.rmSync(path.join(target, name), { recursive: true });
  }
  fs.rmSync(filesOf(root).compileCache, { recursive: true, force: true });
}

const began = new Date();
const chunks = await bundle();
write("LICENSES.txt", licencesOf(chunks.flatMap((chunk) => chunk.moduleIds)));
removeOldFiles(new Set(["LICENSES.txt", ...chunks.flatMap(({ fileName }) => [fileName, `${fileName}.map`])]));
for (const chunk of chunks.filter(({ isEntry }) => isEntry)) {
  const file = path.join(target, chunk.fileName);
  fs.chmodSync(file, 0o755);
  // The launcher takes the bundle only while no source is newer than the beginning of its build.
  fs.utimesSync(file, began, began);
}
const bytes = chunks.reduce((sum, { code }) => sum + code.length, 0);
process.stdout.write(`dist: ${chunks.length} files, ${Math.round(bytes / 1024)} KiB\n`);
