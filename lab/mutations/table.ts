/**
 * Known bugs, to be planted one at a time in a copy of the sources: what the lab finds there, it would find
 * if someone wrote it. None is reachable in production: they are texts. test/lab/mutations.test.ts holds
 * each of them to the sources as they are.
 */

export interface Mutation {
  readonly name: string;
  /** What goes wrong with it. */
  readonly bug: string;
  readonly file: string;
  /** Stands once in the file. */
  readonly find: string;
  readonly replace: string;
  /** Arguments of the lab that look for it, the most likely first. */
  readonly runs: readonly string[];
}

const RAFT = ["--world raft"];
const CORE = "federation/raft/core.ts";
const LEADERSHIP = "federation/raft/leadership.ts";
const LOG = "federation/raft/log.ts";

export const MUTATIONS: readonly Mutation[] = [
  {
    name: "vote-not-persisted",
    bug: "a voter forgets with its process for whom it voted, and votes again",
    file: CORE,
    find: "const hardState: HardState = { term: this.#term, vote: this.#vote, commit };",
    replace:
      'const vote = this.#vote === this.#self ? this.#self : "";\n' +
      "    const hardState: HardState = { term: this.#term, vote, commit };",
    runs: RAFT,
  },
  {
    name: "vote-answered-too-early",
    bug: "the answer to a candidate leaves before the vote is durable",
    file: CORE,
    find: 'this.#answer(from, { kind: "vote-answer", isGranted });',
    replace: 'this.#sendNow(from, { kind: "vote-answer", isGranted });',
    runs: RAFT,
  },
  {
    name: "commit-by-counting-older-terms",
    bug: "a leader commits what an older term left as soon as a majority holds it (paper, figure 8)",
    file: LEADERSHIP,
    find: "if (index <= this.#log.commit || this.#log.termAt(index) !== term) return false;",
    replace: "if (index <= this.#log.commit || term < 0) return false;",
    runs: ["--scenario figure-eight", ...RAFT],
  },
  {
    name: "apply-before-persist",
    bug: "an entry is applied, and answered, before it is durable here",
    file: LOG,
    find: "return this.#slice(this.#applied, Math.min(this.#commit, this.#stable), bytesMax);",
    replace: "return this.#slice(this.#applied, this.#commit, bytesMax);",
    runs: RAFT,
  },
  {
    name: "acknowledge-before-sync",
    bug: "entries count as durable before the disk was told to keep them (etcd#14370)",
    file: CORE,
    find: "mustSync: isBallotNew || entries.length > 0 || snapshot !== undefined,",
    replace: "mustSync: isBallotNew || snapshot !== undefined,",
    runs: RAFT,
  },
  {
    name: "append-acknowledged-too-early",
    bug: "a follower says that it holds what is not on its disk yet",
    file: CORE,
    find: "this.#answer(from, acceptance(last), last);",
    replace: "this.#sendNow(from, acceptance(last));",
    runs: RAFT,
  },
  {
    name: "no-pre-vote",
    bug: "who was cut off comes back with a higher term and topples a healthy leader",
    file: CORE,
    find: "if (this.#mayCampaign) this.#preCampaign();\n      else",
    replace: "if (this.#mayCampaign) this.#campaign();\n      else",
    runs: ["--scenario removed-member-returns", "--scenario flapping-link", ...RAFT],
  },
  {
    name: "no-check-of-the-quorum",
    bug: "a leader that hears nobody goes on leading",
    file: LEADERSHIP,
    find: "if (!this.#hasQuorum()) this.isOver = true;",
    replace: "",
    runs: ["--scenario deaf-leader", "--scenario minority-leader", ...RAFT],
  },
  {
    name: "stale-read-index",
    bug: "a leader answers reads without asking whether it still leads",
    file: LEADERSHIP,
    find: "(voter === self ? round : (this.#progress.get(voter)?.round ?? 0));",
    replace: "(voter === self ? round : round);",
    runs: RAFT,
  },
  {
    name: "read-before-first-commit",
    bug: "a new leader answers reads at a commit index that may lie behind (thesis, section 6.4)",
    file: LEADERSHIP,
    find: "  read(peer: string, context: number): boolean {\n    if (!this.#hasCommitted()) {",
    replace: "  read(peer: string, context: number): boolean {\n    if (this.#log.commit < 0) {",
    runs: RAFT,
  },
  {
    name: "lost-tail",
    bug: "a repeated append cuts off what came after it, acknowledged or not",
    file: LOG,
    find: "    if (fresh === -1) return [];\n    const added = entries.slice(fresh);",
    replace:
      "    const added = entries.slice(fresh === -1 ? 0 : fresh);\n    if (added.length === 0) return [];",
    runs: RAFT,
  },
  {
    name: "off-by-one-commit-quorum",
    bug: "one copy too few commits an entry",
    file: "federation/raft/quorum.ts",
    find: "return matches[Math.floor(voters.length / 2)] ?? 0;",
    replace: "return matches[Math.max(0, Math.floor(voters.length / 2) - 1)] ?? 0;",
    runs: RAFT,
  },
  {
    name: "off-by-one-vote-quorum",
    bug: "one vote too few elects a leader",
    file: "federation/raft/quorum.ts",
    find: "const majority = Math.floor(voters.length / 2) + 1;",
    replace: "const majority = Math.max(1, Math.floor(voters.length / 2));",
    runs: RAFT,
  },
  {
    name: "learner-votes-after-snapshot",
    bug: "a learner that starts from a snapshot takes itself for a voter (dragonboat#94)",
    file: CORE,
    find: "      this.#configurations.reset(index, configuration);",
    replace:
      "      this.#configurations.reset(index, { ...configuration, learners: [], " +
      "voters: [...configuration.voters, ...configuration.learners] });",
    runs: ["--scenario learner-by-snapshot", ...RAFT],
  },
  {
    name: "joint-majority-of-one-half",
    bug: "on the way to other voters the old ones are not asked",
    file: "federation/raft/configuration.ts",
    find: "return Math.min(committedIndex(voters, matchOf), committedIndex(outgoing, matchOf));",
    replace: "return outgoing.length < 0 ? 0 : committedIndex(voters, matchOf);",
    runs: RAFT,
  },
  {
    name: "votes-for-a-shorter-log",
    bug: "a voter looks at the last term only, not at the length of the log",
    file: LOG,
    find: "return lastTerm > this.lastTerm || (lastTerm === this.lastTerm && lastIndex >= this.last);",
    replace: "return lastTerm >= this.lastTerm && lastIndex >= 0;",
    runs: RAFT,
  },
  {
    name: "heartbeat-commits-too-much",
    bug: "a heartbeat tells of commitment beyond what the follower is known to hold",
    file: LEADERSHIP,
    find: 'this.#parts.send(peer, { kind: "heartbeat", commit: Math.min(match, this.#log.commit), round });',
    replace:
      'this.#parts.send(peer, { kind: "heartbeat", commit: Math.min(match + 1, this.#log.commit), round });',
    runs: RAFT,
  },
  {
    name: "two-changes-at-once",
    bug: "a second change of members begins before the first one is committed",
    file: LEADERSHIP,
    find: 'if (this.#transferee !== "" || !this.#hasCommitted() || currentIndex > this.#log.commit) {',
    replace: 'if (this.#transferee !== "" || currentIndex < 0) {',
    runs: RAFT,
  },
  {
    name: "plan-not-rechecked",
    bug: "a plan on an old view is applied as it is: nodes are given out twice (nomad#28444)",
    file: "federation/ledger/apply/recheck.ts",
    find: "      this.#tables.obstacle(node, demand) ??\n",
    replace: "",
    runs: RAFT,
  },
  {
    name: "claim-not-fenced",
    bug: "a plan on an old view takes a port that has an owner by now",
    file: "federation/ledger/claims.ts",
    find: "if (held?.ports.has(port) || node.reservedPorts.includes(port)) return portReason(port);",
    replace: "if (held !== undefined && node.reservedPorts.includes(port)) return portReason(port);",
    runs: RAFT,
  },
  {
    name: "state-missing-from-the-snapshot",
    bug: "who starts from a snapshot knows of no evaluation that waits for its time (etcd#14571)",
    file: "federation/ledger/ledger.ts",
    find: "      evaluations: tables.evaluations(),",
    replace: '      evaluations: tables.evaluations().filter(({ status }) => status !== "waiting"),',
    runs: RAFT,
  },
  {
    name: "skipped-incarnation",
    bug: "a node's late word from an earlier start counts as its newest",
    file: "federation/ledger/apply/registration.ts",
    find: "if (held !== undefined && facts.incarnation < held.incarnation) {",
    replace: "if (held !== undefined && facts.incarnation < 0) {",
    runs: RAFT,
  },
  {
    name: "event-cursor-going-back",
    bug: "a reader of events that resumes gets the last one again (etcd#15271)",
    file: "node/authority/event-log.ts",
    find: "return this.#events.slice(this.#firstAfter(cursor));",
    replace: "return this.#events.slice(Math.max(0, this.#firstAfter(cursor) - 1));",
    runs: ["--world machine"],
  },
  {
    name: "event-lost-on-resume",
    bug: "a reader of events that resumes misses the next one",
    file: "node/authority/event-log.ts",
    find: "return this.#events.slice(this.#firstAfter(cursor));",
    replace: "return this.#events.slice(this.#firstAfter(cursor) + 1);",
    runs: ["--world machine"],
  },
];
