/**
 * What a request must pass before anyone looks where it goes: the name it was sent to (DNS rebinding), the
 * site it comes from (cross-site requests), and the token. Unknown routes are behind it too.
 */
import type { IncomingMessage } from "node:http";
import { type Crypto, invariant, PeerError } from "../../federation/index.ts";

/** Shorter ones can be guessed. */
export const TOKEN_LENGTH_MIN = 16;

const LOOPBACK_NAMES: ReadonlySet<string> = new Set(["localhost", "127.0.0.1", "[::1]"]);
const HOST_HEADER = /^(?<name>\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(?<port>[0-9]{1,5}))?$/;
const BEARER = /^bearer +(?<token>[^ ]+) *$/i;
const HTTP_PORT = 80;

export interface GuardOptions {
  readonly token: string;
  /**
   * Further names that clients may use: `name` with the API's port or none (a proxy's), or `name:port`
   * exactly.
   */
  readonly allowedHosts: readonly string[];
  readonly crypto: Pick<Crypto, "sha256" | "equal">;
  /**
   * `host:port` that the API was told to listen on; its name is allowed, and its port where there is no
   * socket.
   */
  readonly apiAddress: () => string;
}

export interface Guard {
  /** Why the request is refused; undefined when it may pass. `isPublic`: the route needs no token. */
  refusal(request: IncomingMessage, isPublic: boolean): PeerError | undefined;
}

export function createGuard(options: GuardOptions): Guard {
  const encoder = new TextEncoder();
  invariant(
    options.token.length >= TOKEN_LENGTH_MIN,
    `the token needs ${TOKEN_LENGTH_MIN} characters or more`,
  );
  // Hashes have one length, so the comparison takes the same time for each guess.
  const expected = options.crypto.sha256(encoder.encode(options.token));
  const isToken = (text: string) =>
    options.crypto.equal(options.crypto.sha256(encoder.encode(text)), expected);
  const allowed = new Set(options.allowedHosts.map((host) => host.toLowerCase()));
  return {
    refusal: (request, isPublic) =>
      hostRefusal(request, allowed, options.apiAddress) ??
      siteRefusal(request) ??
      (isPublic ? undefined : tokenRefusal(request, isToken)),
  };
}

function hostRefusal(
  request: IncomingMessage,
  allowed: ReadonlySet<string>,
  apiAddress: () => string,
): PeerError | undefined {
  const host = request.headers.host?.toLowerCase() ?? "";
  const parts = HOST_HEADER.exec(host)?.groups;
  const name = parts?.["name"];
  if (name !== undefined) {
    const port = parts?.["port"] === undefined ? undefined : Number(parts["port"]);
    const [, ownName, ownPort] = /^(.*):([0-9]+)$/.exec(apiAddress().toLowerCase()) ?? [];
    const isOwnPort = (port ?? HTTP_PORT) === (request.socket.localPort ?? Number(ownPort));
    const isOwnName = name === ownName || LOOPBACK_NAMES.has(name) || isSocketAddress(request, name);
    if (isOwnPort && isOwnName) return undefined;
    if (allowed.has(host) || (allowed.has(name) && (isOwnPort || port === undefined))) return undefined;
  }
  return new PeerError("wrong_host", `this API does not answer to the name "${host.slice(0, 100)}"`, {
    hint: "use the address that `peer status` shows, or start the peer with this name allowed",
  });
}

/** The address that the connection came in on: a page can't rebind a name of its own to a bare address. */
function isSocketAddress(request: IncomingMessage, name: string): boolean {
  const address = request.socket.localAddress?.toLowerCase();
  if (address === undefined) return false;
  const bare = address.startsWith("::ffff:") ? address.slice("::ffff:".length) : address;
  return name === bare || name === `[${address}]`;
}

function siteRefusal(request: IncomingMessage): PeerError | undefined {
  const { origin, host } = request.headers;
  const isForeignOrigin =
    origin !== undefined && origin.toLowerCase().replace(/^https?:\/\//, "") !== host?.toLowerCase();
  const site = request.headers["sec-fetch-site"];
  const isForeignSite = site !== undefined && site !== "same-origin" && site !== "none";
  if (!isForeignOrigin && !isForeignSite) return undefined;
  return new PeerError("forbidden", "requests of other web sites are refused", {
    hint: "open the API's own address, or use a client that is not a browser",
  });
}

function tokenRefusal(request: IncomingMessage, isToken: (text: string) => boolean): PeerError | undefined {
  const { authorization } = request.headers;
  const vaultToken = request.headers["x-vault-token"];
  const given =
    authorization === undefined
      ? typeof vaultToken === "string"
        ? vaultToken
        : undefined
      : BEARER.exec(authorization)?.groups?.["token"];
  if (given !== undefined && isToken(given)) return undefined;
  return new PeerError("unauthorized", given === undefined ? "no token" : "wrong token", {
    hint: "send `Authorization: Bearer TOKEN`; the operator's token is in the peer's data directory",
  });
}
