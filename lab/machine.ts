/**
 * One simulated machine: the production composition root on a manual clock, a memory disk and a fake driver.
 * Its disk and its tasks outlive the peer, as they do on a real one.
 */
import { openDocuments } from "../crdt/index.ts";
import type { Driver } from "../drivers/index.ts";
import { type Host, invariant, type MachineFacts, type Random, seededRandom } from "../federation/index.ts";
import {
  buildApi,
  createCrypto,
  createPeer,
  formatJobFile,
  noKeepers,
  noLinks,
  type Parts,
  type Peer,
  type PeerConfig,
  type ProbeResult,
  parseJobFile,
  RELEASE,
} from "../node/index.ts";
import { ManualClock } from "./clock.ts";
import { MemoryDisk, type Stop } from "./disk.ts";
import { createFakeDriver, type FakeMachine } from "./driver.ts";
import { ProcessClock } from "./time/process-clock.ts";

/** However long a start may take, it does not take this much simulated time. */
const START_MAX_MS = 60_000;
const STEP_MS = 1;
const DISK_BYTES = 8 * 1024 ** 3;
const HOST_NAME = "lab.invalid";

export interface ApiAnswer<Body> {
  readonly status: number;
  readonly body: Body;
  readonly headers: Readonly<Record<string, unknown>>;
}

export interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** What a machine has in common with others; by itself it is alone in the world. */
export interface LabMachineOptions {
  readonly clock?: ManualClock;
  readonly name?: string;
  readonly openLinks?: Parts["openLinks"];
  readonly keepers?: Parts["keepers"];
  readonly redeem?: PeerConfig["redeem"];
}

export class LabMachine {
  readonly clock: ManualClock;
  readonly disk: MemoryDisk;
  /** Answers that the simulated services give to probes; by default all pass. */
  probe: (target: string) => ProbeResult = () => ({ passed: true, output: "ok" });
  /** All that its peers logged. */
  readonly log: LogLine[] = [];
  readonly #options: LabMachineOptions;
  readonly #random: Random;
  /** Processes of tasks, and their keeper. */
  readonly tasks: FakeMachine;
  #processClock: ProcessClock | undefined;
  #boots = 1;
  #peer: Peer | undefined;
  #api: ReturnType<typeof buildApi> | undefined;

  constructor(seed: number | string, options: LabMachineOptions = {}) {
    this.#options = options;
    this.clock = options.clock ?? new ManualClock();
    this.#random = seededRandom(seed);
    this.disk = new MemoryDisk({ random: this.#random.fork("disk") });
    this.disk.capacityBytes = DISK_BYTES;
    this.tasks = createFakeDriver(this.clock, this.#random.fork("tasks"), "process");
  }

  get peer(): Peer {
    invariant(this.#peer !== undefined, "the peer of this machine runs");
    return this.#peer;
  }

  get isRunning(): boolean {
    return this.#peer !== undefined;
  }

  /** Starts the peer and lets time pass until it is up. */
  async start(): Promise<void> {
    invariant(this.#peer === undefined, "one peer at a time runs on a machine");
    await this.until(this.#start());
  }

  /**
   * The peer's process ends; what it told the disk and the tasks stays. `crash`: the machine loses its power.
   */
  async stop(how: Stop): Promise<void> {
    this.#peer = undefined;
    this.#api = undefined;
    this.#processClock?.end();
    // A stop that was ordered and did not come is not meant for the next peer.
    void this.disk.stopAt(Number.POSITIVE_INFINITY, how);
    if (how === "crash") {
      this.disk.crash();
      this.tasks.reboot();
      this.#boots += 1;
    } else {
      this.disk.kill();
    }
    await this.clock.advance(0);
  }

  /** As SIGTERM or `peer down` do it. */
  async shutdown(options: { readonly tasks: boolean }): Promise<void> {
    await this.until(this.peer.stop(options));
    await this.stop("kill");
  }

  /** Asks the API as a client on this machine with the operator's token does. */
  async request<Body>(
    method: "GET" | "PUT" | "POST" | "DELETE",
    url: string,
    body?: object,
  ): Promise<ApiAnswer<Body>> {
    invariant(this.#api !== undefined, "the peer of this machine runs");
    const answer = await this.until(
      this.#api.inject({
        method,
        url,
        headers: { host: "127.0.0.1:7337", authorization: `Bearer ${this.peer.identity.token}` },
        ...(body === undefined ? {} : { payload: body }),
      }),
    );
    return { status: answer.statusCode, body: answer.json() as Body, headers: answer.headers };
  }

  /** Lets time pass until a promise settles. */
  async until<Value>(promise: Promise<Value>): Promise<Value> {
    let settled = false;
    const watched = promise.finally(() => {
      settled = true;
    });
    watched.catch(() => undefined);
    for (let passedMs = 0; !settled; passedMs += STEP_MS) {
      invariant(passedMs < START_MAX_MS, "what a simulated machine does comes to an end");
      await this.clock.advance(STEP_MS);
    }
    return watched;
  }

  async #start(): Promise<void> {
    const crypto = createCrypto();
    const disk = this.disk.mount();
    const log: Host["log"] = (level, message, fields = {}) => {
      this.log.push({ level, message, fields });
    };
    const clock = new ProcessClock(this.clock);
    this.#processClock = clock;
    const host: Host = {
      clock,
      random: this.#random.fork(`start-${this.disk.operations}`),
      disk,
      crypto,
      documents: await openDocuments({ disk, crypto, log }),
      processes: { pid: 1, facts: () => this.#facts(), usage: () => ({ memoryBytes: 0, cpuSeconds: 0 }) },
      log,
    };
    const peer = await createPeer(host, this.#parts(), {
      nodeName: this.#options.name ?? "lab",
      regionName: undefined,
      release: RELEASE,
      api: { host: "127.0.0.1", port: 7337 },
      dataDirectory: "/lab",
      advertise: "127.0.0.1",
      meta: {},
      site: {},
      ...(this.#options.redeem === undefined ? {} : { redeem: this.#options.redeem }),
    });
    const api = buildApi({
      ...host,
      service: peer.service,
      token: peer.identity.token,
      allowedHosts: [],
      jobFormat: { parseJobFile, formatJobFile },
    });
    await api.ready();
    this.#peer = peer;
    this.#api = api;
  }

  #parts(): Parts {
    const driver = this.tasks.open();
    return {
      drivers: new Map<string, Driver>([[driver.name, driver]]),
      probes: {
        http: ({ url }) => Promise.resolve(this.probe(url)),
        tcp: ({ host: name, port }) => Promise.resolve(this.probe(`${name}:${port}`)),
      },
      openLinks: this.#options.openLinks ?? (() => noLinks),
      keepers: this.#options.keepers ?? noKeepers,
      directories: {
        paths: pathsOf,
        prepare: (id) => Promise.resolve(pathsOf(id)),
        remove: () => Promise.resolve(),
      },
      logFiles: { read: async function* () {} },
      baseEnvironment: { PATH: "/bin" },
    };
  }

  #facts(): MachineFacts {
    return {
      hostname: HOST_NAME,
      os: "linux",
      osVersion: "6.0",
      arch: "x64",
      cpuCount: 4,
      cpuModel: "simulated",
      memoryBytes: 4 * 1024 ** 3,
      bootId: `boot-${this.#boots}`,
      privileged: false,
      userName: "lab",
    };
  }
}

function pathsOf(id: string) {
  const root = `/lab/allocations/${id}`;
  return { root, logs: `${root}/alloc/logs`, task: (name: string) => `${root}/${name}` };
}
