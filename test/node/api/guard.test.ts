import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createGuard } from "../../../node/api/guard.ts";
import { API_ADDRESS, AUTHORIZED, ask, crypto, FakeService, TOKEN, world } from "./fixture.ts";

/** A path that fits a route's pattern. */
function sample(url: string): string {
  return url.replaceAll(/:[a-z]+/g, "abcdef");
}

describe("the token", () => {
  test("every route but health refuses without one, and with a wrong one", async () => {
    const { app, service } = world();
    await app.ready();
    assert.ok(app.routeTable.length > 40);
    for (const { method, url } of app.routeTable) {
      if (url === "/v1/health") continue;
      for (const headers of [{}, { authorization: `Bearer ${TOKEN}x` }, { "x-vault-token": "wrong" }]) {
        const answer = await ask(app, method, sample(url), { anonymous: true, headers, body: "{" });
        assert.equal(answer.status, 401, `${method} ${url}`);
        assert.equal(answer.headers["www-authenticate"], 'Bearer realm="peer"');
        if (method !== "HEAD") assert.equal(answer.json.error.code, "unauthorized");
      }
    }
    assert.deepEqual(service.calls, []);
  });

  test("health needs none", async () => {
    const { app } = world();
    assert.equal((await ask(app, "GET", "/v1/health", { anonymous: true })).status, 200);
    assert.equal((await ask(app, "HEAD", "/v1/health", { anonymous: true })).status, 200);
  });

  test("unknown routes, wrong methods and broken paths are 401 without it, and told with it", async () => {
    const { app } = world();
    for (const [method, url, status] of [
      ["GET", "/", 404],
      ["GET", "/v1/nothing", 404],
      ["GET", "/v1/jobs/", 400],
      ["GET", "/v1/jobs/shop/", 404],
      ["PATCH", "/v1/jobs/shop", 405],
      ["GET", "/v1/jobs/%zz", 400],
      ["GET", `/v1/jobs/${"x".repeat(200)}`, 404],
      ["PROPFIND", "/v1/jobs", 405],
    ] as const) {
      assert.equal((await ask(app, method, url, { anonymous: true })).status, 401, `${method} ${url}`);
      const answer = await ask(app, method, url);
      assert.equal(answer.status, status, `${method} ${url}`);
      assert.equal(typeof answer.json.error.message, "string");
    }
  });

  test("comes as a bearer token in any case, or as Vault's header", async () => {
    const { app } = world();
    for (const headers of [
      { authorization: `Bearer ${TOKEN}` },
      { authorization: `bearer  ${TOKEN}` },
      { "x-vault-token": TOKEN },
    ]) {
      assert.equal((await ask(app, "GET", "/v1/status", { anonymous: true, headers })).status, 200);
    }
    for (const headers of [
      { authorization: `Basic ${TOKEN}` },
      { authorization: TOKEN },
      { authorization: "Bearer " },
      { authorization: "Bearer nonsense", "x-vault-token": TOKEN },
    ]) {
      assert.equal((await ask(app, "GET", "/v1/status", { anonymous: true, headers })).status, 401);
    }
  });

  test("a guessable one is refused at start", () => {
    assert.throws(
      () =>
        createGuard({ token: "0123456789abcde", allowedHosts: [], crypto, apiAddress: () => API_ADDRESS }),
      /needs 16 characters/,
    );
  });

  test("a body is not read before it is known who sends it", async () => {
    const { app } = world();
    const body = "x".repeat(2 * 1024 * 1024);
    const asked = { anonymous: true, headers: { "content-type": "application/yaml" }, body };
    assert.equal((await ask(app, "PUT", "/v1/jobs/shop", asked)).status, 401);
    assert.equal((await ask(app, "PUT", "/v1/jobs/shop", { ...asked, anonymous: false })).status, 413);
  });
});

describe("the Host header (DNS rebinding)", () => {
  const statusFor = async (host: string, allowedHosts: readonly string[] = []) => {
    const { app } = world(new FakeService(), { allowedHosts });
    return (await ask(app, "GET", "/v1/status", { headers: { host } })).status;
  };

  test("loopback names with the API's port pass", async () => {
    for (const host of ["127.0.0.1:7337", "localhost:7337", "LocalHost:7337", "[::1]:7337"]) {
      assert.equal(await statusFor(host), 200, host);
    }
  });

  test("other names and ports do not, not even for health", async () => {
    for (const host of [
      "evil.example:7337",
      "localhost:80",
      "localhost",
      "127.0.0.1.nip.io:7337",
      "localhost.evil.example:7337",
      "user@localhost:7337",
      "localhost:7337@evil.example",
      "127.0.0.1:7337, evil.example",
      "[::1",
      "",
    ]) {
      assert.equal(await statusFor(host), 421, host);
    }
    const { app } = world();
    const health = await ask(app, "GET", "/v1/health", {
      anonymous: true,
      headers: { host: "evil.example" },
    });
    assert.equal(health.status, 421);
    assert.equal(health.json.error.code, "wrong_host");
  });

  test("allowed names pass with the API's port, without one, or exactly as given", async () => {
    const allowed = ["Shop.Example", "proxy.example:8443"];
    assert.equal(await statusFor("shop.example:7337", allowed), 200);
    assert.equal(await statusFor("shop.example", allowed), 200);
    assert.equal(await statusFor("shop.example:1", allowed), 421);
    assert.equal(await statusFor("proxy.example:8443", allowed), 200);
    assert.equal(await statusFor("proxy.example", allowed), 421);
  });

  test("is looked at before the token", async () => {
    const { app } = world();
    const answer = await ask(app, "GET", "/v1/nothing", {
      anonymous: true,
      headers: { host: "evil.example" },
    });
    assert.equal(answer.status, 421);
  });
});

describe("requests of other sites", () => {
  const statusFor = async (headers: Record<string, string>) => {
    const { app } = world();
    return (await ask(app, "GET", "/v1/status", { headers })).status;
  };

  test("are refused by Origin and by Sec-Fetch-Site", async () => {
    assert.equal(await statusFor({ origin: "https://evil.example" }), 403);
    assert.equal(await statusFor({ origin: "null" }), 403);
    assert.equal(await statusFor({ origin: "http://127.0.0.1:3000" }), 403);
    assert.equal(await statusFor({ "sec-fetch-site": "cross-site" }), 403);
    assert.equal(await statusFor({ "sec-fetch-site": "same-site" }), 403);
  });

  test("the API's own pages pass", async () => {
    assert.equal(await statusFor({ origin: `http://${API_ADDRESS}`, "sec-fetch-site": "same-origin" }), 200);
    assert.equal(await statusFor({ "sec-fetch-site": "none" }), 200);
  });

  test("a preflight of another site gets nothing to go on", async () => {
    const { app } = world();
    const headers = { ...AUTHORIZED, origin: "https://evil.example", "access-control-request-method": "PUT" };
    const answer = await ask(app, "OPTIONS", "/v1/jobs/shop", { headers });
    assert.equal(answer.status, 403);
    assert.equal(answer.headers["access-control-allow-origin"], undefined);
  });
});
