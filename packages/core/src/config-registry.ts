import type { z } from "zod"
import { agentConfigSchema, gatewayConfigSchema, workspaceConfigSchema } from "./config.ts"
import { AmcError, malformed } from "./errors.ts"
import { fleetConfigSchema } from "./fleet-config.ts"
import { gatePolicySchema } from "./gate-policy.ts"
import { retentionConfigSchema } from "./retention-config.ts"
import { parseStrictJson } from "./strict-json.ts"
import { targetConfigSchema } from "./target-config.ts"
import { usersConfigSchema } from "./users-config.ts"
import { witnessesConfigSchema } from "./witnesses-config.ts"
import { parseYaml } from "./yaml.ts"

/** A kind of config file: where it lies, what it may say, and who signs it. */
export interface ConfigKind {
  readonly name: string
  /** Its path under `.amc`; `<id>` stands for the id of an agent or a target. */
  readonly pattern: string
  readonly role: "auditor"
  readonly schema: z.ZodType<unknown>
  /** Whether bundles show the file; the others hold names of people and of other agents, or are the consumer's own. */
  readonly isBundled: boolean
}

const auditors = { role: "auditor" } as const

/** The files that steer AMC. Nothing else is signed as config (F1). */
export const configKinds: readonly ConfigKind[] = [
  {
    ...auditors,
    name: "workspace",
    pattern: "amc.config.yaml",
    schema: workspaceConfigSchema,
    isBundled: true,
  },
  {
    ...auditors,
    name: "gateway",
    pattern: "gateway.yaml",
    schema: gatewayConfigSchema,
    isBundled: true,
  },
  {
    ...auditors,
    name: "fleet",
    pattern: "fleet.yaml",
    schema: fleetConfigSchema,
    isBundled: false,
  },
  {
    ...auditors,
    name: "agent",
    pattern: "agents/<id>/agent.config.yaml",
    schema: agentConfigSchema,
    isBundled: true,
  },
  {
    ...auditors,
    name: "users",
    pattern: "users.yaml",
    schema: usersConfigSchema,
    isBundled: false,
  },
  {
    ...auditors,
    name: "gate-policy",
    pattern: "gatePolicy.json",
    schema: gatePolicySchema,
    isBundled: false,
  },
  {
    ...auditors,
    name: "target",
    pattern: "targets/<id>.yaml",
    schema: targetConfigSchema,
    isBundled: false,
  },
  {
    ...auditors,
    name: "retention",
    pattern: "retention.yaml",
    schema: retentionConfigSchema,
    isBundled: false,
  },
  {
    ...auditors,
    name: "witnesses",
    pattern: "witnesses.yaml",
    schema: witnessesConfigSchema,
    isBundled: false,
  },
]

/** The kind of config file that lies at a path under `.amc`. */
export function findConfigKind(path: string): ConfigKind | undefined {
  return configKinds.find(({ pattern }) => expressionOf(pattern).test(path))
}

/** The same. @throws {@link AmcError} `usage/invalid` for a file that is none */
export function configKindOf(path: string): ConfigKind {
  const kind = findConfigKind(path)
  if (kind !== undefined) return kind
  const known = configKinds.map(({ pattern }) => pattern).join(", ")
  throw new AmcError("usage/invalid", `'${path}' is no config file of AMC`, {
    hint: `these are: ${known}`,
  })
}

/**
 * Reads a config file of any kind from the bytes that its signature was checked on.
 *
 * @throws {@link AmcError} `usage/invalid` for a path of no kind, `input/malformed`, `input/too-large`
 */
export function parseConfig(bytes: Uint8Array, path: string): unknown {
  const { name, schema, pattern } = configKindOf(path)
  const parse = path.endsWith(".json") ? parseStrictJson : parseYaml
  const value = parse(bytes, schema, path)
  const id = expressionOf(pattern).exec(path)?.[1]
  if (name === "agent" && (value as { agent: string }).agent !== id)
    throw malformed(`${path}: agent: it names another agent than its folder`)
  return value
}

/** An id is spelled as agents' are. */
function expressionOf(pattern: string): RegExp {
  const escaped = pattern.replaceAll(".", "\\.")
  return new RegExp(`^${escaped.replace("<id>", "([a-z0-9][a-z0-9._-]{0,63})")}$`)
}
