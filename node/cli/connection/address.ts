/**
 * Where the API is and what to show it: flags, then environment, then the data directory of a peer on this
 * machine.
 */
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { CommandError, usageError } from "../command.ts";

const API_FILE = "api.json";
const TOKEN_FILE = "token";
const DEFAULT_HOST = "127.0.0.1";
const DEFAULT_PORT = 7337;

export interface ApiTarget {
  readonly host: string;
  readonly port: number;
  readonly token: string | undefined;
  /** What to do when the token is refused or there is none. */
  readonly tokenHint: string;
  /** The data directory says that its peer does not run; nobody is asked then, who might take the token. */
  readonly stopped?: string;
}

export interface TargetFlags {
  readonly addr: string | undefined;
  readonly token: string | undefined;
  readonly data: string | undefined;
}

/** Data directories of this user and of the system, the likeliest first. Throws when there can be none. */
export type FindDirectories = () => Promise<readonly string[]>;

/** A file's text, or the code of what the system says instead. */
export type ReadText = (path: string) => { readonly text?: string; readonly code?: string };

/** Throws CommandError when flags or environment say what can't be. */
export async function findTarget(
  flags: TargetFlags,
  env: Readonly<Record<string, string | undefined>>,
  findDirectories: FindDirectories,
  read: ReadText = readText,
): Promise<ApiTarget> {
  const given = {
    address: address(flags.addr, "--addr") ?? address(env["PEER_ADDR"], "PEER_ADDR"),
    token: flags.token ?? env["PEER_TOKEN"],
  };
  if (given.address !== undefined && given.token !== undefined) {
    return { ...given.address, token: given.token, tokenHint: tokenHint(flags) };
  }
  const data = dataDirectory(flags.data, "--data") ?? dataDirectory(env["PEER_DATA"], "PEER_DATA");
  const looks = (data === undefined ? await findDirectories() : [data]).map((each) => look(each, read));
  const named = { ...flags, data };
  return given.address === undefined
    ? localTarget(looks, given.token, named)
    : namedTarget(looks, given.address, named);
}

function dataDirectory(path: string | undefined, source: string): string | undefined {
  if (path === "") throw usageError(`${source} is empty`, "give it a directory, or leave it out");
  return path === undefined ? undefined : resolve(path);
}

interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** No address was given: the peer of this machine. */
function localTarget(looks: readonly Look[], given: string | undefined, flags: TargetFlags): ApiTarget {
  const running = looks.find(({ api, token }) => api !== undefined && token !== undefined);
  if (running?.api !== undefined) {
    return { ...running.api, token: given ?? running.token, tokenHint: tokenHint(flags, running, given) };
  }
  const usual = { host: DEFAULT_HOST, port: DEFAULT_PORT };
  const forbidden = looks.find(({ isForbidden }) => isForbidden);
  const stopped = looks.find(({ token }) => token !== undefined);
  if (given !== undefined || forbidden !== undefined) {
    return { ...usual, token: given, tokenHint: tokenHint(flags, forbidden, given) };
  }
  if (stopped !== undefined || flags.data !== undefined) {
    const directory = (stopped ?? looks[0])?.directory ?? "";
    return { ...usual, token: undefined, tokenHint: tokenHint(flags), stopped: directory };
  }
  return { ...usual, token: undefined, tokenHint: tokenHint(flags) };
}

/**
 * The token of a data directory goes to its own peer, to this machine, or where a flag sends it; to nobody
 * else.
 */
function namedTarget(looks: readonly Look[], target: HostPort, flags: TargetFlags): ApiTarget {
  const known = looks.filter(({ token }) => token !== undefined);
  const own = known.find(({ api }) => api?.host === target.host && api.port === target.port);
  const trusted = flags.data !== undefined || isLoopback(target.host) ? known[0] : undefined;
  const chosen = own ?? trusted;
  const forbidden = looks.find(({ isForbidden }) => isForbidden);
  return { ...target, token: chosen?.token, tokenHint: tokenHint(flags, chosen ?? forbidden) };
}

function tokenHint(flags: TargetFlags, from?: Look, given?: string): string {
  if (given !== undefined || (from === undefined && flags.token !== undefined)) {
    const source = flags.token === undefined ? "PEER_TOKEN" : "--token";
    return `the token came from ${source}; each peer has its own`;
  }
  if (from?.isForbidden === true) {
    return `${join(from.directory, TOKEN_FILE)} belongs to another user: run it with sudo, or set PEER_TOKEN`;
  }
  if (from !== undefined) return `the token came from ${from.directory}; name another with --data DIR`;
  return "set PEER_TOKEN, or name the peer's data directory with --data DIR: its file `token` holds it";
}

/** `HOST:PORT`, `[V6]:PORT`, either behind `http://`, the port left out where it is the usual one. */
export function parseAddress(text: string, source: string): HostPort {
  const match = /^(?:http:\/\/)?(\[[0-9a-fA-F:.]+\]|[^:/[\]\s]+)(?::(\d{1,5}))?\/?$/.exec(text);
  const port = match?.[2] === undefined ? DEFAULT_PORT : Number(match[2]);
  if (match?.[1] === undefined || port < 1 || port > 65_535) {
    throw usageError(
      `${source} ${JSON.stringify(text)} is no address`,
      "write HOST:PORT, such as 127.0.0.1:7337",
    );
  }
  return { host: reachable(match[1].replace(/^\[|\]$/g, "")), port };
}

function address(text: string | undefined, source: string): HostPort | undefined {
  return text === undefined ? undefined : parseAddress(text, source);
}

/** Who listens on all addresses is reached on the loopback one. */
export function reachable(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  return host === "::" ? "::1" : host;
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127\.\d+\.\d+\.\d+$/.test(host);
}

/** What a data directory tells. */
interface Look {
  readonly directory: string;
  readonly token?: string;
  /** Where its peer listens while it runs. */
  readonly api?: HostPort;
  /** There is one, and this user may not read it. */
  readonly isForbidden: boolean;
}

function look(directory: string, read: ReadText): Look {
  const token = read(join(directory, TOKEN_FILE));
  const text = token.text?.trim();
  const api = apiAddress(read(join(directory, API_FILE)).text);
  return {
    directory,
    isForbidden: token.code === "EACCES" || token.code === "EPERM",
    ...(text === undefined || text === "" ? {} : { token: text }),
    ...(api === undefined ? {} : { api }),
  };
}

function readText(path: string): ReturnType<ReadText> {
  try {
    return { text: readFileSync(path, "utf8") };
  } catch (cause) {
    return { code: (cause as NodeJS.ErrnoException).code ?? "" };
  }
}

function apiAddress(text: string | undefined): HostPort | undefined {
  try {
    const value: unknown = (JSON.parse(text ?? "") as { address?: unknown } | null)?.address;
    return typeof value === "string" ? parseAddress(value, API_FILE) : undefined;
  } catch {
    // Being written, or of another release: as good as none.
    return undefined;
  }
}

/** The usual places, by the rules of the peer itself, which come with a lot of its code. */
export function usualDirectories(env: Readonly<Record<string, string | undefined>>): FindDirectories {
  return async () => {
    const { dataDirectoryCandidates } = await import("../../data/data-directory.ts");
    try {
      return dataDirectoryCandidates(env);
    } catch (cause) {
      const { message, hint } = cause as { message: string; hint?: string };
      throw new CommandError(message, { hint, exitCode: 64, cause });
    }
  };
}
