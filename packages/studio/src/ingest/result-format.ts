import type { IngestFormat } from "@amc/core"
import { garakReader } from "./garak.ts"
import { inspectReader } from "./inspect.ts"
import { logReader } from "./log-lines.ts"
import { promptfooReader } from "./promptfoo.ts"
import type { ResultCount } from "./result-count.ts"
import type { ResultReader } from "./result-reader.ts"

/** How a file of a format is read into a count; traces are read elsewhere. */
export const resultFormats: Readonly<
  Record<Exclude<IngestFormat, "otlp">, (count: ResultCount) => ResultReader>
> = {
  jsonl: logReader,
  promptfoo: promptfooReader,
  garak: garakReader,
  inspect: inspectReader,
}
