import { afterEach, expect, test, vi } from "vitest"
import { commandGroups } from "./command-groups.ts"
import { commandTable } from "./command-table.ts"
import { parseCommandLine } from "./parser.ts"

const version = "1.2.3"
const words = commandTable.map(({ path }) => ({ name: path.join(" "), path }))

afterEach(() => vi.restoreAllMocks())

async function textOf(...argv: string[]): Promise<string> {
  const parsed = await parseCommandLine(argv, version)
  if (parsed.kind !== "text") throw new Error(`${argv.join(" ")} is a command`)
  return parsed.text
}

/** The words of an example line, with quotes as a shell reads them. */
function shellWords(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? "")
}

test.each(words)("amc $name --help says how it is used", async ({ name, path }) => {
  const help = await textOf(...path, "--help")
  expect(help).toContain(`Usage: amc ${name} `)
  expect(help).toContain("--json")
  const example = /Examples?:\n {2}amc (.*)/.exec(help)?.[1]
  if (example === undefined) return
  expect(await parseCommandLine(shellWords(example), version)).toMatchObject({
    kind: "command",
    // The one command with two names.
    name: name === "vault init" ? "init" : name,
  })
})

test("what makes, changes or shares something has an example", async () => {
  const withExample = []
  for (const { path, name } of words)
    if ((await textOf(...path, "--help")).match(/^Examples?:$/m)) withExample.push(name)
  expect(withExample).toEqual([
    "init",
    "vault init",
    "vault unlock",
    "vault passwd",
    "score",
    "sandbox run",
    "wrap",
    "keys list",
    "keys rotate",
    "keys revoke",
    "keys export",
    "provider add",
    "egress allow",
    "egress list",
    "egress remove",
    "gateway init",
    "gateway start",
    "gateway bind-agent",
    "gateway reconcile",
    "lease issue",
    "lease list",
    "lease revoke",
    "ingest",
    "attest",
    "run",
    "run report",
    "run verify",
    "run explain",
    "run diff",
    "target set",
    "target show",
    "target diff",
    "bundle export",
    "bundle verify",
    "bundle inspect",
    "bundle diff",
    "policy init",
    "policy sign",
    "gate",
    "certify",
    "cert verify",
    "cert inspect",
    "cert revoke",
    "ci init",
    "config sign",
    "config schema",
    "witness init",
    "witness serve",
    "ledger checkpoint",
    "ledger prove",
    "ledger verify-proof",
    "ledger tail",
    "ledger show",
    "ledger export",
    "ledger serve",
    "ledger fsck",
    "ledger recover",
    "ledger prune",
    "probe",
    "doctor",
  ])
})

test.each([[[]], [["--help"]], [["help"]], [["-h"]]])(
  "amc %j lists every command in less than a screen",
  async (argv) => {
    const help = await textOf(...argv)
    for (const { path } of commandTable) expect(help).toContain(`\n  ${path[0]} `)
    expect(help).toContain("Start with 'amc score -- <your agent command>'")
    expect(help.split("\n").length).toBeLessThan(40)
  },
)

test("amc help <command> is the command's own help", async () => {
  expect(await textOf("help", "bundle", "verify")).toBe(await textOf("bundle", "verify", "--help"))
})

test("amc --version prints the version and nothing else", async () => {
  expect(await textOf("--version")).toBe(version)
})

test.each([
  { why: "a command", argv: ["scor"], message: "unknown command 'scor'", hint: "score" },
  { why: "a group", argv: ["bundel", "verify"], message: "unknown command", hint: "bundle" },
  { why: "a group's command", argv: ["provider", "ad"], message: "'ad'", hint: "add" },
  { why: "a command's command", argv: ["run", "lst"], message: "'lst'", hint: "list" },
  { why: "an option", argv: ["score", "--sesions", "3"], message: "--sesions", hint: "--sessions" },
])("$why that is mistyped is refused with what was meant", async ({ argv, message, hint }) => {
  await expect(parseCommandLine(argv, version)).rejects.toMatchObject({
    code: "usage/invalid",
    message: expect.stringContaining(message),
    hint: `did you mean ${hint}?`,
  })
})

