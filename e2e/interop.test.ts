import { createHash, createPublicKey } from "node:crypto"
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  writeFileSync,
} from "node:fs"
import { join } from "node:path"
import { fromHex, parseCheckpoint, parseNote, parseTlogProof, toBase64 } from "@amc/core"
import { TileReader } from "@amc/ledger"
import { FileTileStore } from "@amc/store-sqlite"
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest"
import { amc, amcJson, clone, type Ended, run } from "./testing/amc.ts"
import { makeWorkspace, type TestWorkspace } from "./testing/workspace.ts"

vi.setConfig({ testTimeout: 240_000 })

/** Debian's golang-golang-x-mod-dev: the sources of golang.org/x/mod, which its golang does not come with. */
const gopath = "/usr/share/gocode"
const hasGo =
  existsSync("/usr/bin/go") && existsSync(join(gopath, "src/golang.org/x/mod/sumdb/tlog"))
if (!hasGo)
  console.warn(
    "SKIPPED: Go does not read our ledger in this run, since it is not installed; as root: apt-get install --no-install-recommends golang-go golang-golang-x-mod-dev",
  )

const calls = 150
const hasSshKeygen = existsSync("/usr/bin/ssh-keygen")
let own: TestWorkspace
let folder: string
let vkey: string
let oldNote: string
let runId: string

/** A ledger of more events than one tile holds, published and exported by the commands that a person would type. */
beforeAll(async () => {
  own = await makeWorkspace()
  folder = join(own.top, "public")
  oldNote = (await amcJson(own, ["ledger", "checkpoint"])).data.note as string
  own.write(
    "agent.mjs",
    `for (let n = 0; n < ${calls}; n++)
       await fetch(process.env.OPENAI_BASE_URL + "/models", { headers: { authorization: "Bearer " + process.env.OPENAI_API_KEY } })`,
  )
  const who = ["--agent", "a", "--provider", "scripted", "--sessions", "1"]
  const scored = await amcJson(own, ["score", ...who, "--", "node", "agent.mjs"])
  expect(scored.exit, scored.stderr).toBe(0)
  runId = scored.data.report.run_id as string
  expect((await amcJson(own, ["ledger", "export", "--out", folder])).exit).toBe(0)
  vkey = (await amcJson(own, ["keys", "export", "--format", "vkey"])).data.text.trim() as string
}, 300_000)

afterAll(() => own?.close())

describe.skipIf(!hasGo)("Go's sumdb/note and sumdb/tlog", () => {
  let program: string
  let claim: Record<string, unknown>

  beforeAll(async () => {
    program = join(own.top, "read-ledger")
    const env = {
      ...own.env,
      GO111MODULE: "off",
      GOPATH: gopath,
      GOCACHE: join(own.top, "gocache"),
    }
    const built = await run(
      ["/usr/bin/go", "build", "-o", program, join(clone, "e2e/go/main.go")],
      {
        cwd: own.top,
        env: { ...env, GOFLAGS: "", GOTOOLCHAIN: "local" },
      },
    )
    expect(built.stderr).toBe("")
    claim = await claimOf(300)
  })

  /** What our own program proves, for the other one to judge. */
  async function claimOf(index: number): Promise<Record<string, unknown>> {
    const proven = await amcJson(own, ["ledger", "prove", String(index)])
    const { path } = parseTlogProof(proven.data.proof as string)
    const { size } = parseCheckpoint(
      parseNote(readFileSync(join(folder, "checkpoint"), "utf8")).text,
    )
    const older = parseCheckpoint(parseNote(oldNote).text)
    const consistency = await new TileReader(new FileTileStore(folder), size).consistency(
      older.size,
    )
    return {
      old_note: oldNote,
      consistency: consistency.map(toBase64),
      index,
      event_hash: toBase64(fromHex(proven.data.event_hash as string)),
      inclusion: path.map(toBase64),
    }
  }

  function judge(change: Record<string, unknown> = {}, key: string = vkey): Promise<Ended> {
    const file = join(mkdtempSync(join(own.top, "claim-")), "claim.json")
    writeFileSync(file, JSON.stringify({ ...claim, ...change }))
    return run([program, folder, key, file], { cwd: own.top, env: own.env })
  }

  test("read our checkpoints and our tiles, and agree with our proofs", async () => {
    const { exit, stdout, stderr } = await judge()
    expect([exit, stderr]).toEqual([0, ""])
    expect(stdout.trim().split("\n")).toEqual([
      "leaf: its hash is the event hash",
      "inclusion: proven by AMC's path",
      "consistency: proven by AMC's path",
      "inclusion: proven from the tiles",
      "inclusion: the paths are the same",
      "consistency: proven from the tiles",
      "consistency: the paths are the same",
    ])
  })

  test("refuse the same with anything changed", async () => {
    const inclusion = claim["inclusion"] as string[]
    const consistency = claim["consistency"] as string[]
    const [first = ""] = inclusion
    const wrong = await Promise.all([
      judge({ index: 299 }),
      judge({ inclusion: inclusion.toReversed() }),
      judge({ inclusion: inclusion.slice(1) }),
      judge({ consistency: [first, ...consistency.slice(1)] }),
      judge({ old_note: oldNote.replace(/\n\d+\n/u, "\n7\n") }),
      judge({}, vkey.replace(/.{4}$/u, "AAAA")),
    ])
    expect(wrong.map(({ exit }) => exit)).toEqual([1, 1, 1, 1, 1, 1])
  })
})

