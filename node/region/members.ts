/** The members of a Raft group, as those see them who take peers in and choose voters. */
import { type CommandOutcome, membersOf, type NodeId } from "../../federation/index.ts";
import type { RaftGroup } from "../raft/group.ts";
import type { Group } from "./joining.ts";
import type { VoterGroup } from "./voter-duty.ts";

/** A learner that is no further behind is as good as the voters. */
const CAUGHT_UP_ENTRIES = 256;

export function membersOfGroup(group: RaftGroup<CommandOutcome>, self: NodeId): Group & VoterGroup {
  const configuration = () => group.status().configuration;
  return {
    get isMember() {
      return membersOf(configuration()).includes(self);
    },
    get leader() {
      return group.status().leader;
    },
    get configuration() {
      return configuration();
    },
    isCaughtUp: (peer) => {
      const { commit } = group.status();
      const known = group.progress().find((each) => each.peer === peer);
      return peer === self || (known?.isActive === true && known.match + CAUGHT_UP_ENTRIES >= commit);
    },
    mayVote: () => true,
    addLearner: async (peer) => {
      await group.addLearner(peer);
    },
    changeVoters: async (voters) => {
      await group.changeVoters(voters);
    },
    removeMember: async (peer) => {
      await group.removeMember(peer);
    },
    watch: (listener) => group.watchRole(listener),
  };
}
