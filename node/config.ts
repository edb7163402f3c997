/** What a peer is told at its start, checked once. */
import { isName, type NodeFacts, PeerError } from "../federation/index.ts";
import type { IdentityOptions } from "./data/identity.ts";

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** What a peer is told at its start. */
export interface PeerConfig {
  /** Asked on the first start: membership for this key in a mesh that is there; absent: a mesh of its own. */
  readonly redeem?: IdentityOptions["redeem"];
  readonly nodeName: string;
  readonly regionName: string | undefined;
  readonly release: string;
  readonly api: HostPort;
  /** For people: where the disk port's files are. */
  readonly dataDirectory: string;
  /** Address under which tasks of this node are reached. */
  readonly advertise: string;
  readonly meta: Readonly<Record<string, string>>;
  /** Absent where the node says nothing of it. */
  readonly site: NodeSite;
}

/** Where a node says that it is. */
export type NodeSite = Pick<NodeFacts, "pool" | "datacenter" | "zone">;

export const DEFAULT_API: HostPort = { host: "127.0.0.1", port: 7337 };

const META_MAX = 64;
const META_VALUE_LENGTH_MAX = 1024;

/** `HOST:PORT` or `[V6]:PORT`; port 0 lets the system choose. */
export function parseHostPort(text: string, flagName: string): HostPort {
  const match = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):(\d{1,5})$/.exec(text);
  const port = Number(match?.[2]);
  if (match?.[1] === undefined || port > 65_535) {
    throw new PeerError("bad_request", `${flagName} ${text} is no address`, {
      hint: `write HOST:PORT, such as ${flagName} 127.0.0.1:7337`,
    });
  }
  return { host: match[1].replace(/^\[|\]$/g, ""), port };
}

export function formatHostPort(address: HostPort): string {
  return `${address.host.includes(":") ? `[${address.host}]` : address.host}:${address.port}`;
}

/** `K=V` pairs of `--meta`. */
export function parseMeta(pairs: readonly string[]): Readonly<Record<string, string>> {
  const meta: Record<string, string> = Object.create(null);
  for (const pair of pairs) {
    const at = pair.indexOf("=");
    const key = pair.slice(0, at);
    const value = pair.slice(at + 1);
    if (at < 1 || !isName(key) || value.length > META_VALUE_LENGTH_MAX) {
      throw new PeerError("bad_request", `--meta ${pair} is not KEY=VALUE`, {
        hint: "keys are letters, digits and -_. (at most 63), such as --meta rack=a1",
      });
    }
    meta[key] = value;
  }
  if (Object.keys(meta).length > META_MAX) {
    throw new PeerError("bad_request", `more than ${META_MAX} --meta pairs`, { hint: "give fewer" });
  }
  return { ...meta };
}

export function checkName(text: string, flagName: string): string {
  if (isName(text)) return text;
  throw new PeerError("bad_request", `${flagName} ${JSON.stringify(text)} is no name`, {
    hint: "letters, digits and -_., at most 63, not starting with a dot or dash",
  });
}
