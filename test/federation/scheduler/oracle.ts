/** Nomad's rules written down once more, plainly: every answer is found by looking at everything. */
import assert from "node:assert/strict";
import { nodeAttribute } from "../../../federation/fit/constraint/attribute.ts";
import { matcherOf } from "../../../federation/fit/constraint/operator.ts";
import type {
  Allocation,
  Constraint,
  GroupSpec,
  JobId,
  Neighbour,
  NodeId,
  NodeRecord,
  Placing,
  Spread,
} from "../../../federation/index.ts";
import { groupNamed, placed, type Scene, wantOf } from "./worlds.ts";

/** By the shares of cpu and memory that are left. */
const packing = {
  binpack: (cpu: number, memory: number) => (20 - 10 ** cpu - 10 ** memory) / 18,
  spread: (cpu: number, memory: number) => (10 ** cpu + 10 ** memory - 2) / 18,
  balanced: (cpu: number, memory: number) => 1 - Math.abs(cpu - memory),
  random: () => 0,
};

/** The nodes of a scene after some placements. */
export class Oracle {
  readonly scene: Scene;
  readonly #rows: readonly Allocation[];

  constructor(scene: Scene, placements: Placing["placements"]) {
    this.scene = scene;
    this.#rows = [...scene.allocations, ...placed(scene.spec, placements)].filter((row) =>
      ["pending", "running"].includes(row.status),
    );
  }

  node(id: NodeId): NodeRecord {
    const node = this.scene.nodes.find((candidate) => candidate.id === id);
    assert.ok(node);
    return node;
  }

  on(id: NodeId): readonly Allocation[] {
    return this.#rows.filter((row) => row.nodeId === id);
  }

  free(id: NodeId): { cpu: number; memoryBytes: number; diskBytes: number } {
    const { resources } = this.node(id);
    const held = (of: (row: Allocation["resources"]) => number) =>
      this.on(id).reduce((sum, row) => sum + of(row.resources), 0);
    return {
      cpu: resources.cpu - held(({ cpu }) => cpu),
      memoryBytes: resources.memoryBytes - held(({ memoryBytes }) => memoryBytes),
      diskBytes: resources.diskBytes - held(({ diskBytes = 0 }) => diskBytes),
    };
  }

  heldCores(id: NodeId): readonly number[] {
    return this.on(id).flatMap((row) => Object.values(row.cores ?? {}).flat());
  }

  heldPorts(id: NodeId): readonly number[] {
    return this.on(id).flatMap((row) => Object.values(row.ports));
  }

  /** The job's instances that are to stay; of the group alone when it is named. */
  instances(name?: string): readonly Allocation[] {
    return this.#rows.filter(
      (row) => row.job === "shop" && row.desired === "run" && (name === undefined || row.group === name),
    );
  }

  fits(id: NodeId, name: string): boolean {
    const node = this.node(id);
    const group = groupNamed(this.scene.spec, name);
    if (node.status !== "ready" || !node.eligible || !this.#stands(node)) return false;
    if (!group.tasks.every((task) => node.drivers[task.driver ?? ""]?.healthy === true)) return false;
    const [want, free] = [wantOf(group), this.free(id)];
    if (want.cpu > free.cpu || want.memoryBytes > free.memoryBytes) return false;
    if (want.diskBytes !== undefined && want.diskBytes > free.diskBytes) return false;
    const cores = group.tasks.reduce((sum, { resources }) => sum + (resources.cores ?? 0), 0);
    if (cores > (node.cores?.length ?? 0) - this.heldCores(id).length) return false;
    if (!this.#hasPorts(node, group)) return false;
    const own = [...(group.constraints ?? []), ...group.tasks.flatMap((task) => task.constraints ?? [])];
    return (
      this.#isInGoodCompany(node, group) &&
      (this.scene.spec.constraints ?? []).every((each) => this.satisfies(node, each, undefined)) &&
      own.every((each) => this.satisfies(node, each, name))
    );
  }

  #stands({ pool = "default", datacenter = "dc1" }: NodeRecord): boolean {
    const { nodePool = "default", datacenters = ["*"] } = this.scene.spec;
    // `*` stands for any letters: what stands around it is at the two ends.
    const isMet = datacenters.some((glob) => {
      const [before = "", after] = glob.split("*");
      if (after === undefined) return glob === datacenter;
      return datacenter.startsWith(before) && datacenter.slice(before.length).endsWith(after);
    });
    return isMet && (nodePool === "all" || nodePool === pool);
  }

  #isInGoodCompany(node: NodeRecord, group: GroupSpec): boolean {
    const hard = this.#neighbours(group).filter(({ weight }) => weight === undefined);
    const met = hard.every((wish) => {
      const there = this.#meets(node, wish, this.#named(wish));
      if (wish.kind === "apart") return !there;
      const isOwn = (wish.job ?? "shop") === "shop" && (wish.group ?? group.name) === group.name;
      return there || (isOwn && this.#named(wish).length === 0);
    });
    // The other side of being apart, whoever wants it.
    const askers = [{ spec: this.scene.spec }, ...this.scene.jobs.flatMap(({ versions }) => versions)];
    return (
      met &&
      askers.every(({ spec }) =>
        spec.groups.every((asker) => {
          if (spec.id === "shop" && asker.name === group.name) return true;
          const apart = [...(spec.neighbours ?? []), ...(asker.neighbours ?? [])].filter(
            (wish) =>
              wish.kind === "apart" &&
              wish.weight === undefined &&
              (wish.job ?? spec.id) === "shop" &&
              (wish.group ?? group.name) === group.name,
          );
          const asking = this.#named({ job: spec.id, group: asker.name });
          return apart.every((wish) => !this.#meets(node, wish, asking));
        }),
      )
    );
  }

  #neighbours(group: GroupSpec): readonly Neighbour[] {
    return [...(this.scene.spec.neighbours ?? []), ...(group.neighbours ?? [])];
  }

  #named({ group, job = "shop" as JobId }: Pick<Neighbour, "job" | "group">): readonly Allocation[] {
    return this.#rows.filter(
      (row) => row.job === job && row.desired === "run" && (group === undefined || row.group === group),
    );
  }

  #meets(node: NodeRecord, { by }: Neighbour, rows: readonly Allocation[]): boolean {
    const own = nodeAttribute(node, by);
    return own !== undefined && rows.some((row) => nodeAttribute(this.node(row.nodeId), by) === own);
  }

  company(node: NodeRecord, group: GroupSpec): number {
    const soft = this.#neighbours(group).filter(({ weight }) => weight !== undefined);
    const all = soft.reduce((sum, { weight = 0 }) => sum + weight, 0);
    const met = soft.filter((wish) => this.#meets(node, wish, this.#named(wish)));
    const sum = met.reduce((total, { kind, weight = 0 }) => total + (kind === "near" ? weight : -weight), 0);
    return all === 0 ? 0 : sum / all;
  }

  #hasPorts(node: NodeRecord, group: GroupSpec): boolean {
    const used = new Set([...this.heldPorts(node.id), ...node.reservedPorts]);
    const statics = group.ports.flatMap((port) => port.static ?? []);
    if (statics.some((port) => used.has(port))) return false;
    for (const port of statics) used.add(port);
    let open = 0;
    for (let port = node.dynamicPorts[0]; port <= node.dynamicPorts[1]; port += 1)
      if (!used.has(port)) open += 1;
    return open >= group.ports.length - statics.length;
  }

  satisfies(
    node: NodeRecord,
    { attribute, operator, value }: Constraint,
    scope: string | undefined,
  ): boolean {
    const instances = this.instances(scope);
    if (operator === "distinct_hosts") return !instances.some((row) => row.nodeId === node.id);
    const own = nodeAttribute(node, attribute);
    if (operator !== "distinct_property") return matcherOf(operator, value)(own);
    return own !== undefined && this.#shared(instances, attribute, own) < Number(value);
  }

  /** Instances on nodes with this value. */
  #shared(instances: readonly Allocation[], attribute: string, value: string): number {
    return instances.filter((row) => nodeAttribute(this.node(row.nodeId), attribute) === value).length;
  }

  score(id: NodeId, name: string, avoid: NodeId | undefined): number {
    const node = this.node(id);
    const group = groupNamed(this.scene.spec, name);
    const [want, free] = [wantOf(group), this.free(id)];
    const share = (left: number, total: number) => (total === 0 ? 0 : left / total);
    const cpu = share(free.cpu - want.cpu, node.resources.cpu);
    const memory = share(free.memoryBytes - want.memoryBytes, node.resources.memoryBytes);
    const algorithm = group.algorithm ?? this.scene.spec.algorithm ?? "binpack";
    const parts = [packing[algorithm](cpu, memory)];
    const collisions = this.instances(name).filter((row) => row.nodeId === id).length;
    if (collisions > 0) parts.push(-(collisions + 1) / Math.max(1, group.count));
    if (id === avoid) parts.push(-1);
    const affinity = this.affinity(node, group);
    if (affinity !== 0) parts.push(affinity);
    const spread = this.spread(node, group);
    if (spread !== 0) parts.push(spread);
    const company = this.company(node, group);
    if (company !== 0) parts.push(company);
    return parts.reduce((sum, part) => sum + part, 0) / parts.length;
  }

  affinity(node: NodeRecord, group: GroupSpec): number {
    const sources = [this.scene.spec, group, ...group.tasks];
    const all = sources.flatMap((source) => source.affinities ?? []);
    const weights = all.reduce((sum, { weight }) => sum + Math.abs(weight), 0);
    const met = all.filter((each) => this.satisfies(node, each, undefined));
    return weights === 0 ? 0 : met.reduce((sum, { weight }) => sum + weight, 0) / weights;
  }

  spread(node: NodeRecord, group: GroupSpec): number {
    const all = [...(group.spreads ?? []), ...(this.scene.spec.spreads ?? [])];
    const weights = all.reduce((sum, { weight }) => sum + weight, 0);
    return all.reduce((sum, each) => sum + this.#spreadOf(node, group, each, each.weight / weights), 0);
  }

  #spreadOf(node: NodeRecord, group: GroupSpec, { attribute, targets }: Spread, share: number): number {
    const value = nodeAttribute(node, attribute);
    if (value === undefined) return -1;
    const used = (of: string) => this.#shared(this.instances(group.name), attribute, of);
    const values = new Set(this.scene.nodes.flatMap((each) => nodeAttribute(each, attribute) ?? []));
    if (targets.length === 0) {
      const counts = [...values].map(used).filter((count) => count > 0);
      if (counts.length === 0) return 0;
      const [least, most] = [Math.min(...counts), Math.max(...counts)];
      if (used(value) !== least) return (least - used(value)) / least;
      return least === most ? -1 : (most - least) / least;
    }
    const asked = targets.reduce((sum, { percent }) => sum + percent, 0);
    const wanted = (of: string): number | undefined => {
      const percent = targets.find((target) => target.value === of)?.percent;
      if (percent !== undefined) return (percent / 100) * group.count;
      return asked < 100 && group.count > 0 ? ((100 - asked) / 100) * group.count : undefined;
    };
    const boost = (of: string): number => {
      const count = wanted(of);
      return count === undefined || count === 0 ? -1 : ((count - used(of) - 1) / count) * share;
    };
    if (wanted(value) !== 0) return boost(value);
    return Math.min(-1, ...[...values].filter((of) => (wanted(of) ?? 0) > 0).map(boost));
  }
}
