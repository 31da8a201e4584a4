import { readFileSync, writeFileSync } from "node:fs"
import { get } from "node:http"
import { join } from "node:path"
import { text as streamText } from "node:stream/consumers"
import { afterAll, beforeAll, expect, test, vi } from "vitest"
import { amc, amcJson, startAmc } from "./testing/amc.ts"
import { makeWorkspace, type TestWorkspace } from "./testing/workspace.ts"

vi.setConfig({ testTimeout: 180_000 })

let own: TestWorkspace

beforeAll(async () => {
  own = await makeWorkspace()
  expect((await amc(own, ["ledger", "checkpoint"])).exit).toBe(0)
}, 240_000)

afterAll(() => own?.close())

test("a checkpoint is printed as the note that it is", async () => {
  const { exit, stdout } = await amc(own, ["ledger", "checkpoint"])
  expect(exit).toBe(0)
  expect(stdout).toMatch(
    /^ws-[0-9a-f]+\/ledger\n\d+\n[A-Za-z0-9+/]{43}=\n\n— ws-[0-9a-f]+\/ledger [A-Za-z0-9+/=]+\n$/u,
  )
})

test("a proof is made here and checked elsewhere, and a changed one is not", async () => {
  const proof = join(own.top, "call.tlog-proof")
  expect((await amc(own, ["ledger", "prove", "3", "--out", proof])).exit).toBe(0)
  const away = { cwd: own.top }
  const root = ["--root", own.root]
  const checked = await amcJson(own, ["ledger", "verify-proof", proof, ...root], away)
  expect(checked).toMatchObject({ exit: 0, data: { index: 3, event: { type: "key_change" } } })
  const key = (await amc(own, ["keys", "export", "--format", "vkey"])).stdout.trim()
  expect((await amc(own, ["ledger", "verify-proof", proof, "--vkey", key], away)).exit).toBe(0)
  const both = await amc(own, ["ledger", "verify-proof", proof, "--vkey", key, ...root], away)
  expect(both.exit).toBe(2)
  const changed = join(own.top, "changed.tlog-proof")
  writeFileSync(changed, readFileSync(proof, "utf8").replace("index 3\n", "index 4\n"))
  const refused = await amcJson(own, ["ledger", "verify-proof", changed, ...root], away)
  expect(refused).toMatchObject({ exit: 1, findings: [{ code: "proof/not-included" }] })
  const again = await amc(own, ["ledger", "prove", "3", "--out", proof])
  expect([again.exit, again.stderr]).toEqual([2, expect.stringContaining("exists already")])
})

test.each([
  { words: ["ledger", "prove", "9999"], exit: 3, code: "ledger/no-event" },
  { words: ["ledger", "prove", "hello"], exit: 3, code: "input/malformed" },
  { words: ["ledger", "show", "9999"], exit: 3, code: "ledger/no-event" },
  { words: ["ledger", "tail", "--type", "gossip"], exit: 2, code: "usage/invalid" },
  { words: ["ledger", "tail", "--lines", "x"], exit: 2, code: "usage/invalid" },
  { words: ["ledger", "export"], exit: 2, code: "usage/invalid" },
  { words: ["ledger", "serve", "--listen", "8080"], exit: 2, code: "usage/invalid" },
  { words: ["ledger", "verify-proof", "none"], exit: 3, code: "input/unreadable" },
])("amc $words ends with $exit", async ({ words, exit, code }) => {
  expect(await amcJson(own, words)).toMatchObject({ exit, findings: [{ code }] })
})

test("tail gives each event as one line of JSON, and show one event whole", async () => {
  const { exit, stdout } = await amc(own, ["ledger", "tail", "--json", "--type", "key_change"])
  const lines = stdout.trimEnd().split("\n")
  expect([exit, lines.length]).toEqual([0, 5])
  const [first] = lines.map((line) => JSON.parse(line) as { event_hash: string })
  const shown = await amcJson(own, ["ledger", "show", first!.event_hash])
  expect(shown.data).toMatchObject({ signature: "valid", covered: true, event: { lseq: 0 } })
})

test("tail --follow goes on until it is told to end, which is no failure", async () => {
  const { child, ended } = startAmc(own, ["ledger", "tail", "--follow", "--json", "--lines", "1"])
  const seen: string[] = []
  child.stdout.on("data", (piece: string) => seen.push(piece))
  await vi.waitFor(() => expect(seen.join("")).toContain("\n"), { timeout: 60_000 })
  expect((await amc(own, ["ledger", "checkpoint"])).exit).toBe(0)
  await vi.waitFor(() => expect(seen.join("").trimEnd().split("\n")).toHaveLength(2), {
    timeout: 60_000,
  })
  child.kill("SIGINT")
  expect((await ended).exit).toBe(0)
})

test("what is served is the folder that export writes, until Ctrl-C", async () => {
  const { child, ended } = startAmc(own, ["ledger", "serve", "--json"])
  const seen: string[] = []
  child.stdout.on("data", (piece: string) => seen.push(piece))
  await vi.waitFor(() => expect(seen.join("")).toContain("\n"), { timeout: 60_000 })
  const { url, origin } = JSON.parse(seen.join("")) as { url: string; origin: string }
  const served = await new Promise<string>((resolve, reject) => {
    get(`${url}/checkpoint`, (answer) => resolve(streamText(answer))).on("error", reject)
  })
  child.kill("SIGINT")
  expect((await ended).exit).toBe(0)
  const out = join(own.top, "public")
  const exported = await amcJson(own, ["ledger", "export", "--out", out])
  expect(exported).toMatchObject({ exit: 0, data: { origin } })
  expect(readFileSync(join(out, "checkpoint"), "utf8")).toBe(served)
})

test("fsck names a tile that was changed, and verify does too", async () => {
  expect((await amcJson(own, ["ledger", "fsck"])).data).toMatchObject({ behind: 0 })
  const { size } = (await amcJson(own, ["ledger", "checkpoint"])).data as { size: number }
  const tile = `tile/0/000.p/${size}`
  const path = join(own.dir, "ledger/tiles", tile)
  const good = readFileSync(path)
  writeFileSync(path, new Uint8Array(good.length))
  for (const words of [["ledger", "fsck"], ["verify"]])
    expect(await amcJson(own, words)).toMatchObject({
      exit: 4,
      findings: [{ code: "tiles/contradicted", subject: tile }],
    })
  writeFileSync(path, good)
  expect((await amcJson(own, ["ledger", "fsck", "--rebuild-tiles"])).exit).toBe(0)
})
