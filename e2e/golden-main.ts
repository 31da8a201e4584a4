import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { sha256Hex } from "@amc/core"
import { amcJson, clone } from "./testing/amc.ts"
import { policyText, scoredRun, signedPolicy } from "./testing/gated.ts"
import { makeWorkspace, type TestWorkspace } from "./testing/workspace.ts"

/**
 * Makes the golden files anew, of a real workspace and by the built program: two runs, what is handed out of them, and what
 * the program says of it. Once a version is released its files stay as they are. `node e2e/golden-main.ts`
 */
const folder = join(clone, "e2e/golden")
const own = await makeWorkspace()
try {
  await make(own)
} finally {
  await own.close()
}

async function make(of: TestWorkspace): Promise<void> {
  for (const name of readdirSync(folder)) if (name !== "README.md") rmSync(join(folder, name))
  const runs = [(await scoredRun(of)).runId, (await scoredRun(of)).runId] as const
  const exported = async (runId: string, name: string, redact: string): Promise<string> => {
    await does(["bundle", "export", "--agent", "a", "--run", runId, "--redact", redact], name)
    return name
  }
  const bundles = [
    await exported(runs[0], "first.amcbundle", "payloads"),
    await exported(runs[0], "first-with-payloads.amcbundle", "nothing"),
    await exported(runs[1], "second.amcbundle", "payloads"),
  ]
  await signedPolicy(of, "release.yaml", policyText(of.root))
  const words = ["certify", "--agent", "a", "--run", runs[1], "--policy", "release.yaml"]
  await does([...words, "--days", "30"], "second.amccert")
  await does(["ledger", "prove", "3"], "event-3.tlog-proof")
  const [from, to] = runs.map(sizeOf) as [string, string]
  await does(["ledger", "prove", "--from", from, "--to", to], "trees.proof")
  const at = new Date().toISOString().slice(0, 19).concat("Z")
  const saidOf = (file: string): Promise<unknown> => says(file, at)
  const said = Object.fromEntries(
    await Promise.all(bundles.map(async (file) => [file, await saidOf(file)])),
  ) as unknown
  const files = Object.fromEntries(
    readdirSync(folder)
      .filter((name) => name !== "README.md")
      .map((name) => [name, sha256Hex(readFileSync(join(folder, name)))]),
  )
  const golden = { root: of.root, at, files, said }
  writeFileSync(join(folder, "golden.json"), `${JSON.stringify(golden, null, 2)}\n`)
}

async function does(words: readonly string[], out: string): Promise<void> {
  const { exit, stderr, stdout } = await amcJson(own, [...words, "--out", join(folder, out)])
  if (exit !== 0) throw new Error(stdout + stderr)
}

function sizeOf(runId: string): string {
  return readFileSync(join(own.dir, "runs", runId, "checkpoint"), "utf8").split("\n")[1] ?? ""
}

/** What a reader takes away of a bundle. */
async function says(file: string, at: string): Promise<unknown> {
  const words = ["bundle", "verify", join(folder, file), "--root", own.root, "--at", at]
  const { data } = await amcJson(own, words)
  const { run_id, events, trust_label, payloads, report } = data
  return { run_id, events, trust_label, payloads, overall: report.overall }
}
