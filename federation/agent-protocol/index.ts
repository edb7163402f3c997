/** What other folders may see of the agent's protocol. */
export { decodeAgentAnswer, decodeAgentRequest, encodeAgentMessage } from "./codec.ts";
export type { AgentAnswer, AgentRequest, HeartbeatAnswer, HeartbeatRequest } from "./message.ts";
export { answerPull } from "./pull.ts";
export { heartbeatDelayMs, heartbeatIntervalMs } from "./rate.ts";
export { StatusOutbox } from "./status-outbox.ts";
