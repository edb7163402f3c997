import assert from "node:assert/strict";
import { test } from "node:test";
import { isInstalled } from "../../../node/launcher/npm-record.mjs";

const own = {
  "": { name: "checkout", devDependencies: { a: "1.0.0" } },
  "node/runtimes": { name: "workspace", optionalDependencies: { a: "1.0.0" } },
};
const library = { version: "1.0.0", integrity: "sha512-A" };
const otherMachine = { version: "1.0.0", integrity: "sha512-B", optional: true, os: ["no-such-system"] };

function covers(wanted: object, present: object): boolean {
  const lock = JSON.stringify({ packages: { ...own, ...wanted } });
  return isInstalled(lock, JSON.stringify({ packages: present }));
}

test("a record covers a lock file of the same packages", () => {
  assert.ok(covers({ "node_modules/a": library }, { "node_modules/a": library }));
  assert.ok(covers({ "node_modules/a": library }, { "node_modules/a": library, "node_modules/b": library }));
});

test("it does not where one is missing, older or another", () => {
  assert.ok(!covers({ "node_modules/a": library }, {}));
  assert.ok(!covers({ "node_modules/a": library }, { "node_modules/a": { ...library, version: "0.9.0" } }));
  assert.ok(
    !covers({ "node_modules/a": library }, { "node_modules/a": { ...library, integrity: "sha512-X" } }),
  );
});

test("optional packages of other machines may be missing, those of this one may not", () => {
  const missing = (entry: object) =>
    covers({ "node_modules/a": { ...otherMachine, os: undefined, ...entry } }, {});
  assert.ok(missing({ os: ["no-such-system"] }));
  assert.ok(missing({ os: "no-such-system" }));
  assert.ok(missing({ os: [`!${process.platform}`] }));
  assert.ok(missing({ cpu: ["no-such-processor"] }));
  assert.ok(missing({ os: [process.platform], libc: ["musl"] }));
  assert.ok(!missing({ os: [process.platform], cpu: [process.arch] }));
  assert.ok(!missing({ os: ["!no-such-system"] }));
  assert.ok(!missing({}));
  assert.ok(!missing({ optional: false, os: ["no-such-system"] }));
});

test("optional packages that only missing ones need may be missing too", () => {
  const optional = { ...library, optional: true };
  const wanted = {
    "node_modules/a": { ...otherMachine, dependencies: { b: "1.0.0" } },
    "node_modules/b": { ...optional, dependencies: { c: "1.0.0" } },
    "node_modules/c": optional,
  };
  assert.ok(covers(wanted, {}));
  assert.ok(!covers(wanted, { "node_modules/b": optional }));
  assert.ok(covers(wanted, { "node_modules/b": optional, "node_modules/c": optional }));
});

test("damage covers nothing", () => {
  const lock = JSON.stringify({ packages: own });
  for (const damaged of ["", "{", "null", "{}", '{"packages":null}', '{"packages":[]']) {
    assert.ok(!isInstalled(lock, damaged), damaged);
    assert.ok(!isInstalled(damaged, lock), damaged);
  }
});
