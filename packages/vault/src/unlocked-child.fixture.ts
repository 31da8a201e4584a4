import { text } from "@amc/core"
import { findUnlocked, unlockNotary } from "./unlocked-notary.ts"

/** A process that unlocks a vault, prints the notary's pid and ends; or that borrows from one that is unlocked. */
const [vaultPath = "", unlockPath = "", untilMs = "", passphrase = ""] = process.argv.slice(2)
if (vaultPath === "") {
  const lent = await (await findUnlocked(unlockPath))?.lendMonitor()
  process.stdout.write(text(lent ?? new Uint8Array()))
} else {
  const slots = [{ slot: "monitor" as const, passphrase: new TextEncoder().encode(passphrase) }]
  const { pid } = await unlockNotary({ vaultPath, unlockPath, untilMs: Number(untilMs), slots })
  process.stdout.write(String(pid))
}
