import type { ReportedFacts } from "@amc/core"
import type { AnswerDocument } from "./answer-document.ts"
import type { ForeignValues } from "./foreign-values.ts"

/** What the facts call a format; `other` is what none of the readers knows. */
export type FormatName = ReportedFacts<"llm_request">["format"]

/** What a path alone says of a request. */
export interface PathFacts {
  /** It counts, whatever model the body names. */
  readonly model?: string
  readonly stream?: boolean
}

/** One wire format: which paths have it, and how its answers are read. */
export interface Format {
  readonly name: Exclude<FormatName, "other">
  /** What a path of this format says, without its query; null for any other path. */
  readonly ofPath: (path: string) => PathFacts | null
  /** Whether a request streams that says nothing of it. */
  readonly streamsUnasked?: boolean
  /** A reader of one answer. */
  readonly openAnswer: (values: ForeignValues) => AnswerDocument
}

/** Reads nothing but whether a path has the format. */
export function onPath(pattern: RegExp): Format["ofPath"] {
  return (path) => (pattern.test(path) ? {} : null)
}

/** The model that stands in a path, percent-encoded; as it stands where that is not well made. */
export function pathModel(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    // It is still what was called.
    return text
  }
}
