import { judgeIsolation } from "@amc/core"
import { arrangements, type Engine } from "./matrix-arrangements.ts"
import { makeScene } from "./matrix-scene.ts"
import { columnOf } from "./matrix-table.ts"

/** Measures one column of the matrix where it is started, and prints it. `matrix-main.ts <column> <engine as JSON>` */
const [name = "", engine = "{}"] = process.argv.slice(2)
const arrangement = arrangements[name]
if (arrangement === undefined) throw new Error(`there is no column ${name}`)
const scene = await makeScene()
try {
  const record = await arrangement(scene, JSON.parse(engine) as Engine)
  process.stdout.write(`${JSON.stringify(columnOf(record, judgeIsolation(record)))}\n`)
} finally {
  await scene.close()
}
