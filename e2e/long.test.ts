import { afterAll, expect, test } from "vitest"
import { agents, hindrance } from "./long/agents.ts"
import { openStand, type Stand } from "./long/trial.ts"

/** A sample; all agents, ways and faults are `npm run long` in e2e/long. */
const sample = agents
  .filter(({ name }) => ["claude", "codex-ws", "opencode-chat"].includes(name))
  .map((agent) => ({ agent, name: agent.name, why: hindrance(agent) }))

for (const { name, why } of sample)
  if (why !== null) console.warn(`SKIPPED: ${name} does not run through AMC here, since ${why}`)

let stand: Promise<Stand> | null = null

afterAll(async () => (await stand)?.close())

for (const { agent, name, why } of sample)
  test.skipIf(why !== null)(
    `${name} writes a file through the gateway, and each of its calls is recorded (G1, G6)`,
    { timeout: 240_000 },
    async () => {
      stand ??= openStand()
      const { trial } = await stand
      expect(await trial(agent, "wrap", "none")).toMatchObject({
        isDone: true,
        exit: 0,
        flaws: [],
      })
    },
  )

test.skipIf(sample.every(({ why }) => why !== null))(
  "what they left verifies and is balanced (G1)",
  { timeout: 120_000 },
  async () => {
    if (stand === null) throw new Error("no agent ran")
    expect(await (await stand).settled()).toEqual([0, 0])
  },
)
