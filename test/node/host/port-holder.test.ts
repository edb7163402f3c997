import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import path from "node:path";
import { describe, test } from "node:test";
import { PeerError } from "../../../federation/index.ts";
import { checkPortFree } from "../../../node/host/port-holder.ts";

describe("a port to listen on", () => {
  test("is refused while it is taken, and free after that", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = { host: "127.0.0.1", port: (server.address() as AddressInfo).port };
    try {
      await assert.rejects(checkPortFree(address, "--api"), (error) => {
        assert.ok(error instanceof PeerError);
        assert.equal(error.code, "conflict");
        assert.match(error.message, new RegExp(`^127.0.0.1:${address.port} is taken by .`));
        // Not the next one: after 7337 that is the mesh's.
        assert.match(error.hint ?? "", /--api 127\.0\.0\.1:\d+$/);
        assert.ok(!error.hint?.endsWith(`:${address.port + 1}`), error.hint);
        if (process.platform === "linux") {
          const holder = `${path.basename(process.argv0)} (pid ${process.pid})`;
          assert.ok(error.message.endsWith(holder), error.message);
        }
        return true;
      });
    } finally {
      server.close();
    }
    await once(server, "close");
    await checkPortFree(address, "--api");
  });

  test("is refused on an address that is not of this machine", async () => {
    await assert.rejects(checkPortFree({ host: "192.0.2.1", port: 7337 }, "--api"), {
      code: "bad_request",
      message: /no address of this machine/,
    });
  });
});
