import { execFile, spawn } from "node:child_process"
import { once } from "node:events"
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs"
import { connect, type Socket } from "node:net"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { type Keyring, openNote, openRunSeal, openSignedFile, text, utf8 } from "@amc/core"
import { beforeAll, expect, onTestFinished, test } from "vitest"
import { temporaryFolder } from "./folder.fixture.ts"
import { lowestKdfCost } from "./kdf.ts"
import { type Notary, startNotary } from "./notary.ts"
import type { NotaryTerms } from "./notary-process.ts"
import { encodeRequest, maxLine, openAnswer } from "./notary-line.ts"
import { loadKeyring } from "./trust-files.ts"
import { createTrust } from "./trust.ts"
import { vaultPathOf } from "./trust-paths.ts"

const passphrases = {
  root: utf8("the-root-passphrase"),
  auditor: utf8("the-auditor-passphrase"),
  monitor: utf8("the-monitor-passphrase"),
}
const zeros = "00".repeat(32)
const terms = {
  path: "policy.yaml",
  workspace: "acme",
  version: 1,
  previous_sha256: null,
  expires_ms: null,
  role: "auditor" as const,
}
const seal = {
  reportSha256: zeros,
  run: {
    run_id: "run-1",
    workspace: "acme",
    agent: "a1",
    engine: "score/v1",
    bank_sha256: zeros,
    window: { from_ms: 1, to_ms: 2 },
    checkpoint: { origin: "acme/main", size: 1, root_sha256: zeros },
    heads: [],
  },
}
const checkpoint = { origin: "acme/main", size: 7, root: new Uint8Array(32).fill(1) }

type NotarySlot = "auditor" | "monitor"

interface Workspace {
  readonly keyring: Keyring
  readonly vaultPath: string
  readonly socketPath: string
}

let shared: Workspace
let notary: Notary

beforeAll(async () => {
  const dir = mkdtempSync(join(tmpdir(), "amc-notary-"))
  const names = { workspace: "acme", lane: "l1", clock: () => 1 }
  const { root } = await createTrust({ dir, ...names, passphrases, cost: lowestKdfCost })
  shared = {
    keyring: loadKeyring(dir, root),
    vaultPath: vaultPathOf(dir),
    socketPath: join(dir, "run", "notary.sock"),
  }
  notary = await startNotary(termsOf(shared, "auditor", "monitor"))
  return async () => {
    await notary.close()
    rmSync(dir, { recursive: true })
  }
})

function termsOf({ vaultPath, socketPath }: Workspace, ...names: NotarySlot[]): NotaryTerms {
  const slots = names.map((slot) => ({ slot, passphrase: passphrases[slot] }))
  return { vaultPath, socketPath, slots }
}

/** The shared vault with a socket of the test's own. */
function newWorkspace(): Workspace {
  return { ...shared, socketPath: join(temporaryFolder(), "run", "notary.sock") }
}

async function start(workspace: Workspace): Promise<Notary> {
  const started = await startNotary(termsOf(workspace, "monitor"))
  onTestFinished(() => started.close())
  return started
}

/** Talks to the notary as any process of this user might; resolves to all that it answers. */
async function rawTalk(socketPath: string, ...parts: (string | Uint8Array)[]): Promise<string> {
  const socket = connect(socketPath)
  let heard = ""
  socket.on("data", (chunk: Buffer) => (heard += chunk.toString()))
  socket.on("error", () => {})
  for (const part of parts) socket.write(part)
  socket.end()
  await once(socket, "close")
  return heard
}

test("signs files, runs and checkpoints with keys that the root certified", async () => {
  const auditors = shared.keyring.keys("auditor")
  const file = utf8("a: 1\n")
  expect(openSignedFile(file, await notary.signFile(file, terms), auditors)).toEqual(terms)
  expect(openRunSeal(await notary.sealRun(seal), auditors)).toEqual(seal)
  const [ledger] = shared.keyring.keys("ledger").values()
  const note = await notary.signCheckpoint(checkpoint)
  expect(openNote(note, [{ name: "acme/main", key: ledger! }]).signedBy).toEqual(["acme/main"])
  const keys = await notary.keys()
  expect([...keys.keys()].sort()).toEqual(["auditor", "ledger", "release"])
  expect([...keys.values()].map(({ kid }) => kid).sort()).toEqual(
    [...auditors.keys(), ...shared.keyring.keys("release").keys(), ledger!.kid].sort(),
  )
})

