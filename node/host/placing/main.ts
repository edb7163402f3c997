/** What a planning thread runs: a desk that answers orders one after the other. */
import { parentPort } from "node:worker_threads";
import { invariant, PlacingDesk, type PlacingMessage } from "../../../federation/index.ts";

const desk = new PlacingDesk();

invariant(parentPort !== null, "this file is run by a peer, as a thread of its own");
const port = parentPort;
port.on("message", (message: PlacingMessage) => {
  const answer = desk.take(message);
  if (answer !== undefined) port.postMessage(answer, [answer.rows.buffer]);
});
