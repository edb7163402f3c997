/** Small random damage to values and texts: near misses find more than noise. */
import fc from "fast-check";

type Path = readonly (string | number)[];

const KEYS = [
  ...["job", "groups", "tasks", "count", "driver", "env", "restart", "type", "network", "ports", "checks"],
  ...["path", "x", "constructor", "__proto__", "toString", "kill_signal", "services", "memory", "1"],
] as const;

const JUNK: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(null, true, false, 0, 1, -1, 0.5, 1e9, 65_536, "", "x", "a b", "${", "\0"),
  fc.constantFrom<unknown>("5s", "1d", "256MiB", "0.5B", "99999h", "GET", "http", "SIGTERM", [], {}, [[]]),
  fc.constantFrom<unknown>({ x: 1 }, ["x"], "a".repeat(64), "a".repeat(300), { driver: "process" }),
  fc.jsonValue({ maxDepth: 2 }),
  fc.string(),
);

interface Damage {
  readonly kind: "replace" | "remove" | "rename" | "add";
  readonly at: number;
  readonly key: string;
  readonly junk: unknown;
}

const DAMAGE: fc.Arbitrary<Damage> = fc.record({
  kind: fc.constantFrom("replace", "remove", "rename", "add"),
  at: fc.nat(),
  key: fc.oneof(fc.constantFrom(...KEYS), fc.string({ maxLength: 5 })),
  junk: JUNK,
});

/** The value with up to three parts of it changed. Plain JSON, without the key `__proto__`. */
export function mutateValue(value: unknown): fc.Arbitrary<unknown> {
  return fc.array(DAMAGE, { minLength: 1, maxLength: 3 }).map((damages) => {
    let result = plain(value);
    for (const damage of damages) result = apply(result, damage);
    return plain(result);
  });
}

function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value), (key, item: unknown) => (key === "__proto__" ? undefined : item));
}

function apply(root: unknown, damage: Damage): unknown {
  const paths = pathsOf(root, []);
  const path = paths[damage.at % paths.length] ?? [];
  return change(root, path, damage);
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

const SNIPPETS = [
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
    "%",
    "@",
  ],
  ...[
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
    "__proto__: ",
  ],
  ...["constructor: ", "${", "1e999", "9".repeat(30), "\\u", "|2\n", ">-\n", "&a [*a]", "*a: "],
];

interface Edit {
  readonly at: number;
  readonly remove: number;
  readonly insert: string;
}

const EDIT: fc.Arbitrary<Edit> = fc.record({
  at: fc.nat(),
  remove: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.nat({ max: 40 })),
  insert: fc.oneof(fc.constantFrom(...SNIPPETS), fc.string({ maxLength: 4 }), fc.constant("")),
});

/** The text with up to six places cut, overwritten or filled. */
export function mutateText(text: string): fc.Arbitrary<string> {
  return fc.array(EDIT, { minLength: 1, maxLength: 6 }).map((edits) => {
    let result = text;
    for (const { at, remove, insert } of edits) {
      const start = at % (result.length + 1);
      result = result.slice(0, start) + insert + result.slice(start + remove);
    }
    return result;
  });
}
