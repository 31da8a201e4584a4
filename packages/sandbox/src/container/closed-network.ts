import { spawn } from "node:child_process"
import { text } from "node:stream/consumers"
import { AmcError, sha256Hex } from "@amc/core"
import { toolPath } from "../tool.ts"

/**
 * Nothing goes out but to the box's own loopback, and of that not to the engine's own resolver, which would forward
 * names to the host's. Refused and not dropped, so that a check need not wait for what never comes.
 */
const rules = `
table inet amc {
  chain output {
    type filter hook output priority 0; policy drop;
    ip daddr 127.0.0.11 reject
    oifname "lo" accept
    meta l4proto tcp reject with tcp reset
    reject with icmpx type admin-prohibited
  }
  chain input {
    type filter hook input priority 0; policy drop;
    iifname "lo" accept
  }
  chain forward {
    type filter hook forward priority 0; policy drop;
  }
}
`

/**
 * Closes a box's network in the box's own namespace, where only the host's root may change it, and gives the digest
 * of what the kernel then has. It goes when the box goes.
 *
 * @throws {@link AmcError} `sandbox/start-failed` if the rules can't be made: the box must not be used then
 */
export async function closeNetwork(boxPid: number): Promise<string> {
  await nft(boxPid, ["-f", "-"], rules)
  const kept = await nft(boxPid, ["list", "table", "inet", "amc"], "")
  const drops = kept.match(/policy drop/g)?.length ?? 0
  if (drops === 3 && /oifname "lo" accept/.test(kept)) return sha256Hex(Buffer.from(kept))
  throw new AmcError("sandbox/start-failed", "the box's network could not be closed")
}

/** @throws {@link AmcError} `sandbox/unavailable` where nft is missing, `sandbox/start-failed` where it fails */
async function nft(boxPid: number, words: readonly string[], input: string): Promise<string> {
  const argv = [`--net=/proc/${boxPid}/ns/net`, "--", toolPath("nft"), ...words]
  const child = spawn(toolPath("nsenter"), argv, { env: {}, stdio: ["pipe", "pipe", "pipe"] })
  const gone = new Promise<number | null>((resolve) => child.once("close", resolve))
  child.stdin.on("error", () => {}).end(input)
  const [out, said, code] = await Promise.all([text(child.stdout), text(child.stderr), gone])
  if (code === 0) return out
  throw new AmcError("sandbox/start-failed", "the box's network could not be closed", {
    cause: said.slice(0, 500),
  })
}