test("answers many requests at once, each with its own", async () => {
  const versions = Array.from({ length: 50 }, (_, at) => at + 1)
  const signed = await Promise.all(
    versions.map((version) => notary.signFile(utf8("x"), { ...terms, version })),
  )
  const auditors = shared.keyring.keys("auditor")
  expect(signed.map((it) => openSignedFile(utf8("x"), it, auditors).version)).toEqual(versions)
})

test("the daemon's passphrase alone can't seal a run or sign a config", async () => {
  const daemons = await start(newWorkspace())
  await expect(daemons.sealRun(seal)).rejects.toMatchObject({ code: "vault/locked" })
  await expect(daemons.signFile(utf8("x"), terms)).rejects.toMatchObject({ code: "vault/locked" })
  expect(await daemons.signCheckpoint(checkpoint)).toContain("acme/main")
})

test("shows no passphrase, takes no environment and leaves nothing for a core dump", async () => {
  const { pid } = notary
  const proc = (name: string): string => readFileSync(`/proc/${pid}/${name}`, "latin1")
  // Only root may look at all; to its own user the notary is closed.
  if (process.getuid?.() === 0) expect(proc("environ")).toBe("")
  else expect(() => proc("environ")).toThrow(expect.objectContaining({ code: "EACCES" }))
  expect(proc("cmdline")).toContain("notary-main")
  for (const passphrase of Object.values(passphrases))
    expect(proc("cmdline")).not.toContain(text(passphrase))
  expect(proc("coredump_filter").trim()).toBe("00000000")
  expect(statSync(shared.socketPath).mode & 0o777).toBe(0o600)
  expect(statSync(dirname(shared.socketPath)).mode & 0o777).toBe(0o700)
})

test.each<{ why: string; line: string | Uint8Array; code: string }>([
  { why: "no json", line: "sign this\n", code: "notary/refused" },
  { why: "an empty line", line: "\n", code: "notary/refused" },
  { why: "another spelling", line: '{ "op":"keys","payload":""}\n', code: "notary/refused" },
  { why: "a member too many", line: '{"a":1,"op":"keys","payload":""}\n', code: "notary/refused" },
  { why: "bytes that are no text", line: Uint8Array.of(0xff, 0x0a), code: "notary/refused" },
  { why: "a line without end", line: "x".repeat(maxLine + 1), code: "input/too-large" },
])("answers $why with a refusal and goes on", async ({ line, code }) => {
  const [answer = ""] = (await rawTalk(shared.socketPath, line)).split("\n")
  expect(() => openAnswer(utf8(answer))).toThrow(expect.objectContaining({ code }))
  expect(await notary.signCheckpoint(checkpoint)).toContain("acme/main")
})

test("refuses what a stranger on the socket asks beyond the three kinds", async () => {
  const ask = (op: string): Uint8Array => encodeRequest({ op, payload: new Uint8Array(32) })
  const heard = await rawTalk(shared.socketPath, ask("sign-file"), "\n", ask("sign"), "\n")
  const answers = heard.split("\n").filter((line) => line !== "")
  expect(answers).toHaveLength(2)
  for (const answer of answers)
    expect(() => openAnswer(utf8(answer))).toThrow(
      expect.objectContaining({ code: "notary/refused" }),
    )
})

test("takes a bounded number of connections and keeps serving the first", async () => {
  const sockets = Array.from({ length: 40 }, () => connect(shared.socketPath))
  onTestFinished(() => sockets.forEach((socket) => socket.destroy()))
  const dropped = sockets.map((socket) =>
    once(
      socket.on("error", () => {}),
      "close",
    ).then(() => socket),
  )
  await Promise.all(sockets.map((socket) => once(socket, "connect")))
  await Promise.any(dropped)
  const open = await Promise.all(sockets.map(isOpen))
  expect(open.filter(Boolean).length).toBe(15)
  expect(await notary.signCheckpoint(checkpoint)).toContain("acme/main")
})

