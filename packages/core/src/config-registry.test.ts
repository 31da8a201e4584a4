import * as fc from "fast-check"
import { expect, test } from "vitest"
import { z } from "zod"
import { utf8 } from "./bytes.ts"
import { configJsonSchema } from "./config-json-schema.ts"
import { readSchemaFile, schemaFiles } from "./config-json-schema.fixture.ts"
import { configKindOf, configKinds, findConfigKind, parseConfig } from "./config-registry.ts"
import { parseStrictJson } from "./strict-json.ts"
import { seededSigner } from "./testing/seeded-signer.ts"
import { cosignerVkey, vkey as vkeyOf } from "./vkey.ts"

const root = `sha256:${"ab".repeat(32)}`
const limits = "{max_calls: 1, max_seconds: 1, memory_mib: 64, pids: 8}"
const vkey = cosignerVkey("witness.example/w1", seededSigner(1).key)
const witness = `{url: "https://witness.example/w1", vkey: ${vkey}}`
const logKey = vkeyOf("witness.example/w1", seededSigner(1).key)
const witnesses = (quorum: number, ...each: string[]): string =>
  `v: 1\nquorum: ${quorum}\nwitnesses:\n${each.map((one) => `  - ${one}\n`).join("")}`
const policy = {
  v: 1,
  id: "release",
  producerRoots: [root],
  requireObservedForLevel5: true,
  denyIfLowTrust: false,
}

/** One file of each kind, as small as it may be. */
const examples: readonly { path: string; text: string }[] = [
  { path: "amc.config.yaml", text: "v: 1\nworkspace: ws-1\nlane: main\n" },
  { path: "gateway.yaml", text: "v: 1\nproviders: []\n" },
  { path: "fleet.yaml", text: "v: 1\nagents:\n  - {id: a1, title: The one, group: g}\n" },
  { path: "agents/a1/agent.config.yaml", text: `v: 1\nagent: a1\nlimits: ${limits}\n` },
  { path: "users.yaml", text: "v: 1\nusers:\n  - {name: ann, role: OWNER}\n" },
  { path: "gatePolicy.json", text: JSON.stringify(policy) },
  { path: "targets/next.yaml", text: "v: 1\nagent: a1\nlayers: {Skills: 3}\n" },
  { path: "retention.yaml", text: "v: 1\ndays: {llm_request: 30}\n" },
  { path: "witnesses.yaml", text: `v: 1\nquorum: 1\nwitnesses:\n  - ${witness}\n` },
]
const yamls = examples.filter(({ path }) => path.endsWith(".yaml"))
const malformed = expect.objectContaining({ code: "input/malformed" })

test("every kind of config has an example here, and reads it", () => {
  expect(examples.map(({ path }) => configKindOf(path).name)).toEqual(
    configKinds.map(({ name }) => name),
  )
  for (const { path, text } of examples)
    expect(parseConfig(utf8(text), path)).toMatchObject({ v: 1 })
})

test.each(examples)(
  "S17: $path with a byte order mark, or twice the same key, is refused",
  (example) => {
    const { path, text } = example
    const twice = path.endsWith(".json") ? text.replace("{", '{"v":1,') : `${text}v: 1\n`
    for (const wrong of [`\uFEFF${text}`, twice])
      expect(() => parseConfig(utf8(wrong), path)).toThrow(malformed)
  },
)

test.each(yamls)("S17: $path with an alias or a second document is refused", ({ path, text }) => {
  for (const wrong of [text.replace("v: 1", "v: &a 1\nx: *a"), `${text}---\n${text}`])
    expect(() => parseConfig(utf8(wrong), path)).toThrow(malformed)
})

test.each(examples)(
  "$path with a member that is not known, or of a later version, is refused",
  (example) => {
    const { path, text } = example
    const more = path.endsWith(".json") ? text.replace("{", '{"trust":1,') : `trust: 1\n${text}`
    const later = text.replace(/"v":1|v: 1/, (one) => one.replace("1", "2"))
    for (const wrong of [more, later, "", "[]"])
      expect(() => parseConfig(utf8(wrong), path)).toThrow(malformed)
  },
)

test.each(examples)("$path that is larger than a mebibyte is refused", ({ path, text }) => {
  const large = text + " ".repeat(1 << 20)
  expect(() => parseConfig(utf8(large), path)).toThrow(
    expect.objectContaining({ code: "input/too-large" }),
  )
})

