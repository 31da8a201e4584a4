import type { Capture } from "./capture.ts"

/** The key id of the monitor key that signs in this lane now: what a client checks its receipts against. */
export function monitorKidOf({ workspace, clock }: Pick<Capture, "workspace" | "clock">): string {
  const [kid = ""] = workspace.keyring.keysNow("monitor", clock(), workspace.lane).keys()
  return kid
}
