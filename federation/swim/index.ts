/** What other folders may see of membership. */
export { SWIM_LIMITS, SWIM_MEMBERS_MAX, type SwimLimits } from "./limits.ts";
export { groupOf, type KeeperAnswer, type MemberState, type MemberView, startOf } from "./member.ts";
export type { SwimCounters, SwimNotice } from "./output.ts";
export { Swim } from "./swim.ts";
