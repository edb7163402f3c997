/**
 * Values that people set beside a job's versions: counts and tags. Each key is a register with a graph of its
 * own, ordered as versions are (S3): pure functions of a set of entries, in whatever order they arrived.
 */
import type { Crypto, Hash } from "../ports.ts";
import { type Domain, hashOf } from "./digest.ts";

interface RegisterBody {
  readonly parents: readonly Hash[];
  readonly submittedAtMs: number;
  readonly submittedBy: string;
}

/** One value, as it was set. */
export interface Setting<Body> {
  readonly id: Hash;
  /** 1 without parents, else one more than its deepest one. */
  readonly depth: number;
  readonly body: Body;
}

export interface Register<Body> {
  /** The greatest (depth, id): what holds. */
  readonly winner: Setting<Body>;
  /** What no other follows, sorted: what the next one has to follow. */
  readonly heads: readonly Hash[];
}

interface RegisterKind<Body> {
  readonly domain: Domain;
  keyOf(body: Body): string;
}

/** By key. A setting takes part once all that it follows is there. */
export function registersOf<Body extends RegisterBody>(
  bodies: readonly Body[],
  { domain, keyOf }: RegisterKind<Body>,
  crypto: Pick<Crypto, "sha256">,
): ReadonlyMap<string, Register<Body>> {
  const byKey = new Map<string, Map<Hash, Body>>();
  for (const body of bodies) {
    const own = byKey.get(keyOf(body)) ?? new Map<Hash, Body>();
    byKey.set(keyOf(body), own);
    const { submittedAtMs: _at, submittedBy: _by, ...content } = body;
    const id = hashOf(domain, content, crypto);
    const other = own.get(id);
    if (other === undefined || compareCarriers(body, other) < 0) own.set(id, body);
  }
  const registers = new Map<string, Register<Body>>();
  for (const [key, own] of byKey) {
    const register = registerOf(own);
    if (register !== undefined) registers.set(key, register);
  }
  return registers;
}

function registerOf<Body extends RegisterBody>(bodies: ReadonlyMap<Hash, Body>): Register<Body> | undefined {
  const settings = arrange(bodies);
  const followed = new Set([...settings.values()].flatMap(({ body }) => body.parents));
  const heads = [...settings.keys()].filter((id) => !followed.has(id)).sort();
  const [first, ...others] = settings.values();
  if (first === undefined) return undefined;
  const winner = others.reduce((best, other) => (compareSettings(other, best) > 0 ? other : best), first);
  return { winner, heads };
}

/** Those whose past is whole, with their depths (Kahn's topological order). */
function arrange<Body extends RegisterBody>(
  bodies: ReadonlyMap<Hash, Body>,
): ReadonlyMap<Hash, Setting<Body>> {
  const missing = new Map<Hash, number>();
  const children = new Map<Hash, Hash[]>();
  for (const [id, { parents }] of bodies) {
    missing.set(id, parents.length);
    for (const parent of parents) {
      const known = children.get(parent);
      if (known === undefined) children.set(parent, [id]);
      else known.push(id);
    }
  }
  const placed = new Map<Hash, Setting<Body>>();
  const ready = [...bodies.keys()].filter((id) => missing.get(id) === 0);
  for (let id = ready.pop(); id !== undefined; id = ready.pop()) {
    const body = bodies.get(id);
    if (body === undefined) continue;
    const depths = body.parents.map((parent) => placed.get(parent)?.depth ?? 0);
    placed.set(id, { id, body, depth: 1 + Math.max(0, ...depths) });
    for (const child of children.get(id) ?? []) {
      const left = (missing.get(child) ?? 0) - 1;
      missing.set(child, left);
      if (left === 0) ready.push(child);
    }
  }
  return placed;
}

function compareSettings<Body>(left: Setting<Body>, right: Setting<Body>): number {
  return left.depth - right.depth || compareText(left.id, right.id);
}

/** Of those that said the same: any rule that all follow. */
function compareCarriers(left: RegisterBody, right: RegisterBody): number {
  return left.submittedAtMs - right.submittedAtMs || compareText(left.submittedBy, right.submittedBy);
}

function compareText(left: string, right: string): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}
