/** Small damage to values and texts: near misses find more than noise. What to damage, others choose. */

/** Keys of the job file, and keys that reach for more than they should. */
export const KEYS: readonly string[] = [
  ...["job", "groups", "tasks", "count", "driver", "env", "restart", "type", "network", "ports", "checks"],
  ...["path", "x", "constructor", "__proto__", "toString", "kill_signal", "services", "memory", "1"],
  ...[
    "constraints",
    "affinities",
    "spread",
    "targets",
    "attribute",
    "operator",
    "value",
    "weight",
    "percent",
  ],
  ...["ephemeral_disk", "size", "reschedule", "config", "update"],
];

/** Values that stand in no right place, or in few. */
export const JUNK: readonly unknown[] = [
  ...[null, true, false, 0, 1, -1, 0.5, 1e9, 65_536, "", "x", "a b", "${", "\0", "5s", "1d", "256MiB"],
  ...["0.5B", "99999h", "GET", "http", "SIGTERM", [], {}, [[]], { x: 1 }, ["x"], "a".repeat(64)],
  ...["a".repeat(300), { driver: "process" }, "system", "${attr.os}", "attr.os", "regexp", "(((((", "(a*)*$"],
  ...["distinct_hosts", ">= 1.2", "~> 1", { attribute: "meta.a" }, { r1: { percent: 50 } }],
];

/** Pieces that mean something to YAML or JSON. */
export const SNIPPETS: readonly string[] = [
  ...[
    "\n",
    " ",
    "  ",
    "\t",
    ":",
    ": ",
    "- ",
    "? ",
    "{",
    "}",
    "[",
    "]",
    ",",
    "#",
    "&a ",
    "*a",
    "!t ",
    "|",
    ">",
  ],
  ...[
    "%",
    "@",
    "'",
    '"',
    "`",
    "---\n",
    "...\n",
    "<<: ",
    "~",
    "null",
    "\0",
    "\uFEFF",
    "\ud800",
    "\u2028",
    "0x",
  ],
  ...[
    "__proto__: ",
    "constructor: ",
    "${",
    "1e999",
    "9".repeat(30),
    "\\u",
    "|2\n",
    ">-\n",
    "&a [*a]",
    "*a: ",
  ],
];

export interface Damage {
  readonly kind: "replace" | "remove" | "rename" | "add";
  /** Which of the value's places, counted from its top and round again. */
  readonly at: number;
  readonly key: string;
  readonly junk: unknown;
}

export interface Edit {
  /** Where in the text, round again. */
  readonly at: number;
  /** Characters taken out. */
  readonly remove: number;
  readonly insert: string;
}

/** The value with each damage done to what the ones before left. Plain JSON, without the key `__proto__`. */
export function damageValue(value: unknown, damages: readonly Damage[]): unknown {
  let result = plain(value);
  for (const damage of damages) {
    const paths = pathsOf(result, []);
    result = change(result, paths[damage.at % paths.length] ?? [], damage);
  }
  return plain(result);
}

/** The text with each edit made in what the ones before left. */
export function editText(text: string, edits: readonly Edit[]): string {
  let result = text;
  for (const { at, remove, insert } of edits) {
    const start = at % (result.length + 1);
    result = result.slice(0, start) + insert + result.slice(start + remove);
  }
  return result;
}

type Path = readonly (string | number)[];

function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value), (key, item: unknown) => (key === "__proto__" ? undefined : item));
}

function pathsOf(value: unknown, path: Path): readonly Path[] {
  if (typeof value !== "object" || value === null) return [path];
  const entries: (readonly [string | number, unknown])[] = Array.isArray(value)
    ? [...value.entries()]
    : Object.entries(value);
  return [path, ...entries.flatMap(([key, item]) => pathsOf(item, [...path, key]))];
}

function change(value: unknown, path: Path, damage: Damage): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return changeHere(value, damage);
  if (Array.isArray(value)) {
    return value.map((item: unknown, index) => (index === key ? change(item, rest, damage) : item));
  }
  const entries = Object.entries(value as Record<string, unknown>).flatMap(([name, item]) => {
    if (name !== key) return [[name, item] as const];
    if (rest.length === 0 && damage.kind === "remove") return [];
    if (rest.length === 0 && damage.kind === "rename") return [[damage.key, item] as const];
    return [[name, change(item, rest, damage)] as const];
  });
  return Object.fromEntries(entries);
}

function changeHere(value: unknown, damage: Damage): unknown {
  if (damage.kind !== "add" || typeof value !== "object" || value === null) return damage.junk;
  if (Array.isArray(value)) return [...value, damage.junk];
  return Object.fromEntries([...Object.entries(value), [damage.key, damage.junk]]);
}