async function isOpen(socket: Socket): Promise<boolean> {
  if (socket.destroyed) return false
  const answered = Promise.race([once(socket, "data"), once(socket, "close")])
  socket.write(`${text(encodeRequest({ op: "keys", payload: new Uint8Array() }))}\n`)
  // A write to a socket that was dropped in the meantime is an error (EPIPE) before it is a close.
  const [answer] = (await answered.catch(() => [])) as unknown[]
  return answer instanceof Buffer
}

test.each<{ why: string; change: (workspace: Workspace) => Partial<NotaryTerms>; code: string }>([
  {
    why: "a wrong passphrase",
    change: () => ({ slots: [{ slot: "auditor", passphrase: utf8("wrong") }] }),
    code: "vault/wrong-passphrase",
  },
  {
    why: "the root's slot",
    change: () => ({ slots: [{ slot: "root" as "auditor", passphrase: passphrases.root }] }),
    code: "notary/refused",
  },
  {
    why: "no vault",
    change: ({ vaultPath }) => ({ vaultPath: `${vaultPath}.not` }),
    code: "vault/missing",
  },
  {
    why: "a folder that others may enter",
    change: ({ socketPath }) => {
      mkdirSync(dirname(socketPath))
      chmodSync(dirname(socketPath), 0o755)
      return {}
    },
    code: "vault/unsafe-file",
  },
  {
    why: "a file in the socket's place",
    change: ({ socketPath }) => {
      mkdirSync(dirname(socketPath), { mode: 0o700 })
      writeFileSync(socketPath, "")
      return {}
    },
    code: "vault/unsafe-file",
  },
  {
    why: "a socket path that is too long",
    change: ({ socketPath }) => ({ socketPath: join(dirname(socketPath), "x".repeat(110)) }),
    code: "input/malformed",
  },
])("does not start with $why", async ({ change, code }) => {
  const workspace = newWorkspace()
  const wrong = { ...termsOf(workspace, "monitor"), ...change(workspace) }
  await expect(startNotary(wrong)).rejects.toMatchObject({ code })
})

test("closing ends the process, and what is asked afterwards is unavailable", async () => {
  const closed = await start(newWorkspace())
  await closed.close()
  expect(existsSync(`/proc/${closed.pid}`)).toBe(false)
  await expect(closed.signCheckpoint(checkpoint)).rejects.toMatchObject({
    code: "notary/unavailable",
  })
  await closed.close()
})

test("a killed notary fails what waits, and another one takes its place", async () => {
  const workspace = newWorkspace()
  const first = await start(workspace)
  process.kill(first.pid, "SIGKILL")
  const asked = (async () => {
    for (;;) await first.signCheckpoint(checkpoint)
  })()
  await expect(asked).rejects.toMatchObject({ code: "notary/unavailable" })
  expect(existsSync(workspace.socketPath)).toBe(true)
  const second = await start(workspace)
  expect(await second.signCheckpoint(checkpoint)).toContain("acme/main")
})

test("signals meant for the daemon's group do not end it before the daemon", async () => {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.kill(notary.pid, signal)
  expect(await notary.signCheckpoint(checkpoint)).toContain("acme/main")
})

test("does not outlive whoever started it", async () => {
  const { vaultPath, socketPath } = newWorkspace()
  const fixture = fileURLToPath(new URL("orphan.fixture.ts", import.meta.url))
  const parent = spawn(process.execPath, [fixture, vaultPath, socketPath], {
    stdio: ["ignore", "pipe", "pipe"],
  })
  const [said] = (await once(parent.stdout, "data")) as [Buffer]
  const pid = Number(said.toString())
  expect(existsSync(`/proc/${pid}`)).toBe(true)
  parent.kill("SIGKILL")
  // The notary holds the same stderr, so that this waits until both let go of it, which is at their end.
  await once(parent, "close")
  const command = `/proc/${pid}/cmdline`
  expect(existsSync(command) ? readFileSync(command, "utf8") : "").toBe("")
})

test("its process says why it does not start without passphrases to read", async () => {
  const main = fileURLToPath(new URL("notary-main.ts", import.meta.url))
  const { vaultPath, socketPath } = newWorkspace()
  const failure = await promisify(execFile)(process.execPath, [main, vaultPath, socketPath]).catch(
    (error: { code: number; stdout: string }) => error,
  )
  expect(failure).toMatchObject({
    code: 3,
    stdout: expect.stringContaining("usage/invalid") as string,
  })
  expect(existsSync(socketPath)).toBe(false)
})
