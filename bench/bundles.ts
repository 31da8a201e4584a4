import { spawn } from "node:child_process"
import { createPublicKey, verify } from "node:crypto"
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { text } from "node:stream/consumers"
import { parseSlice, readArchive } from "@amc/bundle"
import { commitMessage, hashLeaf, parseSignature } from "@amc/core"
import type { Browser } from "playwright-core"
import { browserPath, openFile, startBrowser } from "../e2e/testing/browser.ts"
import { bundleOf, openRun, partsOf, recordSystem } from "../packages/verify/src/bundle.fixture.ts"
import { LaneFixture, recordSession } from "../packages/verify/src/lane.fixture.ts"
import { makeWorld } from "../packages/verify/src/world.fixture.ts"
import { ratios, rounded, type Spread, spread } from "./statistics.ts"

/**
 * How many events of a bundle the built programs verify in a second, whole: amc-verify in Node, and verify.html from disk in
 * the browser of this machine. Against Ed25519 alone over the same events in the same runtime, alternating: node:crypto,
 * and WebCrypto in a page. Prints JSON. `node bench/bundles.ts [events] [rounds] [node|chromium|both] [folder]`; a folder
 * keeps the bundle, which takes a minute to make of 100,000 events, for the next time.
 */
const [wanted = 10_000, rounds = 3] = process.argv.slice(2).map(Number)
const [, , , , which = "both", kept] = process.argv
const root = new URL("..", import.meta.url).pathname
const folder = mkdtempSync(join(tmpdir(), "amc-bundles-"))
const file = join(kept ?? folder, `${wanted}.amcbundle`)
const world = makeWorld()
if (!existsSync(file)) writeFileSync(file, await made())
const bundle = new Uint8Array(readFileSync(file))
const files = await readArchive(bundle)
const signed = [...files]
  .filter(([path]) => path.endsWith(".entries"))
  .flatMap(([path, entries]) => {
    const signatures = files.get(path.replace(/entries$/u, "signatures")) ?? new Uint8Array()
    return [...parseSlice({ entries, signatures })]
  })
  .map(({ leaf, signature }) => {
    const proof = parseSignature(signature)
    return { message: commitMessage(hashLeaf(leaf), proof), signature: proof.signature }
  })
const events = signed.length
const { key } = world.signers.monitor

/** A bundle of a run with this many events. */
function made(): Promise<Uint8Array> {
  const lane = new LaneFixture(world)
  recordSystem(lane)
  for (let session = 0; lane.leaves.length < wanted - 1; session++)
    recordSession(lane, `s-${session}`)
  return bundleOf(partsOf({ world, lane, runOpened: openRun(lane) }), world)
}

interface Timed {
  readonly perSecond: number
  readonly seconds: number
  readonly peakMiB: number
}

/** The program as it is shipped, in a process of its own whose peak the kernel tells. */
async function byNode(): Promise<Timed> {
  const program = join(root, "packages/verifier/bin/amc-verify.js")
  const words = [program, file, "--root", `sha256:${world.rootSha256}`, "--no-memory"]
  const peak = `process.on("exit", () => process.stderr.write("\\npeak " + process.resourceUsage().maxRSS + " cpu " + (process.cpuUsage().user + process.cpuUsage().system)))`
  const importing = ["--import", `data:text/javascript,${encodeURIComponent(peak)}`]
  const at = ["--at", "2026-06-01"]
  const started = performance.now()
  const child = spawn(process.execPath, [...importing, ...words, ...at], {
    stdio: ["ignore", "pipe", "pipe"],
  })
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)])
  const seconds = (performance.now() - started) / 1000
  if (!out.includes("accepted")) throw new Error(out + err)
  const [, kib = "0", cpu = "0"] = /peak (\d+) cpu (\d+)/.exec(err) ?? []
  return {
    perSecond: Math.round(events / (Number(cpu) / 1e6)),
    seconds: rounded(seconds),
    peakMiB: Math.round(Number(kib) / 1024),
  }
}

/** Per second of CPU, as above. */
function byNodeAlone(): number {
  const alone = createPublicKey({ key: Buffer.from(key.spki), format: "der", type: "spki" })
  const started = process.cpuUsage()
  for (const { message, signature } of signed)
    if (!verify(null, message, alone, signature)) throw new Error("bad signature")
  const { user, system } = process.cpuUsage(started)
  return Math.round((events * 1e6) / (user + system))
}

