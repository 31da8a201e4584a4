import { spawn } from "node:child_process"
import { once } from "node:events"
import { readFileSync, writeFileSync } from "node:fs"
import path from "node:path"
import { json } from "node:stream/consumers"
import { requiredDenials, requiredReaches, requiredTries } from "@amc/core"
import { afterAll, beforeAll, expect, test } from "vitest"
import { arrangements, type Engine } from "./testing/matrix-arrangements.ts"
import { type Engines, startEngines } from "./testing/matrix-engines.ts"
import { hostSettings, otherSettings, renderSettings } from "./testing/matrix-host.ts"
import { type MatrixColumn, parseColumns, renderColumns } from "./testing/matrix-table.ts"
import { makeWorld, type World } from "./testing/matrix-world.ts"

/** Measured anew and written by `AMC_WRITE_MATRIX=1 npx vitest run packages/sandbox/src/matrix.test.ts`. */
const golden = path.join(import.meta.dirname, "../../../docs/isolation-matrix.md")
const begin = "<!-- measured -->\n"
const [prose = "", table = ""] = readFileSync(golden, "utf8").split(begin)
const expected = parseColumns(table)
let others: readonly string[] = []
const isWriting = process.env["AMC_WRITE_MATRIX"] !== undefined
const measured = new Map<string, MatrixColumn>()

let world: World | undefined
let missing = ""
let engines: Engines | undefined
beforeAll(async () => {
  const settings = otherSettings(table, await hostSettings())
  for (const { setting, checks } of settings)
    process.stderr.write(`NOT COMPARED: ${checks.join(", ")}: ${setting} is another here\n`)
  others = settings.flatMap(({ checks }) => checks)
  try {
    world = await makeWorld()
    engines = await startEngines(world)
  } catch (error) {
    missing = String(error).split("\n")[0] ?? ""
  }
})
afterAll(async () => {
  await engines?.close()
  await world?.close()
  if (!isWriting) return
  const heads = Object.keys(arrangements)
  const columns = heads.flatMap((head) => {
    const column = measured.get(head) ?? expected.get(head)
    return column === undefined ? [] : [[head, column] as const]
  })
  const settings = renderSettings(await hostSettings(), engines)
  const text = `${renderColumns(new Map(columns))}\n${settings}`
  writeFileSync(golden, `${prose}${begin}\n${text}`)
})

/** The engine that a column needs, or why it can't be measured. */
function engineFor(head: string): Engine | null | string {
  if (world === undefined) return `no network can be made here: ${missing}`
  const name = (["docker", "podman"] as const).find((each) => head.startsWith(each))
  if (name === undefined) return null
  const engine = engines?.[name] ?? "it was not started"
  if (typeof engine === "string" || isWriting || table.includes(`- ${name}: ${engine.version}\n`))
    return engine
  return `the matrix was measured with another version than ${engine.version}`
}

async function measure(head: string, engine: Engine | null): Promise<MatrixColumn> {
  const main = path.join(import.meta.dirname, "testing/matrix-main.ts")
  const words = [...(world?.enter ?? []), process.execPath, main, head, JSON.stringify(engine)]
  const [file = "", ...rest] = words
  const child = spawn(file, rest, { stdio: ["ignore", "pipe", "inherit"] })
  const [column, [code]] = await Promise.all([json(child.stdout), once(child, "exit")])
  expect(code).toBe(0)
  return column as MatrixColumn
}

/** Without the rows that rest on a setting which is another here. */
function comparable({ cells, structure }: MatrixColumn): MatrixColumn {
  const kept = Object.entries(cells).filter(([id]) => !others.includes(id))
  return { cells: Object.fromEntries(kept), structure }
}

test.for(Object.keys(arrangements))("%s comes to what the matrix says", async (head, context) => {
  const engine = engineFor(head)
  if (typeof engine === "string") {
    process.stderr.write(`NOT MEASURED: ${head}: ${engine}\n`)
    return context.skip(engine)
  }
  const column = await measure(head, engine)
  measured.set(head, column)
  if (isWriting) return
  expect(comparable(column)).toEqual(comparable(expected.get(head) ?? { cells: {}, structure: [] }))
})

test("the matrix has every column and every check that a verdict asks for", () => {
  expect([...expected.keys()]).toEqual(Object.keys(arrangements))
  for (const { cells } of expected.values())
    expect(Object.keys(cells)).toEqual(
      expect.arrayContaining([...requiredDenials, ...requiredTries, ...requiredReaches]),
    )
})

test("a committed table is read as it was written", () => {
  expect(renderColumns(expected)).toBe(table.slice(1, table.indexOf("\n- `/proc/")))
})