test("openssl verifies the signature of a DSSE envelope that the auditor made", async () => {
  const sealFile = join(own.dir, "runs", runId, "seal.dsse.json")
  const { payload, payloadType, signatures } = JSON.parse(readFileSync(sealFile, "utf8")) as {
    payload: string
    payloadType: string
    signatures: [{ keyid: string; sig: string }]
  }
  const body = Buffer.from(payload, "base64")
  // The pre-authentication encoding by the book (DSSE protocol), and not by our own function.
  const signed = Buffer.concat([
    Buffer.from(`DSSEv1 ${payloadType.length} ${payloadType} ${body.length} `),
    body,
  ])
  const pem = (await amc(own, ["keys", "export", "--format", "pem"])).stdout
  const blocks = pem.match(/-----BEGIN PUBLIC KEY-----[^-]+-----END PUBLIC KEY-----\n?/gu) ?? []
  const key = blocks.find((block) => kidOf(block) === signatures[0].keyid)
  const at = mkdtempSync(join(own.top, "openssl-"))
  writeFileSync(join(at, "key.pem"), key ?? "")
  writeFileSync(join(at, "signature"), Buffer.from(signatures[0].sig, "base64"))
  const verify = (bytes: Uint8Array): Promise<Ended> => {
    writeFileSync(join(at, "signed"), bytes)
    const what = ["-pubin", "-inkey", "key.pem", "-rawin", "-in", "signed", "-sigfile", "signature"]
    return run(["openssl", "pkeyutl", "-verify", ...what], { cwd: at, env: own.env })
  }
  expect(await verify(signed)).toMatchObject({
    exit: 0,
    stdout: expect.stringContaining("Verified Successfully") as unknown,
  })
  expect((await verify(Buffer.concat([signed, Buffer.from(" ")]))).exit).not.toBe(0)
})