/** The page from disk. Two cores may be at work: WebCrypto verifies beside the worker. */
async function byPage(browser: Browser): Promise<Timed> {
  const page = join(folder, "verify.html")
  copyFileSync(join(root, "packages/verifier/dist/verify.html"), page)
  const { page: opened } = await openFile(browser, page)
  await opened.locator("#root").fill(`sha256:${world.rootSha256}`)
  const session = await browser.newBrowserCDPSession()
  const started = performance.now()
  await opened.locator("#bundle").setInputFiles(file)
  await opened
    .locator("#verdict", { hasText: /^(Accepted|Rejected)/ })
    .waitFor({ timeout: 600_000 })
  const seconds = (performance.now() - started) / 1000
  const said = await opened.locator("#verdict").innerText()
  if (!said.startsWith("Accepted")) throw new Error(said)
  const { processInfo } = await session.send("SystemInfo.getProcessInfo")
  const peakMiB = Math.max(...processInfo.map(({ id }) => peakOf(id)))
  await opened.context().close()
  return { perSecond: Math.round(events / seconds), seconds: rounded(seconds), peakMiB }
}

function peakOf(pid: number): number {
  const [, kib = "0"] = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? []
  return Math.round(Number(kib) / 1024)
}

/** WebCrypto alone in a page from disk, a part of the events over and over. */
async function byPageAlone(browser: Browser): Promise<number> {
  const page = join(folder, "alone.html")
  writeFileSync(page, "<!doctype html><title>alone</title>")
  const { page: opened } = await openFile(browser, page)
  const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64")
  const some = signed.slice(0, 2000)
  const given = some.map(({ message, signature }) => [base64(message), base64(signature)])
  const count = Math.min(events, 10_000)
  const perSecond = await opened.evaluate(`(async () => {
    const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0))
    const given = ${JSON.stringify(given)}.map((pair) => pair.map(bytes))
    const key = await crypto.subtle.importKey("raw", bytes("${base64(key.raw)}"), "Ed25519", false, ["verify"])
    const started = performance.now()
    for (let at = 0; at < ${count}; at += 256) {
      const batch = Array.from({ length: Math.min(256, ${count} - at) }, (_, n) => given[(at + n) % given.length])
      const good = await Promise.all(batch.map(([message, signature]) => crypto.subtle.verify("Ed25519", key, signature, message)))
      if (good.includes(false)) throw new Error("bad signature")
    }
    return ${count} / ((performance.now() - started) / 1000)
  })()`)
  await opened.context().close()
  return Math.round(perSecond as number)
}

interface Measured {
  readonly seconds: Spread
  readonly events_per_second: Spread
  readonly peakMiB: Spread
  readonly ed25519PerSecond: Spread
  readonly overEd25519: Spread
}

function told(whole: readonly Timed[], alone: readonly number[]): Measured {
  const perSecond = whole.map((each) => each.perSecond)
  return {
    seconds: spread(whole.map((each) => each.seconds)),
    events_per_second: spread(perSecond),
    peakMiB: spread(whole.map((each) => each.peakMiB)),
    ed25519PerSecond: spread(alone),
    overEd25519: ratios(perSecond, alone),
  }
}

async function times(whole: () => Promise<Timed>, alone: () => Promise<number>): Promise<Measured> {
  const measured: { whole: Timed; alone: number }[] = []
  for (let round = 0; round < rounds; round++)
    measured.push({ whole: await whole(), alone: await alone() })
  return told(
    measured.map((each) => each.whole),
    measured.map((each) => each.alone),
  )
}

async function inBrowser(): Promise<Measured | { absent: string }> {
  if (browserPath === undefined) return { absent: "there is no browser on this machine" }
  const browser = await startBrowser()
  try {
    return await times(
      () => byPage(browser),
      () => byPageAlone(browser),
    )
  } finally {
    await browser.close()
  }
}

try {
  const node = which === "chromium" ? null : await times(byNode, async () => byNodeAlone())
  const chromium = which === "node" ? null : await inBrowser()
  const MiB = rounded(bundle.length / 2 ** 20)
  console.log(JSON.stringify({ bench: "bundles", events, MiB, node, chromium }))
} finally {
  rmSync(folder, { recursive: true, force: true })
}
