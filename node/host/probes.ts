/** Health probes over real sockets. */
import { request } from "node:http";
import { connect } from "node:net";
import type { ProbeResult, Probes } from "../parts.ts";

const BODY_BYTES_MAX = 4096;
const OUTPUT_CHARACTERS_MAX = 200;

export const realProbes: Probes = {
  http({ url, method, timeoutMs }) {
    return new Promise((resolve) => {
      const probe = request(url, {
        method,
        timeout: timeoutMs,
        agent: false,
        headers: { "user-agent": "peer-check" },
      });
      const deadline = AbortSignal.timeout(timeoutMs);
      const fail = (output: string) => {
        probe.destroy();
        resolve({ passed: false, output });
      };
      deadline.addEventListener("abort", () => fail(`${method} ${url}: no answer within ${timeoutMs} ms`));
      probe.on("error", (error) => fail(`${method} ${url}: ${error.message}`));
      probe.on("response", (response) => {
        const status = response.statusCode ?? 0;
        let body = "";
        response.on("data", (chunk: Buffer) => {
          if (body.length < BODY_BYTES_MAX) body += chunk.toString("utf8");
          else response.destroy();
        });
        response.on("error", () => undefined);
        response.on("close", () => {
          const output = `${method} ${url}: ${status} ${firstLine(body)}`.trim();
          resolve({ passed: status >= 200 && status < 300, output });
        });
      });
      probe.end();
    });
  },

  tcp({ host, port, timeoutMs }) {
    return new Promise((resolve) => {
      const socket = connect({ host, port });
      const settle = (result: ProbeResult) => {
        socket.destroy();
        resolve(result);
      };
      socket.setTimeout(timeoutMs, () => {
        settle({ passed: false, output: `connect ${host}:${port}: no answer within ${timeoutMs} ms` });
      });
      socket.on("connect", () => settle({ passed: true, output: `connect ${host}:${port}: open` }));
      socket.on("error", (error) => settle({ passed: false, output: error.message }));
    });
  },
};

function firstLine(body: string): string {
  return (body.split(/\r?\n/, 1)[0] ?? "").slice(0, OUTPUT_CHARACTERS_MAX);
}
