/** The architecture, as data. What a change to this file means is for docs/ to say first. */

/** Code folder → the folders it may import, through their index.ts only. */
export const IMPORT_TABLE: ReadonlyMap<string, readonly string[]> = new Map([
  ["federation", []],
  ["crdt", ["federation"]],
  ["secrets", ["federation"]],
  ["netmesh", ["federation"]],
  ["drivers", ["federation"]],
  ["node", ["federation", "crdt", "secrets", "netmesh", "drivers"]],
  ["lab", ["federation", "crdt", "secrets", "netmesh", "drivers", "node"]],
  ["test", ["federation", "crdt", "secrets", "netmesh", "drivers", "node", "lab"]],
]);

/** All that may lie at the root beside files; what git ignores is not looked at. */
export const TOP_FOLDERS: readonly string[] = [...IMPORT_TABLE.keys(), "docs", "examples", ".ci"];

/** External package → where it may be imported. */
export const PACKAGE_HOMES: ReadonlyMap<string, readonly string[]> = new Map([
  ["@rollup/plugin-commonjs", ["node/launcher/build.ts"]],
  ["@rollup/plugin-json", ["node/launcher/build.ts"]],
  ["@rollup/plugin-node-resolve", ["node/launcher/build.ts"]],
  ["@sinclair/typebox", ["node/api/", "node/jobfile/"]],
  ["ajv", ["test/"]],
  ["fast-check", ["test/"]],
  ["fastify", ["node/api/"]],
  ["re2js", ["federation/fit/constraint/"]],
  ["rollup", ["node/launcher/build.ts", "test/tidy/"]],
  ["yaml", ["node/jobfile/"]],
]);

/** Development tools that are run as programs and never imported. */
export const PROGRAM_PACKAGES: readonly string[] = ["@biomejs/biome", "@types/node", "knip", "typescript"];

/**
 * Where the world is touched: clocks, randomness, files, sockets, processes. All other code gets them as
 * ports (docs: S25), which is what lets a whole peer run on a simulated world.
 */
export const REAL_PORTS: readonly string[] = [
  "drivers/keeper/", // a program of its own, outliving the peer
  "lab/bench/", // measures the real thing
  "lab/time/boundary.ts", // lets Node's own queues run dry between two events
  "lab/main.ts", // the process: arguments, exit codes
  "lab/real/", // the stories over real peers
  "lab/soak.ts",
  "node/cli/", // a program that ends with its command
  "node/data/data-directory.ts", // found and locked before there is a peer
  "node/data/directory-lock.ts",
  "node/host/", // the real ports themselves
  "node/launcher/", // runs before there is a peer
  "node/main.ts", // the process: arguments, signals, exit codes
  "node/start.ts",
  "test/check.ts",
  "test/e2e/", // real processes, real time
  "test/main.ts",
  "test/runner/",
];

/** Modules of Node that reach outside the process, or its clock. */
export const EFFECT_MODULES: ReadonlySet<string> = new Set(
  [
    ...["child_process", "cluster", "dgram", "dns", "dns/promises", "fs", "fs/promises", "http", "http2"],
    ...["https", "inspector", "net", "os", "perf_hooks", "readline", "readline/promises", "repl", "sqlite"],
    ...["timers", "timers/promises", "tls", "tty", "worker_threads"],
  ].map((name) => `node:${name}`),
);

/** Global object → its members that read a clock, randomness or the process's surroundings. */
export const EFFECT_MEMBERS: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  ["Date", new Set(["now"])],
  ["Math", new Set(["random"])],
  ["performance", new Set(["now", "timeOrigin"])],
  ["crypto", new Set(["getRandomValues", "randomUUID"])],
  ["process", new Set(["hrtime", "uptime", "kill", "exit", "chdir", "cwd", "env"])],
]);

/** Global functions that wait or reach the network. */
export const EFFECT_FUNCTIONS: ReadonlySet<string> = new Set([
  ...["setTimeout", "setInterval", "setImmediate", "fetch"],
]);

/** What may not be imported from node:crypto but in a real port: all that draws random bytes. */
export const RANDOM_EXPORT = /^(random|generate|getRandomValues|webcrypto|createECDH|createDiffieHellman)/;

/** Scripts in other languages, in one piece: cut into functions they could not be read. */
export const SCRIPTS: readonly string[] = [
  "node/cli/completion/bash.ts",
  "node/cli/completion/fish.ts",
  "node/cli/completion/powershell.ts",
  "node/cli/completion/zsh.ts",
];

export const LIMITS = {
  lineColumns: 110,
  /** Golden texts stand in tests as they are printed. */
  testLineColumns: 160,
  fileLines: 500,
  functionLines: 70,
  indexLines: 60,
  folderFiles: 15,
  /** Tests of one folder may need more than one file a source. */
  testFolderFiles: 20,
  readmeLines: 100,
} as const;
