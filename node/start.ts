/**
 * A production peer: `createPeer` with the real ports and parts, its API on a socket, until someone stops it.
 */
import { rmSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { openDocuments } from "../crdt/index.ts";
import { createProcessDriver, type Driver, readLog } from "../drivers/index.ts";
import type { Host, LogLevel } from "../federation/index.ts";
import { buildApi } from "./api/index.ts";
import { formatHostPort, type HostPort, type NodeSite, type PeerConfig } from "./config.ts";
import { type DataDirectory, dataDirectoryPath, openDataDirectory } from "./data/data-directory.ts";
import { checkFounded } from "./data/founding.ts";
import { nodeNameFrom } from "./data/identity.ts";
import { baseEnvironment } from "./host/base-environment.ts";
import { createClock } from "./host/clock.ts";
import { createCrypto } from "./host/crypto.ts";
import { realDirectories } from "./host/directories.ts";
import { createDisk } from "./host/disk.ts";
import { noKeepers, noLinks } from "./host/links.ts";
import { logTo } from "./host/log.ts";
import { systemAccess } from "./host/machine.ts";
import { placingThreads } from "./host/placing/threads.ts";
import { checkPortFree } from "./host/port-holder.ts";
import { realProbes } from "./host/probes.ts";
import { createProcesses } from "./host/processes.ts";
import { createRandom } from "./host/random.ts";
import { formatJobFile, parseJobFile } from "./jobfile/index.ts";
import { markRunning } from "./launcher/running-mark.ts";
import type { Parts } from "./parts.ts";
import { createPeer, type Peer } from "./peer.ts";
import { RELEASE } from "./release.ts";

/** Where clients on this machine learn the API's address. */
const API_FILE = "api.json";

export interface StartOptions {
  readonly dataFlag: string | undefined;
  readonly nodeName: string | undefined;
  readonly regionName: string | undefined;
  readonly api: HostPort;
  readonly meta: Readonly<Record<string, string>>;
  readonly site: NodeSite;
  readonly logLevel: LogLevel;
  readonly env: Readonly<Record<string, string | undefined>>;
}

export interface RunningPeer {
  readonly peer: Peer;
  readonly api: HostPort;
  readonly dataDirectory: string;
  /** The data directory was made by this start. */
  readonly created: boolean;
  /** Number of tasks that run on. */
  stop(options: { readonly tasks: boolean }): Promise<number>;
}

/** Resolves when the API answers. Throws PeerError for everything that a person can mend. */
export async function startPeer(options: StartOptions): Promise<RunningPeer> {
  const release = markRunning();
  const processes = createProcesses();
  const crypto = createCrypto();
  const facts = processes.facts();
  await checkPortFree(options.api, "--api");
  const directory = await openDataDirectory({
    path: dataDirectoryPath(options.dataFlag, {
      platform: process.platform,
      privileged: facts.privileged,
      environment: options.env,
      homeDirectory: homedir(),
    }),
    bootId: facts.bootId,
    machine: systemAccess(),
    crypto,
    openDisk: createDisk,
  });
  try {
    return await run(options, directory, { processes, crypto, release });
  } catch (cause) {
    await directory.release();
    release();
    throw cause;
  }
}

async function run(
  options: StartOptions,
  directory: DataDirectory,
  own: Pick<Host, "processes" | "crypto"> & { readonly release: () => void },
): Promise<RunningPeer> {
  const { crypto, processes } = own;
  const { disk } = directory;
  const log = logTo(process.stderr, options.logLevel);
  await checkFounded(disk, directory.path);
  const documents = await openDocuments({ disk, crypto, log });
  const host: Host = {
    clock: createClock(),
    random: createRandom(),
    disk,
    crypto,
    documents,
    processes,
    log,
  };
  const config: PeerConfig = {
    nodeName: options.nodeName ?? nodeNameFrom(processes.facts().hostname),
    regionName: options.regionName,
    release: RELEASE,
    api: options.api,
    dataDirectory: directory.path,
    advertise: "127.0.0.1",
    meta: options.meta,
    site: options.site,
  };
  const peer = await createPeer(host, realParts(directory.path, host), config);
  const app = buildApi({
    ...host,
    service: peer.service,
    token: peer.identity.token,
    allowedHosts: [formatHostPort(options.api)],
    jobFormat: { parseJobFile, formatJobFile },
  });
  const url = await app.listen({ host: options.api.host, port: options.api.port });
  const api = { host: options.api.host, port: Number(new URL(url).port) };
  peer.listening(api);
  const address = { address: peer.service.status().apiAddress, pid: processes.pid };
  await disk.write(API_FILE, new TextEncoder().encode(`${JSON.stringify(address)}\n`));
  return {
    peer,
    api,
    dataDirectory: directory.path,
    created: directory.created,
    async stop(how) {
      const running = await peer.stop(how);
      await app.close();
      rmSync(join(directory.path, API_FILE), { force: true });
      await directory.release();
      own.release();
      return running;
    },
  };
}

function realParts(dataDirectory: string, host: Host): Parts {
  const process_ = createProcessDriver({
    dataDirectory,
    nodePath: process.execPath,
    keeperEntry: keeperEntry(),
    log: host.log,
  });
  return {
    drivers: new Map<string, Driver>([[process_.name, process_]]),
    probes: realProbes,
    openLinks: () => noLinks,
    keepers: noKeepers,
    directories: realDirectories(dataDirectory),
    logFiles: {
      read: (logs, query) => readLog(logs, query.task, query.stream, query),
    },
    placingThreads: placingThreads(placingEntry()),
    baseEnvironment: baseEnvironment(process.env, process.platform, process.execPath),
  };
}

/** Programs of their own lie beside the bundle's own files, or where the sources have them. */
const isBundle = !import.meta.filename.endsWith(".ts");

function keeperEntry(): string {
  return isBundle
    ? join(import.meta.dirname, "keeper.js")
    : join(import.meta.dirname, "..", "drivers", "keeper", "main.ts");
}

function placingEntry(): string {
  return isBundle
    ? join(import.meta.dirname, "planner.js")
    : join(import.meta.dirname, "host", "placing", "main.ts");
}
