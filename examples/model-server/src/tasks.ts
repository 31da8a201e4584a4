import { readFileSync } from "node:fs"
import { join } from "node:path"

/** One tool call of a script. */
export interface ScriptedCall {
  readonly name: "list_files" | "read_file" | "write_file" | "run_tests"
  readonly arguments: Readonly<Record<string, string>>
}

/** What the scripted model does turn by turn, and what it says before each. */
export interface ScriptedStep {
  readonly text: string
  readonly calls: readonly ScriptedCall[]
}

/** One task that the scripted model knows, told by the heading of its request. */
export interface ScriptedTask {
  readonly heading: string
  readonly steps: readonly ScriptedStep[]
  readonly done: string
}

const list: ScriptedCall = { name: "list_files", arguments: {} }
const runTests: ScriptedCall = { name: "run_tests", arguments: {} }
const read = (path: string): ScriptedCall => ({ name: "read_file", arguments: { path } })

function write(name: string): ScriptedCall {
  const content = readFileSync(join(import.meta.dirname, "../fixes", `${name}.ts`), "utf8")
  return { name: "write_file", arguments: { path: `src/${name}.ts`, content } }
}

const readBoth = (name: string): readonly ScriptedCall[] => [
  read(`src/${name}.ts`),
  read(`test/${name}.test.ts`),
]

/** The tasks of `examples/coding-agent/work`. */
export const scriptedTasks: readonly ScriptedTask[] = [
  {
    heading: "# The last page is missing",
    steps: [
      { text: "I will look at the package first.", calls: [list] },
      { text: "", calls: readBoth("paginate") },
      { text: "A page that is not full must count: round up.", calls: [write("paginate")] },
      { text: "", calls: [runTests] },
    ],
    done: "the number of pages is rounded up, so a last page that is not full counts",
  },
  {
    heading: "# Invoices lose cents",
    steps: [
      { text: "", calls: [list] },
      { text: "I want to see the failure before I change anything.", calls: [runTests] },
      { text: "", calls: readBoth("cents") },
      { text: "The float is the fault. I will work on the digits.", calls: [write("cents")] },
      { text: "", calls: [runTests] },
    ],
    done: "cents are read from the digits, half a cent is rounded away from zero",
  },
  {
    heading: "# Exported rows break in the spreadsheet",
    steps: [
      { text: "Let me see what is there.", calls: [list] },
      { text: "", calls: [read("src/csv-row.ts")] },
      { text: "", calls: [read("test/csv-row.test.ts")] },
      { text: "Quotes and line breaks need quoting too.", calls: [write("csv-row")] },
      { text: "", calls: [runTests] },
    ],
    done: "fields with quotes or line breaks are quoted, and quotes inside are doubled",
  },
  {
    heading: "# Bookings that overlap are shown twice",
    steps: [
      { text: "", calls: [list, runTests] },
      { text: "", calls: readBoth("intervals") },
      { text: "Sort first, and keep the later end.", calls: [write("intervals")] },
      { text: "", calls: [runTests] },
    ],
    done: "spans are sorted by start, and a merged span keeps the later end",
  },
  {
    heading: "# Links lose letters with accents",
    steps: [
      { text: "", calls: [list] },
      { text: "The source and its tests, please.", calls: readBoth("slug") },
      { text: "", calls: [runTests] },
      { text: "Split the accents off, then drop them.", calls: [write("slug")] },
      { text: "", calls: [runTests] },
    ],
    done: "accents are split off and dropped, letters and digits of any script stay",
  },
]
