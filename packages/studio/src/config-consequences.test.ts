import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { exitOf } from "@amc/verify"
import { beforeAll, expect, test } from "vitest"
import { openCapture } from "./capture.ts"
import { edited, exampleConfigs, sign, write } from "./config-examples.fixture.ts"
import { readConfigRecord } from "./config-history.ts"
import { configStates } from "./config-states.ts"
import { eventOf, withLedger } from "./ledger-reader.ts"
import { makeRun, type SealedRun } from "./run.ts"
import { agentLimits } from "./score-agent.ts"
import { copyOf, newPlace, type Place, reopened } from "./workspace.fixture.ts"
import { verifyWorkspace } from "./verify-workspace.ts"

// Runs are verified too, and their windows end when the recorder says that they were opened.
const clock = Date.now
const paths = [...exampleConfigs("").keys()]
const invalid = ["CONFIG_SIGNATURE_INVALID", "CONFIG_UNSIGNED"]

/** All config files in their second version, and the files of the first beside the workspace. */
let used: Place

beforeAll(async () => {
  used = await newPlace(clock)
  const { dir, workspace } = used.workspace
  const all = [...exampleConfigs(workspace)]
  for (const [path, text] of all) write(used, path, text)
  await sign(used)
  for (const [path] of all)
    for (const name of [path, `${path}.sig`]) {
      mkdirSync(dirname(join(used.top, "first", name)), { recursive: true })
      copyFileSync(join(dir, name), join(used.top, "first", name))
    }
  for (const [path, text] of all) write(used, path, `${edited(text)}\n`)
  await sign(used, ...paths)
  return () => rmSync(used.top, { recursive: true })
})

interface Judged {
  /** The codes that a capture recorded of each path. */
  readonly audits: Readonly<Record<string, readonly string[]>>
  readonly report: SealedRun["report"]
}

/** Opens a capture of what there is now, and scores what it recorded. */
async function captured(place: Place): Promise<Judged> {
  const capture = await openCapture(reopened(place), { clock })
  let report: SealedRun["report"]
  try {
    report = (await makeRun(capture, { agent: "a1", windowDays: 14 })).report
  } finally {
    await capture.close()
  }
  return { audits: await auditsOf(place), report }
}

async function auditsOf(place: Place): Promise<Judged["audits"]> {
  return withLedger(place.workspace, async ({ events }) => {
    const audits: Record<string, string[]> = {}
    for await (const { leaf } of events.readType("main", "audit")) {
      const event = eventOf(leaf)
      if (event.type !== "audit") continue
      const { subject, code } = event.facts.measured
      audits[subject] = [...(audits[subject] ?? []), code]
    }
    return audits
  })
}

function newOf({ audits }: Judged, before: Judged["audits"], path: string): readonly string[] {
  return (audits[path] ?? []).slice(before[path]?.length ?? 0)
}

function capsOf({ report }: Judged): readonly unknown[] {
  return [...new Set(report.questions.map(({ cap }) => cap?.level))]
}

async function verified(place: Place): Promise<number> {
  return exitOf(
    await verifyWorkspace(place.folder, place.workspace.state, {
      clock,
      progress: () => undefined,
    }),
  )
}

async function stateOf(place: Place, path: string): Promise<unknown> {
  const terms = { paths: [path], clock }
  const { states, verdict } = await configStates(place.folder, place.workspace.state, terms)
  return [states[0]?.state, exitOf(verdict)]
}

function file(place: Place, path: string): string {
  return join(place.workspace.dir, path)
}

test("config of every kind, signed, costs nothing", async () => {
  const place = copyOf(used)
  expect(capsOf(await captured(place))).toEqual([undefined])
  expect((await readConfigRecord(place.workspace)).unrepaired).toEqual(new Set())
  expect(await verified(place)).toBe(0)
  for (const path of paths) expect(await stateOf(place, path)).toEqual(["ok", 0])
})

interface Harm {
  readonly id: string
  readonly why: string
  readonly harm: (place: Place, path: string) => void
  readonly state: string
}

const harms: readonly Harm[] = [
  {
    id: "F2",
    why: "has lost its signature",
    harm: (place, path) => rmSync(`${file(place, path)}.sig`),
    state: "invalid",
  },
  {
    id: "F2",
    why: "was edited",
    harm: (place, path) =>
      writeFileSync(file(place, path), `${readFileSync(file(place, path), "utf8")}\n`),
    state: "invalid",
  },
  {
    id: "S16",
    why: "is an older signed one",
    harm: (place, path) => {
      for (const name of [path, `${path}.sig`])
        copyFileSync(join(place.top, "first", name), file(place, name))
    },
    state: "superseded",
  },
  {
    id: "S17",
    why: "has the line ends of another system",
    harm: (place, path) => {
      const text = readFileSync(file(place, path), "utf8")
      writeFileSync(file(place, path), text.replaceAll("\n", "\r\n"))
    },
    state: "invalid",
  },
]

