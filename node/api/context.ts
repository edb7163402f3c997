/** What the routes share. */
import type { Static, TSchema } from "@sinclair/typebox";
import type { FastifyTypeProvider } from "fastify";
import type { Clock, Crypto, Host, JobSpec, Problem, Random, Result } from "../../federation/index.ts";
import type { PeerService } from "../service/service.ts";
import type { HttpMetrics } from "./metrics.ts";
import type { Rows } from "./rows/rows.ts";
import type { Streams } from "./streams.ts";
import type { Waits } from "./waits.ts";

/** Where a request names none. */
export const NAMESPACE_DEFAULT = "default";

export interface ParsedJob {
  readonly spec: JobSpec;
  readonly warnings: readonly Problem[];
  /** Adds line and column to problems that others found by path. */
  locate(problems: readonly Problem[]): readonly Problem[];
}

/** Job files, as `node/jobfile` reads and writes them. */
export interface JobFormat {
  parseJobFile(
    text: string,
    options: { readonly format: "yaml" | "json" },
  ): Result<ParsedJob, readonly Problem[]>;
  /** In the shape of the job file. */
  formatJobFile(spec: JobSpec): object;
}

export interface ApiOptions {
  readonly service: PeerService;
  /** What clients must show, on all routes but health. */
  readonly token: string;
  /** Further names under which clients may address the API, see `GuardOptions`. */
  readonly allowedHosts: readonly string[];
  readonly jobFormat: JobFormat;
  readonly clock: Clock;
  readonly random: Random;
  readonly crypto: Pick<Crypto, "sha256" | "equal">;
  readonly log: Host["log"];
}

export interface ApiContext extends ApiOptions {
  readonly metrics: HttpMetrics;
  readonly streams: Streams;
  readonly waits: Waits;
  /** What rows are made from, at this moment. */
  rows(): Rows;
  openApi(): object;
}

/** Lets Fastify take a request's types from its TypeBox schemas. */
export interface TypeBoxProvider extends FastifyTypeProvider {
  readonly validator: this["schema"] extends TSchema ? Static<this["schema"]> : unknown;
  readonly serializer: this["schema"] extends TSchema ? Static<this["schema"]> : unknown;
}

declare module "fastify" {
  interface FastifyContextConfig {
    /** For the OpenAPI document; unique. */
    operationId?: string;
    summary?: string;
    /** Needs no token. */
    isPublic?: true;
    /** For the document: a body that the route checks itself. */
    body?: TSchema;
    /** What else than JSON it may be. */
    bodyTypes?: readonly string[];
    /** Media type of an answer that is not JSON. */
    answerType?: string;
    /** The answer goes on for as long as the client stays: its duration says nothing. */
    isStream?: true;
  }
}
