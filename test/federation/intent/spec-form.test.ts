import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { checkSpecForm } from "../../../federation/index.ts";
import { specOf } from "./fixtures.ts";

type Path = readonly (string | number)[];

/** A copy of a whole specification with one place set, or taken out when `value` is undefined. */
function altered(path: Path, value: unknown): unknown {
  const copy: unknown = structuredClone(specOf());
  const holder = path.slice(0, -1).reduce<unknown>((at, key) => Reflect.get(at as object, key), copy);
  const key = path.at(-1) as string;
  if (value === undefined) Reflect.deleteProperty(holder as object, key);
  else Reflect.set(holder as object, key, value);
  return copy;
}

function text(path: Path): string {
  return path.reduce<string>((sum, key) => {
    if (typeof key === "number") return `${sum}[${key}]`;
    return sum === "" ? key : `${sum}.${key}`;
  }, "");
}

/** Every object and value in the specification but what is free: `config`, `env`, `meta`. */
function places(value: unknown, path: Path = []): readonly Path[] {
  if (typeof value !== "object" || value === null) return [path];
  const keys = Array.isArray(value) ? value.keys() : Object.keys(value);
  return [path, ...[...keys].flatMap((key) => places(Reflect.get(value, key), [...path, key]))];
}

const FREE = /\.(config|env|meta)\.|^meta\./;
const OPTIONAL = [
  /(^|\.)(constraints|affinities|spreads|diskBytes)$/,
  /\.ports\[\d+\]\.(static|to)$/,
  /\.services\[\d+\]\.port$/,
];
const all = places(specOf()).filter((path) => path.length > 0 && !FREE.test(text(path)));
const inObjects = all.filter((path) => typeof path.at(-1) === "string");

describe("the form of a specification", () => {
  test("a whole one passes", () => {
    assert.equal(checkSpecForm(specOf()), undefined);
    assert.equal(checkSpecForm(JSON.parse(JSON.stringify(specOf()))), undefined);
    assert.ok(inObjects.length > 50);
  });

  test("every missing field is told at its place, unless it may be missing", () => {
    for (const path of inObjects) {
      const problem = checkSpecForm(altered(path, undefined));
      const free = OPTIONAL.some((pattern) => pattern.test(text(path)));
      assert.equal(problem?.path, free ? undefined : text(path));
    }
  });

  test("every value of another type is told at its place", () => {
    for (const path of all) {
      const problem = checkSpecForm(altered(path, Symbol("nothing that fits")));
      const expected = text(path);
      assert.ok(problem !== undefined, expected);
      assert.ok(
        problem.path === expected || problem.path === `${expected}.type`,
        `${problem.path}, ${expected}`,
      );
    }
  });

  test("every unknown field is told at its place", () => {
    for (const path of all) {
      const holder = path.reduce<unknown>((at, key) => Reflect.get(at as object, key), specOf());
      if (typeof holder !== "object" || holder === null || Array.isArray(holder)) continue;
      const name = String(path.at(-1));
      const problem = checkSpecForm(altered([...path, "later"], 1));
      if (name === "config") assert.equal(problem, undefined);
      else
        assert.ok(
          problem?.path.endsWith(`${name}.later`) || /\[\d\]\.later$/.test(problem?.path ?? ""),
          text(path),
        );
    }
  });

  test("names that would appear twice", () => {
    const { groups } = specOf();
    const [web] = groups;
    assert.ok(web !== undefined);
    assert.equal(checkSpecForm({ ...specOf(), groups: [web, web] })?.path, "groups[1].name");
    const twice = { ...web, ports: [{ label: "http" }, { label: "http" }] };
    assert.equal(checkSpecForm({ ...specOf(), groups: [twice] })?.path, "groups[0].ports[1].label");
    assert.equal(checkSpecForm({ ...specOf(), groups: [] })?.path, "groups");
  });

  test("numbers out of their range, names that are paths, keys that reach for a prototype", () => {
    const cases: readonly [Path, unknown][] = [
      [["priority"], 0],
      [["priority"], 1.5],
      [["groups", 0, "count"], -1],
      [["type"], "cron"],
      [["affinities", 0, "weight"], 0],
      [["affinities", 0, "weight"], 101],
      [["affinities", 0, "operator"], "distinct_hosts"],
      [["groups", 0, "constraints", 0, "operator"], "is"],
      [["spreads", 0, "weight"], 0],
      [["spreads", 0, "targets", 0, "percent"], -1],
      [["groups", 0, "name"], "../web"],
      [["groups", 0, "ports", 0, "static"], 65_536],
      [["groups", 0, "tasks", 0, "resources", "memoryBytes"], Number.NaN],
      [["groups", 0, "services", 0, "checks", 0, "type"], "constructor"],
    ];
    for (const [path, value] of cases) assert.equal(checkSpecForm(altered(path, value))?.path, text(path));
    const env = JSON.parse('{"__proto__": "x"}') as unknown;
    const place = "groups[0].tasks[0].env.__proto__";
    assert.equal(checkSpecForm(altered(["groups", 0, "tasks", 0, "env"], env))?.path, place);
  });

  test("anything at all gets an answer, never an exception", () => {
    fc.assert(
      fc.property(fc.constantFrom(...all), fc.anything(), (path, value) => {
        checkSpecForm(altered(path, value));
      }),
    );
  });
});
