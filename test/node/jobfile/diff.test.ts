import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { JobSpec } from "../../../federation/index.ts";
import { diffJobs, diffWritten, formatJobFile, parseJobFile } from "../../../node/jobfile/index.ts";
import { jobSpec } from "./arbitraries.ts";

function specOf(text: string): JobSpec {
  const parsed = parseJobFile(text);
  assert.ok(parsed.ok, JSON.stringify(parsed));
  return parsed.value.spec;
}

const BEFORE = `job: shop
groups:
  web:
    restart: { attempts: 5, interval: 2h }
    constraints: [ { attribute: attr.os, value: linux }, { attribute: meta.a, operator: is_set } ]
    network: { ports: { http: {} } }
    services: [ { name: a, port: http }, { name: b, tags: [ x, y ] } ]
    tasks:
      app: { driver: process, config: { command: ./a, args: [ "-v" ] } }
      old: { driver: process }
`;

const AFTER = `job: shop
priority: 70
groups:
  web:
    count: 3
    constraints: [ { attribute: meta.b, operator: is_set }, { attribute: attr.os, value: linux } ]
    network: { ports: { http: { static: 80 } } }
    services: [ { name: b, tags: [ y ] }, { name: a, port: http } ]
    tasks:
      app: { driver: process, config: { command: ./a, args: [ "-v", "-x" ], cwd: / } }
      new: { driver: process, env: { A: b } }
`;

/** As a line: change, path, before, after. */
function lines(before: JobSpec | undefined, after: JobSpec | undefined): readonly string[] {
  return diffJobs(before, after).map((entry) =>
    [
      entry.change,
      entry.path.join("."),
      ...["before", "after"].flatMap((side) =>
        Object.hasOwn(entry, side) ? [`${side}=${JSON.stringify(Reflect.get(entry, side))}`] : [],
      ),
    ].join(" "),
  );
}

describe("the difference of two jobs", () => {
  test("tells each field that differs, with the default of what is left out", () => {
    assert.deepEqual(lines(specOf(BEFORE), specOf(AFTER)), [
      "edited priority before=50 after=70",
      "edited groups.web.count before=1 after=3",
      "removed groups.web.constraints.[1]",
      'removed groups.web.constraints.[1].attribute before="meta.a"',
      'removed groups.web.constraints.[1].operator before="is_set"',
      "added groups.web.constraints.[0]",
      'added groups.web.constraints.[0].attribute after="meta.b"',
      'added groups.web.constraints.[0].operator after="is_set"',
      "removed groups.web.restart",
      "removed groups.web.restart.attempts before=5",
      'removed groups.web.restart.interval before="2h"',
      "added groups.web.network.ports.http.static after=80",
      'edited groups.web.services.b.tags before=["x","y"] after=["y"]',
      'edited groups.web.tasks.app.config.args before=["-v"] after=["-v","-x"]',
      'added groups.web.tasks.app.config.cwd after="/"',
      "removed groups.web.tasks.old",
      'removed groups.web.tasks.old.driver before="process"',
      "added groups.web.tasks.new",
      'added groups.web.tasks.new.driver after="process"',
      "added groups.web.tasks.new.env",
      'added groups.web.tasks.new.env.A after="b"',
    ]);
  });

  test("tells the order of a list where nothing else differs", () => {
    const [first, second] = ["{ name: a }, { name: b }", "{ name: b }, { name: a }"].map((services) =>
      specOf(`job: j\ngroups: { g: { services: [ ${services} ], tasks: { t: { driver: process } } } }`),
    );
    assert.deepEqual(lines(first, second), [
      'edited groups.g.services before=[{"name":"a"},{"name":"b"}] after=[{"name":"b"},{"name":"a"}]',
    ]);
  });

  test("of a job and none is the whole job", () => {
    const spec = specOf(
      "job: j\ngroups: { g: { network: { ports: { p: {} } }, tasks: { t: { driver: d } } } }",
    );
    const all = lines(undefined, spec);
    assert.equal(all[0], 'added job after="j"');
    assert.ok(all.includes("added groups.g.network.ports.p after={}"));
    assert.deepEqual(
      lines(spec, undefined),
      all.map((line) => line.replace("added", "removed").replace("after=", "before=")),
    );
  });

  test("is empty for equal jobs and never for others, and the other way round the same places", () => {
    fc.assert(
      fc.property(jobSpec, jobSpec, (before, after) => {
        assert.deepEqual(diffJobs(before, before), []);
        const isSame = JSON.stringify(formatJobFile(before)) === JSON.stringify(formatJobFile(after));
        assert.equal(diffJobs(before, after).length === 0, isSame);
        const places = (entries: ReturnType<typeof diffJobs>) =>
          entries.map(({ path, change }) => `${path.join(" ")} ${change === "edited"}`).toSorted();
        assert.deepEqual(places(diffJobs(after, before)), places(diffJobs(before, after)));
      }),
      { numRuns: 100 },
    );
  });

  test("takes what is written, whatever its keys are called", () => {
    const value = (key: string) =>
      JSON.parse(`{"groups":{"g":{"tasks":{"t":{"config":{"${key}":1}}}}}}`) as object;
    const entries = diffWritten(value("constructor"), value("hasOwnProperty"));
    assert.deepEqual(
      entries.map(({ path, change }) => `${change} ${path.at(-1)}`),
      ["removed constructor", "added hasOwnProperty"],
    );
  });
});
