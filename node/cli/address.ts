/**
 * Where the API is and what to show it: flags, then environment, then the data directory of a peer on this
 * machine.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { dataDirectoryCandidates } from "../data/data-directory.ts";
import { CommandError } from "./command.ts";

export const API_FILE = "api.json";
export const TOKEN_FILE = "token";
const DEFAULT_ADDRESS = "127.0.0.1:7337";

export interface ApiTarget {
  readonly host: string;
  readonly port: number;
  readonly token: string | undefined;
  /** Why there is no token, when that is known. */
  readonly tokenHint: string | undefined;
}

export interface TargetFlags {
  readonly addr: string | undefined;
  readonly token: string | undefined;
  readonly data: string | undefined;
}

export function findTarget(flags: TargetFlags, env: Readonly<Record<string, string | undefined>>): ApiTarget {
  const found = readDataDirectories(flags.data === undefined ? dataDirectoryCandidates(env) : [flags.data]);
  const address = flags.addr ?? env["PEER_ADDR"] ?? found.address ?? DEFAULT_ADDRESS;
  const { host, port } = parseAddress(address);
  const token = flags.token ?? env["PEER_TOKEN"] ?? found.token;
  return { host, port, token, tokenHint: token === undefined ? found.hint : undefined };
}

/** `HOST:PORT`, `[V6]:PORT`, or either behind `http://`. */
export function parseAddress(text: string): { host: string; port: number } {
  const match = /^(?:http:\/\/)?(\[[0-9a-fA-F:.]+\]|[^:/[\]]+):(\d{1,5})\/?$/.exec(text);
  const port = Number(match?.[2]);
  if (match?.[1] === undefined || !(port >= 1 && port <= 65535)) {
    throw new CommandError(`${text} is no address`, {
      hint: "write HOST:PORT, such as 127.0.0.1:7337",
      exitCode: 64,
    });
  }
  return { host: match[1].replace(/^\[|\]$/g, ""), port };
}

interface Found {
  readonly address?: string;
  readonly token?: string;
  readonly hint?: string;
}

function readDataDirectories(directories: readonly string[]): Found {
  let hint: string | undefined;
  for (const directory of directories) {
    const token = readText(join(directory, TOKEN_FILE));
    if (token.text !== undefined) {
      const address = apiAddress(readText(join(directory, API_FILE)).text);
      return { token: token.text.trim(), ...(address === undefined ? {} : { address }) };
    }
    if (token.code === "EACCES" || token.code === "EPERM") {
      hint ??= `${join(directory, TOKEN_FILE)} belongs to another user: run the command with sudo, or set PEER_TOKEN`;
    }
  }
  return hint === undefined ? {} : { hint };
}

function readText(path: string): { text?: string; code?: string } {
  try {
    return { text: readFileSync(path, "utf8") };
  } catch (cause) {
    return { code: (cause as NodeJS.ErrnoException).code ?? "" };
  }
}

function apiAddress(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  try {
    const value: unknown = (JSON.parse(text) as { address?: unknown }).address;
    return typeof value === "string" ? value : undefined;
  } catch {
    return undefined;
  }
}
