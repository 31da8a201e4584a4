// Runs the map of rooms over the sources. An empty map would pass everything, so it is a failure.
import { spawnSync } from "node:child_process"

const run = spawnSync(
  "depcruise",
  ["packages", "--config", ".dependency-cruiser.cjs", "--output-type", "json"],
  {
    encoding: "utf8",
    maxBuffer: 1 << 28,
  },
)
const { summary, modules } = JSON.parse(run.stdout)
const own = modules.filter(({ source }) => source.startsWith("packages/") && source.endsWith(".ts"))
const crossings = own
  .flatMap(({ dependencies }) => dependencies)
  .filter(({ resolved }) => resolved.startsWith("packages/"))
for (const { rule, from, to } of summary.violations)
  console.error(`${rule.severity} ${rule.name}: ${from} -> ${to}`)
if (own.length < 20 || crossings.length < 20)
  console.error(`the import map is empty: ${own.length} modules, ${crossings.length} imports`)
process.exitCode = summary.error > 0 || own.length < 20 || crossings.length < 20 ? 1 : 0
