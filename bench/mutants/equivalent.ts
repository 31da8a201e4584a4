import type { Mutant } from "./schemata.ts"

/** A change that no evidence can tell from the source, and why: what nothing notices there is no gap in the tests. */
export interface Equivalent extends Pick<Mutant, "file" | "on" | "was" | "is"> {
  readonly why: string
}

const order = "no two events of a lane have one place"
const once = "names of layers and questions are there once"
const guard = "it tells the compiler what the rest says too"
const memory = "it saves time or memory and decides nothing"

const equivalents: readonly Equivalent[] = [
  {
    file: "v1/bound.ts",
    on: 'const most = test === "ratio" ? 1000 : 999',
    was: "1000",
    is: "1000 + 1",
    why: "no ratio reaches 1001 per mille",
  },
  {
    file: "v1/bound.ts",
    on: "let tooFew = quotient(enough, 2)",
    was: "2",
    is: "2 + 1",
    why: "a third of what was enough is too few where half of it is, and the search ends at the same number",
  },
  {
    file: "v1/indicators/provider-loss.ts",
    on: "(answer) => isServed(answer) && lost.every(({ lseq }) => lseq < answer.lseq),",
    was: "lseq < answer.lseq",
    is: "lseq <= answer.lseq",
    why: order,
  },
  {
    file: "v1/indicators/retries.ts",
    on: "pause !== undefined && pause.lseq < lseq;",
    was: "pause.lseq < lseq",
    is: "pause.lseq <= lseq",
    why: order,
  },
  {
    file: "v1/indicators/retries.ts",
    on: "if (last !== undefined && last.lseq < again.lseq && isFailure(last))",
    was: "last.lseq < again.lseq",
    is: "last.lseq <= again.lseq",
    why: order,
  },
  {
    file: "v1/window-fold.ts",
    on: "const isOpen = seen.firstLseq < event.lseq && (!seen.isSealed || event.lseq < seen.lastLseq)",
    was: "seen.firstLseq < event.lseq",
    is: "seen.firstLseq <= event.lseq",
    why: order,
  },
  {
    file: "v1/window-fold.ts",
    on: "const isOpen = seen.firstLseq < event.lseq && (!seen.isSealed || event.lseq < seen.lastLseq)",
    was: "event.lseq < seen.lastLseq",
    is: "event.lseq <= seen.lastLseq",
    why: order,
  },
  {
    file: "v1/window-fold.ts",
    on: "isSealed: false,",
    was: "false",
    is: "true",
    why: "it is set by the event itself a few lines on",
  },
  {
    file: "v1/window-fold.ts",
    on: "this.#open.delete(session)",
    was: "this.#open.delete(session)",
    is: "void 0",
    why: memory,
  },
  {
    file: "v1/window-fold.ts",
    on: "if (this.#surroundings !== undefined) return this.#surroundings",
    was: "this.#surroundings !== undefined",
    is: "false",
    why: memory,
  },
  {
    file: "v1/window-fold.ts",
    on: 'if (event.type !== "attestation") return []',
    was: 'event.type !== "attestation"',
    is: "false",
    why: "no other event names places",
  },
  {
    file: "v1/window.ts",
    on: 'if (event.type !== "audit") continue',
    was: 'event.type !== "audit"',
    is: "false",
    why: guard,
  },
  {
    file: "v1/session.ts",
    on: 'posture: session.isIsolated ? "measured" : "shared",',
    was: 'session.isIsolated ? "measured" : "shared"',
    is: '"measured"',
    why: "what is hardened is isolated, and nothing else is asked",
  },
  {
    file: "v1/session.ts",
    on: 'return event.type === "llm_response" && isAnswer(event.facts)',
    was: 'event.type === "llm_response" && isAnswer(event.facts)',
    is: "isAnswer(event.facts)",
    why: guard,
  },
  {
    file: "v1/ingested.ts",
    on: 'if (event.type !== "ingest") throw new TypeError("not an ingested file")',
    was: 'event.type !== "ingest"',
    is: "false",
    why: guard,
  },
  {
    file: "v1/layer.ts",
    on: "const best = staged(regular.map((each) => rated(each, 5)))",
    was: "5",
    is: "5 + 1",
    why: "no stage is above 5",
  },
  {
    file: "v1/layer.ts",
    on: 'return Math.min(5, ...occasions.map(({ level }) => (level === "U" ? 0 : level) + 1))',
    was: "5",
    is: "5 + 1",
    why: "no stage is above 5",
  },
  {
    file: "v1/judged-session.ts",
    on: "return key.length > 64 ? sha256Hex(utf8(key)) : key",
    was: "64",
    is: "64 + 1",
    why: "keys are only compared, as they are or by their digests",
  },
  {
    file: "v1/session-facts.ts",
    on: "this.#measured.set(type, known)",
    was: "this.#measured.set(type, known)",
    is: "void 0",
    why: memory,
  },
  {
    file: "v1/session-facts.ts",
    on: "const known = this.#measured.get(type) ?? this.#of(type).map(measuredPart)",
    was: "this.#measured.get(type) ?? this.#of(type).map(measuredPart)",
    is: "this.#of(type).map(measuredPart)",
    why: memory,
  },
  {
    file: "v1/cap.ts",
    on: "const known = enough.get(fixed) ?? isEnough(fixed)",
    was: "enough.get(fixed) ?? isEnough(fixed)",
    is: "isEnough(fixed)",
    why: memory,
  },
  {
    file: "v1/cap.ts",
    on: "enough.set(fixed, known)",
    was: "enough.set(fixed, known)",
    is: "void 0",
    why: memory,
  },
  {
    file: "v1/cap.ts",
    on: "if (fixed === undefined) return false",
    was: "fixed === undefined",
    is: "false",
    why: "nothing passed after a change that there is not",
  },
  {
    file: "v1/reachable.ts",
    on: "const question = questionsOf(bank).find((each) => each.id === id)",
    was: "questionsOf(bank).find((each) => each.id === id)",
    is: "questionsOf(bank).findLast((each) => each.id === id)",
    why: once,
  },
  {
    file: "gate/level-rules.ts",
    on: "const level = report.layers.find((layer) => layer.name === name)?.level",
    was: "report.layers.find((layer) => layer.name === name)",
    is: "report.layers.findLast((layer) => layer.name === name)",
    why: once,
  },
  {
    file: "gate/level-rules.ts",
    on: "const level = report.questions.find((question) => question.id === id)?.level",
    was: "report.questions.find((question) => question.id === id)",
    is: "report.questions.findLast((question) => question.id === id)",
    why: once,
  },
  {
    file: "gate/level-rules.ts",
    on: 'return typeof level === "number" && level >= bound',
    was: 'typeof level === "number" && level >= bound',
    is: "level >= bound",
    why: guard,
  },
  {
    file: "gate/trust-rules.ts",
    on: 'const labels: readonly Report["trust_label"][] = ["UNRELIABLE", "LOW TRUST", "HIGH TRUST"]',
    was: '["UNRELIABLE", "LOW TRUST", "HIGH TRUST"]',
    is: '["LOW TRUST", "HIGH TRUST"]',
    why: "what is in no place of the order is below its first",
  },
  {
    file: "gate/trust-rules.ts",
    on: 'const postures: readonly Report["posture"][] = ["shared", "declared", "measured"]',
    was: '["shared", "declared", "measured"]',
    is: '["declared", "measured"]',
    why: "what is in no place of the order is below its first",
  },
  {
    file: "v1/need.ts",
    on: 'const level = need.kind === "question" ? (levels.get(need.question) ?? "U") : 0',
    was: 'need.kind === "question" ? (levels.get(need.question) ?? "U") : 0',
    is: '(levels.get(need.question) ?? "U")',
    why: guard,
  },
  {
    file: "v1/gate.ts",
    on: "...(from !== undefined && level >= from && critical > 0 ? [failed] : []),",
    was: "from !== undefined && level >= from",
    is: "level >= from",
    why: guard,
  },
  {
    file: "v1/score.ts",
    on: "items: 1,",
    was: "1",
    is: "1 + 1",
    why: "sessions are counted here, and all have as many",
  },
]

/**
 * Of these mutants, those that are equivalent.
 *
 * @throws Error if an entry for one of the files fits no mutant of it any more.
 */
export function equivalentOf(
  mutants: readonly Mutant[],
  entries: readonly Equivalent[] = equivalents,
): ReadonlySet<number> {
  const files = new Set(mutants.map(({ file }) => file))
  return new Set(
    entries
      .filter(({ file }) => files.has(file))
      .flatMap(({ file, on, was, is }) => {
        const found = mutants.filter(
          (each) => each.file === file && each.on === on && each.was === was && each.is === is,
        )
        if (found.length === 0) throw new Error(`no mutant is ${file}: ${was} => ${is} on ${on}`)
        return found.map(({ id }) => id)
      }),
  )
}
