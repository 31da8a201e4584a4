import type { Mutant } from "./schemata.ts"

/** A change that no evidence can tell from the source, and why: what nothing notices there is no gap in the tests. */
export interface Equivalent extends Pick<Mutant, "file" | "on" | "was" | "is"> {
  readonly why: string
}

const order = "no two events of a lane have one place"

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
