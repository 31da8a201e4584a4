// `npm start`: AMC doing its job on the example agent. With OPENAI_API_KEY set, on the real provider.
import { spawn } from "node:child_process"
import { randomBytes } from "node:crypto"
import { existsSync, mkdirSync, writeFileSync } from "node:fs"
import { homedir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const top = fileURLToPath(new URL("..", import.meta.url))
const example = join(top, "examples", "coding-agent")
const realKey = process.env.OPENAI_API_KEY
const agent = realKey === undefined ? "example-coding-agent" : "example-coding-agent-openai"
const provider = realKey === undefined ? "scripted" : "openai"
const sessions = "5"

/** Runs amc and gives its exit code; what it prints goes where ours goes. */
function amc(args, { input = "", quiet = false } = {}) {
  const env = { ...process.env }
  delete env.OPENAI_API_KEY
  const child = spawn(process.execPath, [join(top, "packages/cli/bin/amc.js"), ...args], {
    cwd: top,
    env,
    stdio: ["pipe", quiet ? "pipe" : "inherit", "inherit"],
  })
  let output = ""
  child.stdout?.on("data", (bytes) => (output += bytes))
  child.stdin.on("error", () => undefined)
  child.stdin.end(input)
  return new Promise((resolve, reject) => {
    child.once("error", reject)
    child.once("close", (code) => resolve({ code: code ?? 1, output }))
  })
}

async function must(args, options) {
  const { code, output } = await amc(args, options)
  if (code !== 0) {
    process.stderr.write(`npm start: 'amc ${commandOf(args)}' ended with ${code}\n${told(output)}`)
    throw new Stop(code)
  }
  return output
}

function commandOf(args) {
  const end = args.findIndex((word) => word.startsWith("-"))
  return (end < 0 ? args : args.slice(0, end)).join(" ")
}

/** What a command that printed JSON had to say, which nobody has seen yet. */
function told(output) {
  if (!output.startsWith("{")) return ""
  const { findings } = JSON.parse(output)
  const lines = findings.flatMap(({ code, detail, next }) => [
    `amc: ${code}: ${detail}`,
    ...(next === null ? [] : [`  next: ${next}`]),
  ])
  return lines.map((line) => `${line}\n`).join("")
}

class Stop extends Error {
  constructor(code) {
    super(`amc ended with ${code}`)
    this.code = code
  }
}

/** The scripted model's folder: outside the clone, private, with a path short enough for a socket. */
function exampleFolder() {
  const state = process.env.XDG_STATE_HOME?.startsWith("/")
    ? process.env.XDG_STATE_HOME
    : join(process.env.HOME ?? homedir(), ".local", "state")
  const folder = join(state, "amc", "example")
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  return folder
}

function startModel(folder) {
  const keyFile = join(folder, "model.key")
  if (!existsSync(keyFile))
    writeFileSync(keyFile, `sk-scripted-${randomBytes(24).toString("base64url")}\n`, {
      mode: 0o600,
    })
  const socket = join(folder, "model.sock")
  const child = spawn(
    process.execPath,
    [join(top, "examples/model-server/src/main.ts"), "--socket", socket, "--key-file", keyFile],
    {
      cwd: top,
      env: { PATH: process.env.PATH },
      stdio: ["ignore", "pipe", "inherit"],
    },
  )
  return new Promise((resolve, reject) => {
    child.once("error", reject)
    child.once("exit", (code) => reject(new Error(`the scripted model server ended with ${code}`)))
    child.stdout.once("data", () => resolve({ socket, keyFile, stop: () => child.kill() }))
  })
}

async function ensureProvider(model) {
  const { providers } = JSON.parse(await must(["provider", "list", "--json"], { quiet: true })).data
  const known = providers.find(({ id }) => id === provider)
  if (realKey !== undefined) {
    await must(
      ["provider", "add", "openai", "--upstream", "https://api.openai.com", "--key-stdin"],
      { input: realKey },
    )
  } else if (known?.socket !== model.socket || known.key !== "given") {
    await must([
      "provider",
      "add",
      provider,
      "--upstream",
      "http://localhost",
      "--socket",
      model.socket,
      "--key-file",
      model.keyFile,
    ])
  }
}

async function main() {
  if (realKey === undefined)
    process.stderr.write(
      "The model is a script on this machine: no API key is needed, and nothing is sent anywhere.\n",
    )
  else
    process.stderr.write(
      "OPENAI_API_KEY is set: the example agent will call the real provider https://api.openai.com, at your cost.\n",
    )
  const model = realKey === undefined ? await startModel(exampleFolder()) : undefined
  try {
    if (!existsSync(join(top, ".amc"))) await must(["init"], { quiet: true })
    await ensureProvider(model)
    const scored = JSON.parse(await must(scoreArguments(), { quiet: true })).data
    await must(["bundle", "verify", scored.bundle, "--root", scored.root])
    process.stdout.write(nextSteps(scored))
  } finally {
    model?.stop()
  }
}

function scoreArguments() {
  const who = ["--agent", agent, "--provider", provider, "--sessions", sessions]
  const what = [
    "--work",
    join(example, "work"),
    "--check",
    `node ${join(example, "check/check.ts")}`,
    "--claims",
    join(example, "claims.json"),
  ]
  return ["score", "--json", ...who, ...what, "--", "node", join(example, "src/main.ts")]
}

function nextSteps({ report, bundle, root }) {
  return `
report   .amc/runs/${report.run_id}/report.json
bundle   ${bundle}
         verified above by another process, with nothing but that file and the root
root     ${root}

Your own agent:  npx --no-install amc score -- <your agent command>
Everything here: npx --no-install amc verify
`
}

try {
  await main()
} catch (error) {
  // What amc had to say is on stderr already.
  if (!(error instanceof Stop))
    process.stderr.write(
      `npm start: ${error.message}\n  next: run it again, or 'npm test' to see what does not work here\n`,
    )
  process.exitCode = error instanceof Stop ? error.code : 3
}