test.each([
  { why: "an unknown word", argv: ["qqqqqq"], hint: "amc --help" },
  { why: "an unknown option before any command", argv: ["--json"], hint: "amc --help" },
  { why: "an unknown option", argv: ["verify", "--qqqqqq"], hint: "amc verify --help" },
  { why: "a group alone", argv: ["provider"], hint: "amc provider --help" },
  { why: "a missing required option", argv: ["run"], hint: "amc run --help" },
  { why: "a missing argument", argv: ["run", "show"], hint: "amc run show --help" },
  { why: "an option without its value", argv: ["score", "--work"], hint: "amc score --help" },
  { why: "one argument too many", argv: ["verify", "x"], hint: "amc verify --help" },
  { why: "two bundles", argv: ["bundle", "verify", "a", "b"], hint: "amc bundle verify --help" },
  { why: "an option twice removed", argv: ["run", "--agent"], hint: "amc run --help" },
])("$why is refused with where to look", async ({ argv, hint }) => {
  await expect(parseCommandLine(argv, version)).rejects.toMatchObject({
    code: "usage/invalid",
    message: expect.stringMatching(/^[^(\n]/),
    hint: `see '${hint}'`,
  })
})

const agentCommands = words.filter(({ name }) => ["score", "wrap", "sandbox run"].includes(name))

test.each(agentCommands)("amc $name leaves everything after -- to the agent", async ({ path }) => {
  const agent = ["node", "a.js", "--json", "--help", "--agent", "x", "--version", "--", "-h"]
  const parsed = await parseCommandLine([...path, "--agent", "mine", "--", ...agent], version)
  expect(parsed).toMatchObject({ kind: "command", args: agent, options: { agent: "mine" } })
  expect(parsed).not.toHaveProperty("options.json")
})

test.each(agentCommands)(
  "amc $name takes options up to the agent's first word",
  async ({ path }) => {
    const agent = ["node", "a.js", "--model", "x", "-v"]
    const parsed = await parseCommandLine([...path, "--json", ...agent], version)
    expect(parsed).toMatchObject({
      kind: "command",
      args: agent,
      options: { json: true, agent: "my-agent" },
    })
  },
)

test.each(agentCommands)(
  "amc $name refuses its own options behind the agent's command, unless -- says whose they are",
  async ({ path }) => {
    for (const own of ["--json", "--agent=x"])
      await expect(parseCommandLine([...path, "node", "a.js", own], version)).rejects.toMatchObject(
        {
          code: "usage/invalid",
          message: `${own} stands behind the agent's command`,
          hint: expect.stringContaining("then --, then the agent's command"),
        },
      )
  },
)

test.each([
  { why: "a command", argv: ["verfy", "--help"], hint: "did you mean verify?" },
  { why: "a group's command", argv: ["sandbox", "rnu", "-h"], hint: "did you mean run?" },
  { why: "a command's command", argv: ["run", "lst", "--help"], hint: "did you mean list?" },
  { why: "a command after help", argv: ["help", "verfy"], hint: "did you mean verify?" },
  { why: "nothing like it", argv: ["sandbox", "qqqq", "--help"], hint: "see 'amc --help'" },
])("help on $why that does not exist is refused", async ({ argv, hint }) => {
  await expect(parseCommandLine(argv, version)).rejects.toMatchObject({
    code: "usage/invalid",
    hint,
  })
})

test("every group says what its commands are about", async () => {
  const groups = new Set(
    words.filter(({ path }) => path.length > 1).map(({ path }) => path[0] ?? ""),
  )
  for (const { path } of words) if (path.length === 1) groups.delete(path[0] ?? "")
  expect(groups.size).toBeGreaterThan(2)
  for (const group of groups) expect(commandGroups.get(group)?.length).toBeGreaterThan(15)
})

test.each(["verify", "run verify"])("the help of amc %s names its exit codes", async (name) => {
  expect(await textOf(...name.split(" "), "--help")).toMatch(/0 .*\b1 .*\b4 /s)
})

test.each(words)("amc $name loads no other command's module", async ({ path, name }) => {
  const loads = commandTable.map((entry) => ({ entry, load: vi.spyOn(entry, "load") }))
  await parseCommandLine([...path, "--help"], version)
  const loaded = loads.filter(({ load }) => load.mock.calls.length > 0)
  expect(loaded.map(({ entry }) => entry.path.join(" "))).toEqual([name])
})

test("help and the version load no command at all", async () => {
  const loads = commandTable.map((entry) => vi.spyOn(entry, "load"))
  await parseCommandLine([], version)
  await parseCommandLine(["--version"], version)
  for (const load of loads) expect(load).not.toHaveBeenCalled()
})
