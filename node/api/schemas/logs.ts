import { Type } from "@sinclair/typebox";
import type { LogQuery } from "../../service/service.ts";
import { answers, Name, OneOf, Query } from "./common.ts";

const TAIL_LINES_MAX = 100_000;

export const LogsQuery = Query({
  task: Type.Optional(
    Type.String({ ...Name, description: "which task; may be left out where there is one" }),
  ),
  stream: Type.Optional(OneOf<LogQuery["stream"]>({ stdout: true, stderr: true })),
  offset: Type.Optional(
    Type.Integer({
      description: "byte position since the task's first byte; negative: that many before the end",
    }),
  ),
  tail_lines: Type.Optional(
    Type.Integer({ minimum: 0, maximum: TAIL_LINES_MAX, description: "instead of offset: the last lines" }),
  ),
  follow: Type.Optional(Type.Boolean({ description: "go on as more is written" })),
});

export const logAnswers = answers(
  Type.String({ description: "Bytes of the log; x-peer-log-offset is the position of the first" }),
);