test.each([
  "x.yaml",
  "gateway.yaml.sig",
  "../gateway.yaml",
  "./gateway.yaml",
  "Gateway.yaml",
  "gatewayXyaml",
  "agents/a1/other.yaml",
  "agents//agent.config.yaml",
  "agents/../agent.config.yaml",
  "agents/a/b/agent.config.yaml",
  "targets/.yaml",
  "targets/x.yml",
  "",
])("'%s' is no config file", (path) => {
  expect(findConfigKind(path)).toBeUndefined()
  expect(() => parseConfig(utf8("v: 1\n"), path)).toThrow(
    expect.objectContaining({ code: "usage/invalid", hint: expect.stringContaining("fleet.yaml") }),
  )
})

test.each([
  { why: "an agent's file about another", path: "agents/a2/agent.config.yaml", at: 3 },
  { why: "an agent twice", path: "fleet.yaml", text: "v: 1\nagents: [{id: a}, {id: a}]\n" },
  { why: "a user twice", path: "users.yaml", text: users("ann, role: OWNER", "ann, role: VIEWER") },
  { why: "a role that there is not", path: "users.yaml", text: users("ann, role: ADMIN") },
  { why: "a secret of a user", path: "users.yaml", text: users("ann, role: OWNER, password: x") },
  { why: "level 6", path: "targets/x.yaml", text: "v: 1\nagent: a1\nlayers: {Skills: 6}\n" },
  { why: "half a level", path: "targets/x.yaml", text: "v: 1\nagent: a1\nquestions: {q: 1.5}\n" },
  { why: "no day at all", path: "retention.yaml", text: "v: 1\ndays: {llm_request: 0}\n" },
  { why: "an end of seals", path: "retention.yaml", text: "v: 1\ndays: {run_sealed: 1}\n" },
  { why: "a witness twice", path: "witnesses.yaml", text: witnesses(1, witness, witness) },
  { why: "a quorum above all witnesses", path: "witnesses.yaml", text: witnesses(2, witness) },
  {
    why: "a witness with a log's key",
    path: "witnesses.yaml",
    text: witnesses(1, witness.replace(/vkey: .*\}/u, `vkey: ${logKey}}`)),
  },
  {
    why: "a witness's address with a user in it",
    path: "witnesses.yaml",
    text: witnesses(1, witness.replace("https://", "https://a:b@")),
  },
  {
    why: "a witness's address that is a file",
    path: "witnesses.yaml",
    text: witnesses(1, witness.replace("https://", "file://")),
  },
  { why: "no root", path: "gatePolicy.json", text: said({ producerRoots: [] }) },
  { why: "one root twice", path: "gatePolicy.json", text: said({ producerRoots: [root, root] }) },
  { why: "a rule left out", path: "gatePolicy.json", text: said({ denyIfLowTrust: undefined }) },
  { why: "yaml in json's place", path: "gatePolicy.json", text: "v: 1\n" },
])("$why is refused", ({ path, at, text = examples[at ?? 0]!.text }) => {
  expect(() => parseConfig(utf8(text), path)).toThrow(malformed)
})

function users(...entries: readonly string[]): string {
  return `v: 1\nusers: [${entries.map((entry) => `{name: ${entry}}`).join(", ")}]\n`
}

function said(change: object): string {
  return JSON.stringify({ ...policy, ...change })
}

test("strict json reads what json is, however it is spaced", () => {
  fc.assert(
    fc.property(fc.json(), fc.constantFrom(0, 1, "\t"), (text, indent) => {
      const value: unknown = JSON.parse(text)
      const spaced = utf8(JSON.stringify(value, null, indent))
      expect(parseStrictJson(spaced, z.unknown(), "x")).toEqual(value)
    }),
  )
})

test.each([
  { why: "twice", text: '{"a":1,"a":1}' },
  { why: "twice, spelled otherwise", text: '{"a":1,"\\u0061":2}' },
  { why: "twice, further in", text: '[{"b":[{"a":{}, "c":"}", "a" : 1}]}]' },
])("strict json refuses a key that is there $why", ({ text }) => {
  expect(() => parseStrictJson(utf8(text), z.unknown(), "x")).toThrow(malformed)
})

test.each(['{"a":{"a":1},"b":[{"a":1},{"a":1}]}', '{"a":"{\\"b\\":1,\\"b\\":2}","c":"b:"}'])(
  "strict json takes no key of another object, and no text, for a second one: %s",
  (text) => {
    expect(parseStrictJson(utf8(text), z.unknown(), "x")).toEqual(JSON.parse(text))
  },
)

test("the published schemas are those of this program", () => {
  for (const [name, text] of schemaFiles) expect(readSchemaFile(name), name).toBe(text)
  expect(() => configJsonSchema("other")).toThrow(
    expect.objectContaining({ code: "usage/invalid" }),
  )
})
