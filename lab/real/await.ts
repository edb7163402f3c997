/** For real processes only: asks until an answer is as wanted. */
const POLL_MS = 20;

export async function eventually<Value>(
  what: string,
  ask: () => Promise<Value | undefined> | Value | undefined,
  timeoutMs = 30_000,
): Promise<Value> {
  const deadlineMs = performance.now() + timeoutMs;
  let last: unknown;
  while (performance.now() < deadlineMs) {
    try {
      const value = await ask();
      if (value !== undefined) return value;
    } catch (cause) {
      last = cause;
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  throw new Error(
    `did not happen within ${timeoutMs} ms: ${what}`,
    last === undefined ? {} : { cause: last },
  );
}
