import { keyRoles, type MeasuredFacts, type Observation, systemAgent } from "@amc/core"
import { eventOf, withLedger } from "./ledger-reader.ts"
import type { Workspace } from "./workspace.ts"

type KeyChange = MeasuredFacts<"key_change">

/** What the ledger does not say yet of the workspace's keys: enrolled, superseded or revoked. */
export async function unrecordedKeyChanges(workspace: Workspace): Promise<readonly Observation[]> {
  const recorded = await recordedChanges(workspace)
  return currentChanges(workspace)
    .filter((change) => !recorded.has(nameOf(change)))
    .map((measured) => ({
      type: "key_change",
      channel: "recorder",
      agent: systemAgent,
      session: null,
      facts: { measured, reported: {} },
    }))
}

function currentChanges({ keyring }: Workspace): readonly KeyChange[] {
  const { current } = keyring.roots
  const owners = current.keys.map(({ kid }) => enrolled(kid, "root", current.createdMs))
  const certified = keyRoles.flatMap((role) =>
    [...keyring.keys(role).keys()].map((kid) =>
      enrolled(kid, role, keyring.certificates.get(kid)?.validFromMs ?? 0),
    ),
  )
  return [...owners, ...certified, ...endedKeys(keyring)]
}

function enrolled(kid: string, role: KeyChange["role"], from_ms: number): KeyChange {
  return { kid, role, action: "enrolled", from_ms }
}

function endedKeys({ revocations, certificates }: Workspace["keyring"]): readonly KeyChange[] {
  return [...revocations.revoked.values()].flatMap(({ kid, reason, from_ms }) => {
    const role = certificates.get(kid)?.role
    const action = reason === "compromised" ? "revoked" : "superseded"
    return role === undefined ? [] : [{ kid, role, action, from_ms }]
  })
}

async function recordedChanges(workspace: Workspace): Promise<ReadonlySet<string>> {
  const names = new Set<string>()
  await withLedger(workspace, async ({ events }) => {
    for await (const { leaf } of events.readType(workspace.lane, "key_change")) {
      const event = eventOf(leaf)
      if (event.type === "key_change") names.add(nameOf(event.facts.measured))
    }
  })
  return names
}

/** A revocation that reaches further back is another one. */
function nameOf({ kid, action, from_ms }: KeyChange): string {
  return `${kid} ${action} ${action === "revoked" ? from_ms : ""}`
}