describe.skipIf(!hasSshKeygen)("ssh-keygen and sha256sum", () => {
  let at: string

  /** Unpacks the run's bundle beside the keys that the owner handed out. */
  beforeAll(async () => {
    at = mkdtempSync(join(own.top, "stock-"))
    const bundle = join(at, "a.amcbundle")
    const which = ["--agent", "a", "--run", runId, "--out", bundle]
    expect((await amcJson(own, ["bundle", "export", ...which])).exit).toBe(0)
    expect((await run(["tar", "-xf", bundle], { cwd: at, env: own.env })).exit).toBe(0)
    const keys = ["keys", "export", "--format", "allowed_signers", "--out"]
    expect((await amcJson(own, [...keys, join(at, "allowed_signers")])).exit).toBe(0)
  })

  const verifyList = (list: string, namespace = "amc.bundle"): Promise<Ended> => {
    const how = ["-f", "allowed_signers", "-I", own.workspace, "-n", namespace]
    const verify = ["ssh-keygen", "-Y", "verify", ...how, "-s", "SHA256SUMS.sshsig"]
    return run(["sh", "-c", `${verify.join(" ")} < ${list}`], { cwd: at, env: own.env })
  }

  test("check a bundle's list of files and the files, with keys that the owner handed out", async () => {
    const verified = await verifyList("SHA256SUMS")
    expect([verified.exit, verified.stderr]).toEqual([0, ""])
    expect(verified.stdout).toMatch(/^Good "amc.bundle" signature for \S+ with ED25519 key/)
    const check = ["sha256sum", "--check", "--strict", "SHA256SUMS"]
    const { exit, stdout } = await run(check, { cwd: at, env: own.env })
    expect(exit).toBe(0)
    expect(stdout.trim().split("\n")).toContain("run/report.json: OK")
    expect(stdout).not.toContain("FAILED")
  })

  test("make up the auditor's session of docs/auditing.md, which passes on a genuine bundle alone", async () => {
    const session = sessionOf()
    expect(session).toContain("ssh-keygen -Y verify")
    const pem = (await amc(own, ["keys", "export", "--format", "pem"])).stdout
    const bundle = readFileSync(join(at, "a.amcbundle"))
    const audit = (bytes: Uint8Array): Promise<Ended> => {
      const desk = mkdtempSync(join(own.top, "desk-"))
      writeFileSync(join(desk, "my-agent.amcbundle"), bytes)
      writeFileSync(join(desk, "keys.pem"), pem)
      copyFileSync(join(at, "allowed_signers"), join(desk, "allowed_signers"))
      return run(["sh", "-eu", "-c", session], { cwd: desk, env: own.env })
    }
    const { exit, stdout, stderr } = await audit(bundle)
    expect([exit, stderr]).toEqual([0, ""])
    expect(stdout).toMatch(/^Good "amc.bundle" signature/)
    expect(stdout).toMatch(/Signature Verified Successfully\nAll of it passes\n$/)
    for (const text of ['"agent":"a"', "BEGIN SSH SIGNATURE", '"overall"']) {
      const changed = Buffer.from(bundle)
      changed[changed.lastIndexOf(text) + text.length + 30]! ^= 1
      expect((await audit(changed)).exit, text).not.toBe(0)
    }
  })

  test.for([
    { why: "the owner's keys", name: "keys.pem", how: "" },
    { why: "the owner's keys from beside it", name: "keys.pem", how: "-P --transform s,^,../," },
    { why: "a way to a file elsewhere", name: "link", how: "" },
  ])("let no bundle bring $why into that session", async ({ name, how }) => {
    const desk = mkdtempSync(join(own.top, "desk-"))
    const kept = ["keys.pem", "victim"].map((file) => join(desk, file))
    for (const file of kept) writeFileSync(file, "kept")
    copyFileSync(join(at, "allowed_signers"), join(desk, "allowed_signers"))
    copyFileSync(join(at, "a.amcbundle"), join(desk, "my-agent.amcbundle"))
    const plant = `mkdir evil; echo mine > evil/keys.pem; ln -s ../victim evil/link
      tar -r ${how} -f my-agent.amcbundle -C evil ${name}; rm -r evil`
    expect((await run(["sh", "-eu", "-c", plant], { cwd: desk, env: own.env })).exit).toBe(0)
    expect(
      (await run(["sh", "-eu", "-c", sessionOf()], { cwd: desk, env: own.env })).exit,
    ).not.toBe(0)
    expect(kept.map((file) => readFileSync(file, "utf8"))).toEqual(["kept", "kept"])
  })

  test("hold an older bundle by that session when the auditor's and the release key were replaced since", async () => {
    for (const role of ["auditor", "release"])
      expect((await amcJson(own, ["keys", "rotate", "--role", role])).exit).toBe(0)
    const desk = mkdtempSync(join(own.top, "desk-"))
    copyFileSync(join(at, "a.amcbundle"), join(desk, "my-agent.amcbundle"))
    for (const [format, file] of [
      ["pem", "keys.pem"],
      ["allowed_signers", "allowed_signers"],
    ] as const) {
      const words = ["keys", "export", "--format", format, "--out", join(desk, file)]
      expect((await amcJson(own, words)).exit).toBe(0)
    }
    const audited = await run(["sh", "-eu", "-c", sessionOf()], { cwd: desk, env: own.env })
    expect([audited.exit, audited.stderr]).toEqual([0, ""])
    expect(audited.stdout).toMatch(/All of it passes\n$/)
  })

  test("refuse another list, another purpose and another file", async () => {
    writeFileSync(
      join(at, "changed"),
      readFileSync(join(at, "SHA256SUMS"), "utf8").replace("a", "b"),
    )
    expect((await verifyList("changed")).exit).not.toBe(0)
    expect((await verifyList("SHA256SUMS", "file")).exit).not.toBe(0)
    appendFileSync(join(at, "run/report.json"), " ")
    const checked = await run(["sha256sum", "--check", "SHA256SUMS"], { cwd: at, env: own.env })
    expect([checked.exit, checked.stdout.match(/^.*: FAILED$/gmu)]).toEqual([
      1,
      ["run/report.json: FAILED"],
    ])
  })
})

/** What docs/auditing.md tells an auditor to type. */
function sessionOf(): string {
  const guide = readFileSync(join(clone, "docs/auditing.md"), "utf8")
  return /^```sh\n([\s\S]*?)^```$/mu.exec(guide)?.[1] ?? ""
}

/** The id of a key is the digest of its DER. */
function kidOf(pem: string): string {
  const der = createPublicKey(pem).export({ format: "der", type: "spki" })
  return createHash("sha256").update(der).digest("hex")
}
