import { startNotary } from "./notary.ts"

/** A process that starts a notary, prints its pid and waits to be killed. */
const [vaultPath = "", socketPath = ""] = process.argv.slice(2)
const passphrase = new TextEncoder().encode("the-monitor-passphrase")
const notary = await startNotary({
  vaultPath,
  socketPath,
  slots: [{ slot: "monitor", passphrase }],
})
process.stdout.write(String(notary.pid))
