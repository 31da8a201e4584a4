import type { Command } from "./command.ts"

/** A command as help lists it; its module is loaded only when it is typed. */
export interface CommandEntry {
  readonly path: readonly string[]
  readonly summary: string
  /** Whether it takes passphrases from files and descriptors. */
  readonly opensVault?: true
  readonly load: () => Promise<Command>
}

export const commandTable: readonly CommandEntry[] = [
  {
    path: ["init"],
    summary: "make a workspace here: vault, root of trust, signed config",
    opensVault: true,
    load: async () => (await import("./commands/init.ts")).init,
  },
  {
    path: ["vault", "init"],
    summary: "the same as amc init",
    opensVault: true,
    load: async () => (await import("./commands/init.ts")).init,
  },
  {
    path: ["vault", "unlock"],
    summary: "open slots of the vault for later commands, until locked or time is up",
    opensVault: true,
    load: async () => (await import("./commands/vault-unlock.ts")).vaultUnlock,
  },
  {
    path: ["vault", "lock"],
    summary: "end what unlock started",
    load: async () => (await import("./commands/vault-lock.ts")).vaultLock,
  },
  {
    path: ["vault", "status"],
    summary: "show slots, generation, wrong passphrases, and until when it is unlocked",
    load: async () => (await import("./commands/vault-status.ts")).vaultStatusCommand,
  },
  {
    path: ["vault", "passwd"],
    summary: "put a slot of the vault under another passphrase",
    opensVault: true,
    load: async () => (await import("./commands/vault-passwd.ts")).vaultPasswd,
  },
  {
    path: ["score"],
    summary: "run your agent in boxes, score it, seal and bundle the result",
    opensVault: true,
    load: async () => (await import("./commands/score.ts")).score,
  },
  {
    path: ["sandbox", "run"],
    summary: "run your agent once in a box whose walls are measured",
    opensVault: true,
    load: async () => (await import("./commands/sandbox-run.ts")).sandboxRun,
  },
  {
    path: ["wrap"],
    summary: "run an agent with no box; all agents here become INVALID",
    opensVault: true,
    load: async () => (await import("./commands/wrap.ts")).wrap,
  },
  {
    path: ["keys", "list"],
    summary: "list the keys with their roles, windows and states",
    load: async () => (await import("./commands/keys-list.ts")).keysList,
  },
  {
    path: ["keys", "rotate"],
    summary: "replace the key of a role, or the owners' keys",
    opensVault: true,
    load: async () => (await import("./commands/keys-rotate.ts")).keysRotate,
  },
  {
    path: ["keys", "revoke"],
    summary: "revoke a key that somebody else may have",
    opensVault: true,
    load: async () => (await import("./commands/keys-revoke.ts")).keysRevoke,
  },
  {
    path: ["keys", "export"],
    summary: "write the public keys in a form for verifiers and other tools",
    load: async () => (await import("./commands/keys-export.ts")).keysExport,
  },
  {
    path: ["vault", "rotate-keys"],
    summary: "replace the keys of all roles, but not the owners'",
    opensVault: true,
    load: async () => (await import("./commands/keys-rotate.ts")).vaultRotateKeys,
  },
  {
    path: ["provider", "add"],
    summary: "let the gateway forward to a provider, with its key in the vault",
    opensVault: true,
    load: async () => (await import("./commands/provider-add.ts")).providerAdd,
  },
  {
    path: ["provider", "list"],
    summary: "list the providers of gateway.yaml, and whether each has its key",
    load: async () => (await import("./commands/provider-list.ts")).providerList,
  },
  {
    path: ["egress", "allow"],
    summary: "let agents connect to a host, by signed config",
    opensVault: true,
    load: async () => (await import("./commands/egress-allow.ts")).egressAllow,
  },
  {
    path: ["egress", "list"],
    summary: "list where agents may connect to",
    load: async () => (await import("./commands/egress-list.ts")).egressList,
  },
  {
    path: ["egress", "remove"],
    summary: "take a host from the list of where agents may connect to",
    opensVault: true,
    load: async () => (await import("./commands/egress-remove.ts")).egressRemove,
  },
  {
    path: ["gateway", "init"],
    summary: "make and sign gateway.yaml, where none is there",
    opensVault: true,
    load: async () => (await import("./commands/gateway-init.ts")).gatewayInit,
  },
  {
    path: ["gateway", "start"],
    summary: "run a gateway for agents that hold a lease, until Ctrl-C",
    opensVault: true,
    load: async () => (await import("./commands/gateway-start.ts")).gatewayStart,
  },
  {
    path: ["gateway", "bind-agent"],
    summary: "sign what an agent may ask of its providers",
    opensVault: true,
    load: async () => (await import("./commands/gateway-bind-agent.ts")).gatewayBindAgent,
  },
  {
    path: ["gateway", "reconcile"],
    summary: "count requests = responses + open, and name what lacks its counterpart",
    load: async () => (await import("./commands/gateway-reconcile.ts")).gatewayReconcile,
  },
  {
    path: ["lease", "issue"],
    summary: "give an agent a lease in place of a provider's key",
    load: async () => (await import("./commands/lease-issue.ts")).leaseIssue,
  },
  {
    path: ["lease", "list"],
    summary: "list the leases of the gateway that runs",
    load: async () => (await import("./commands/lease-list.ts")).leaseList,
  },
  {
    path: ["lease", "revoke"],
    summary: "take a lease back at once",
    load: async () => (await import("./commands/lease-revoke.ts")).leaseRevoke,
  },
  {
    path: ["ingest"],
    summary: "take in results, logs, traces or claims of others",
    opensVault: true,
    load: async () => (await import("./commands/ingest.ts")).ingest,
  },
  {
    path: ["attest"],
    summary: "vouch as auditor for what came in from outside",
    opensVault: true,
    load: async () => (await import("./commands/attest.ts")).attest,
  },
  {
    path: ["run"],
    summary: "report on what was recorded before; runs no agent",
    opensVault: true,
    load: async () => (await import("./commands/run.ts")).run,
  },
  {
    path: ["run", "list"],
    summary: "list the sealed runs",
    load: async () => (await import("./commands/run-list.ts")).runList,
  },
  {
    path: ["run", "show"],
    summary: "show a run's report",
    load: async () => (await import("./commands/run-show.ts")).runShow,
  },
  {
    path: ["run", "report"],
    summary: "write a run's report with what lies behind it: text, JSON, Markdown, HTML",
    load: async () => (await import("./commands/run-report.ts")).runReport,
  },
  {
    path: ["run", "verify"],
    summary: "rebuild a run's report from the ledger or a bundle and compare it byte for byte",
    load: async () => (await import("./commands/run-verify.ts")).runVerify,
  },
  {
    path: ["run", "explain"],
    summary: "show why a question has its level, unit by unit",
    load: async () => (await import("./commands/run-explain.ts")).runExplain,
  },
  {
    path: ["run", "diff"],
    summary: "show what changed between two runs of an agent",
    load: async () => (await import("./commands/run-diff.ts")).runDiff,
  },
  {
    path: ["target", "set"],
    summary: "sign the levels that an agent is to reach",
    opensVault: true,
    load: async () => (await import("./commands/target-set.ts")).targetSet,
  },
  {
    path: ["target", "show"],
    summary: "show an agent's target and whether it is signed",
    load: async () => (await import("./commands/target-show.ts")).targetShow,
  },
  {
    path: ["target", "diff"],
    summary: "list what a run lacks of the target, and what to collect next",
    load: async () => (await import("./commands/target-diff.ts")).targetDiff,
  },
  {
    path: ["bundle", "export"],
    summary: "write a run and its evidence into one file for others",
    opensVault: true,
    load: async () => (await import("./commands/bundle-export.ts")).bundleExport,
  },
  {
    path: ["bundle", "verify"],
    summary: "check a bundle offline, with nothing but the file and a pinned root",
    load: async () => (await import("./commands/bundle-verify.ts")).bundleVerify,
  },
  {
    path: ["bundle", "inspect"],
    summary: "list what is in a bundle, without trusting any of it",
    load: async () => (await import("./commands/bundle-inspect.ts")).bundleInspect,
  },
  {
    path: ["bundle", "diff"],
    summary: "what moved between two bundles, by question and by evidence",
    load: async () => (await import("./commands/bundle-diff.ts")).bundleDiff,
  },
  {
    path: ["policy", "init"],
    summary: "write a draft of what a release must show",
    load: async () => (await import("./commands/policy-init.ts")).policyInit,
  },
  {
    path: ["policy", "sign"],
    summary: "sign a policy as your workspace's auditor",
    opensVault: true,
    load: async () => (await import("./commands/policy-sign.ts")).policySign,
  },
  {
    path: ["gate"],
    summary: "let a release pass or block it, by a bundle and a signed policy",
    load: async () => (await import("./commands/gate.ts")).gate,
  },
  {
    path: ["certify"],
    summary: "issue a certificate for a run that passes a policy",
    opensVault: true,
    load: async () => (await import("./commands/certify.ts")).certify,
  },
  {
    path: ["cert", "verify"],
    summary: "check a certificate offline, against its issuer's root",
    load: async () => (await import("./commands/cert-verify.ts")).certVerify,
  },
  {
    path: ["cert", "inspect"],
    summary: "show what a certificate says, checking nothing",
    load: async () => (await import("./commands/cert-inspect.ts")).certInspect,
  },
  {
    path: ["cert", "revoke"],
    summary: "take a certificate back",
    opensVault: true,
    load: async () => (await import("./commands/cert-revoke.ts")).certRevoke,
  },
  {
    path: ["ci", "init"],
    summary: "write the files that gate a release on GitHub and GitLab",
    load: async () => (await import("./commands/ci-init.ts")).ciInit,
  },
  {
    path: ["config", "sign"],
    summary: "sign config files as they are now; repairs what was broken",
    opensVault: true,
    load: async () => (await import("./commands/config-sign.ts")).configSign,
  },
  {
    path: ["config", "verify"],
    summary: "check the signatures of config files",
    load: async () => (await import("./commands/config-verify.ts")).configVerify,
  },
  {
    path: ["config", "show"],
    summary: "show what is in force, and where it comes from",
    load: async () => (await import("./commands/config-show.ts")).configShow,
  },
  {
    path: ["config", "schema"],
    summary: "print the JSON Schema of a config file, for editors",
    load: async () => (await import("./commands/config-schema.ts")).configSchema,
  },
  {
    path: ["witness", "init"],
    summary: "make a witness: a key of its own and an empty memory",
    load: async () => (await import("./commands/witness-init.ts")).witnessInit,
  },
  {
    path: ["witness", "serve"],
    summary: "cosign what extends what was cosigned before, over HTTP",
    load: async () => (await import("./commands/witness-serve.ts")).witnessServe,
  },
  {
    path: ["ledger", "checkpoint"],
    summary: "sign and publish a checkpoint of all that was recorded",
    opensVault: true,
    load: async () => (await import("./commands/ledger-checkpoint.ts")).ledgerCheckpoint,
  },
  {
    path: ["ledger", "prove"],
    summary: "prove that an event is in the ledger, by its receipt, hash or number",
    load: async () => (await import("./commands/ledger-prove.ts")).ledgerProve,
  },
  {
    path: ["ledger", "verify-proof"],
    summary: "check a proof offline, with nothing but the file and a root or key",
    load: async () => (await import("./commands/ledger-verify-proof.ts")).ledgerVerifyProof,
  },
  {
    path: ["ledger", "tail"],
    summary: "show the last events, and those that come",
    load: async () => (await import("./commands/ledger-tail.ts")).ledgerTail,
  },
  {
    path: ["ledger", "show"],
    summary: "show one event whole, with its signature's state",
    load: async () => (await import("./commands/ledger-show.ts")).ledgerShow,
  },
  {
    path: ["ledger", "export"],
    summary: "copy the published tree into a folder for a static server",
    load: async () => (await import("./commands/ledger-export.ts")).ledgerExport,
  },
  {
    path: ["ledger", "serve"],
    summary: "serve the published tree on HTTP, to be read and no more",
    load: async () => (await import("./commands/ledger-serve.ts")).ledgerServe,
  },
  {
    path: ["ledger", "fsck"],
    summary: "compare every tile and checkpoint with the stored events",
    load: async () => (await import("./commands/ledger-fsck.ts")).ledgerFsck,
  },
  {
    path: ["ledger", "recover"],
    summary: "close what a crash left open, with signed events that say so",
    opensVault: true,
    load: async () => (await import("./commands/ledger-recover.ts")).ledgerRecover,
  },
  {
    path: ["ledger", "prune"],
    summary: "delete stored payloads that the signed retention policy lets go",
    opensVault: true,
    load: async () => (await import("./commands/ledger-prune.ts")).ledgerPrune,
  },
  {
    path: ["verify"],
    summary: "check the whole workspace: ledger, seals, payloads, config",
    load: async () => (await import("./commands/verify.ts")).verify,
  },
  {
    path: ["probe"],
    summary: "try what an agent here could reach, seen from inside only",
    load: async () => (await import("./commands/probe.ts")).probe,
  },
  {
    path: ["doctor"],
    summary: "look at keys, vault, config, disk, clock, sandbox",
    load: async () => (await import("./commands/doctor.ts")).doctor,
  },
]