test.each(harms)(
  "$id: config that $why, of every kind, is audited, costs integrity and holds levels at 3 until it is signed again",
  async ({ harm, state }) => {
    const place = copyOf(used)
    const kept = paths.flatMap((path) =>
      [path, `${path}.sig`].map((name) => [name, readFileSync(file(place, name))] as const),
    )
    const before = await auditsOf(place)
    for (const path of paths) harm(place, path)
    expect(await verified(place)).toBe(4)
    for (const path of paths) expect(await stateOf(place, path), path).toEqual([state, 4])
    const broken = await captured(place)
    for (const path of paths) expect(newOf(broken, before, path), path).toEqual(invalid)
    expect(capsOf(broken)).toEqual([3])
    expect(broken.report).toMatchObject({ trust_label: "UNRELIABLE", integrity_index: 0 })
    for (const [name, bytes] of kept) writeFileSync(file(place, name), bytes)
    const restored = await captured(place)
    expect(restored.audits).toEqual(broken.audits)
    expect(capsOf(restored)).toEqual([3])
    expect(await verified(place)).toBe(0)
    await sign(place, ...paths.slice(1))
    expect(capsOf(await captured(place))).toEqual([3])
    await sign(place)
    expect((await readConfigRecord(place.workspace)).unrepaired).toEqual(new Set())
    expect(capsOf(await captured(place))).toEqual([undefined])
    expect(await verified(place)).toBe(0)
  },
)

/** Those that a capture does not read itself; what it reads must fit its schema too. */
const unread = paths.slice(2)

test("S15: another signed file in the place of any kind of config is audited and holds levels at 3", async () => {
  const place = copyOf(used)
  const before = await auditsOf(place)
  for (const path of unread)
    for (const end of ["", ".sig"])
      copyFileSync(file(place, `gateway.yaml${end}`), file(place, `${path}${end}`))
  expect(await verified(place)).toBe(4)
  for (const path of unread) expect(await stateOf(place, path), path).toEqual(["invalid", 4])
  const broken = await captured(place)
  for (const path of unread) expect(newOf(broken, before, path), path).toEqual(invalid)
  expect(capsOf(broken)).toEqual([3])
})

test.each(["amc.config.yaml", "gateway.yaml"])(
  "S15: nothing is captured with another signed file in the place of %s",
  async (path) => {
    const place = copyOf(used)
    for (const end of ["", ".sig"])
      copyFileSync(file(place, `users.yaml${end}`), file(place, `${path}${end}`))
    expect(await verified(place)).toBe(4)
    expect(await stateOf(place, path)).toEqual(["invalid", 4])
    await expect(captured(place)).rejects.toMatchObject({ code: "input/malformed" })
  },
)

test("S15: an agent's config that is another agent's, signed, is audited and gives no wider limits", async () => {
  const place = copyOf(used)
  const text = exampleConfigs("").get("agents/a1/agent.config.yaml")!.replace("a1", "a2")
  write(place, "agents/a2/agent.config.yaml", text.replace("max_calls: 5", "max_calls: 9000"))
  await sign(place, "agents/a2/agent.config.yaml")
  for (const end of ["", ".sig"])
    copyFileSync(
      file(place, `agents/a2/agent.config.yaml${end}`),
      file(place, `agents/a1/agent.config.yaml${end}`),
    )
  const capture = await openCapture(reopened(place), { clock })
  try {
    const judged = capture.configs.get("agents/a1/agent.config.yaml")
    expect(judged?.flaw?.code).toBe("CONFIG_SIGNATURE_INVALID")
    expect((await agentLimits(capture, "a2")).max_calls).toBe(9000)
    expect((await agentLimits(capture, "a1")).max_calls).toBe(200)
  } finally {
    await capture.close()
  }
})

test("config that the ledger names and that is gone is audited, and is not made anew", async () => {
  const place = copyOf(used)
  const gone = paths.slice(1)
  const before = await auditsOf(place)
  for (const path of gone) for (const end of ["", ".sig"]) rmSync(`${file(place, path)}${end}`)
  expect(await verified(place)).toBe(4)
  for (const path of gone) expect(await stateOf(place, path), path).toEqual(["missing", 4])
  const broken = await captured(place)
  for (const path of gone) expect(newOf(broken, before, path), path).toEqual(invalid)
  expect(capsOf(broken)).toEqual([3])
  const capture = await openCapture(reopened(place), { clock })
  try {
    await expect(agentLimits(capture, "a1")).rejects.toMatchObject({ code: "workspace/missing" })
    expect(capture.gatewayConfig.value.providers).toEqual([])
  } finally {
    await capture.close()
  }
  for (const path of gone) expect(existsSync(file(place, path))).toBe(false)
})

test("without its own config a workspace captures nothing", async () => {
  const place = copyOf(used)
  rmSync(file(place, "amc.config.yaml"))
  expect(() => reopened(place)).toThrow(expect.objectContaining({ code: "workspace/missing" }))
  expect(await verified(place)).toBe(4)
})

test("files of every kind that were never signed are unsigned and no more", async () => {
  const place = await newPlace(clock)
  try {
    await captured(place)
    const added = [...exampleConfigs("")].slice(2)
    for (const [path, text] of added) write(place, path, text)
    expect(await verified(place)).toBe(1)
    const judged = await captured(place)
    for (const [path] of added) expect(judged.audits[path], path).toEqual(["CONFIG_UNSIGNED"])
    expect(capsOf(judged)).toEqual([3])
    await sign(place)
    expect(capsOf(await captured(place))).toEqual([undefined])
    expect(await verified(place)).toBe(0)
  } finally {
    rmSync(place.top, { recursive: true })
  }
})
