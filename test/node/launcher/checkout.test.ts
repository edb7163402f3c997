import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { test } from "node:test";
import { bundledRuntime, isNewEnough } from "../../../node/launcher/checkout.mjs";
import { runtimeOf, SetupError } from "../../../node/launcher/install.mjs";

const repository = join(import.meta.dirname, "..", "..", "..");
const machines = ["linux-x64", "linux-arm64", "darwin-x64", "darwin-arm64", "win32-x64"];

test("a version is new enough that strips types by default", () => {
  for (const version of ["v22.18.0", "22.18.0", "v22.23.3", "v23.6.0", "v24.0.0", "v25.1.0", "v100.0.0"]) {
    assert.ok(isNewEnough(version), version);
  }
  for (const version of ["v22.17.9", "v23.0.0", "v23.5.0", "v20.20.2", "v18.0.0", "", "v", "none"]) {
    assert.ok(!isNewEnough(version), version);
  }
});

test("every machine with a package of its own has it in the manifest, and no other is there", () => {
  const manifest = JSON.parse(readFileSync(join(repository, "node", "runtimes", "package.json"), "utf8"));
  const packages = machines.map((machine) => {
    const file = bundledRuntime(repository, machine) ?? "";
    return relative(join(repository, "node_modules"), file).split(sep)[0];
  });
  assert.deepEqual(packages.sort(), Object.keys(manifest.optionalDependencies).sort());
});

test("`./peer` and the launcher name the same packages", () => {
  const scripts = ["peer", "peer.cmd"].map((name) => readFileSync(join(repository, name), "utf8"));
  for (const machine of machines) {
    const file = bundledRuntime(repository, machine) ?? "";
    const name = relative(join(repository, "node_modules"), file).replaceAll("\\", "/");
    assert.ok(scripts.join().replaceAll("\\", "/").includes(name), name);
  }
});

test("the Node of the PATH is preferred; a machine without either is told", () => {
  const path = join("somewhere", "node");
  assert.equal(runtimeOf(repository, { version: "v22.18.0", path }, "sunos-x64"), path);
  const bundled = bundledRuntime(repository, "darwin-arm64");
  assert.equal(runtimeOf(repository, { version: "v20.0.0", path }, "darwin-arm64"), bundled);
  assert.throws(
    () => runtimeOf(repository, { version: "v20.0.0", path }, "linux-arm"),
    (error) =>
      error instanceof SetupError && /v20.0.0 is too old.*linux-arm/.test(error.message) && error.hint !== "",
  );
});
