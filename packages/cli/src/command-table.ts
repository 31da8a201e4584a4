import type { Command } from "./command.ts"

/** A command as help lists it; its module is loaded only when it is typed. */
export interface CommandEntry {
  readonly path: readonly string[]
  readonly summary: string
  readonly load: () => Promise<Command>
}

export const commandTable: readonly CommandEntry[] = [
  {
    path: ["init"],
    summary: "make a workspace here: vault, root of trust, signed config",
    load: async () => (await import("./commands/init.ts")).init,
  },
  {
    path: ["score"],
    summary: "run an agent in boxes, score it, seal and bundle the result",
    load: async () => (await import("./commands/score.ts")).score,
  },
  {
    path: ["sandbox", "run"],
    summary: "run an agent once in a box whose walls are measured",
    load: async () => (await import("./commands/sandbox-run.ts")).sandboxRun,
  },
  {
    path: ["wrap"],
    summary: "run an agent once with no box; what it shows counts as INVALID",
    load: async () => (await import("./commands/wrap.ts")).wrap,
  },
  {
    path: ["provider", "add"],
    summary: "let the gateway forward to a provider, with its key in the vault",
    load: async () => (await import("./commands/provider-add.ts")).providerAdd,
  },
  {
    path: ["provider", "list"],
    summary: "list the providers of gateway.yaml",
    load: async () => (await import("./commands/provider-list.ts")).providerList,
  },
  {
    path: ["run"],
    summary: "score what the ledger holds of an agent, and seal it",
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
    path: ["run", "verify"],
    summary: "rebuild a run's report from the ledger and compare it byte for byte",
    load: async () => (await import("./commands/run-verify.ts")).runVerify,
  },
  {
    path: ["bundle", "export"],
    summary: "write a run and its evidence into one file for others",
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
    path: ["verify"],
    summary: "check the whole workspace: chain, signatures, seals, blobs, tree, config",
    load: async () => (await import("./commands/verify.ts")).verify,
  },
]
