import { SecretScanner } from "@amc/gateway"
import type { Capture } from "../capture.ts"

/** A scanner for the providers' keys, which the caller need not wipe: they go with the process. */
export async function knownSecrets({
  gatewayConfig,
  providerKey,
}: Capture): Promise<SecretScanner> {
  const keys: Uint8Array[] = []
  for (const provider of gatewayConfig.value.providers) {
    const key = await providerKey(provider)
    if (key !== null) keys.push(key)
  }
  try {
    return new SecretScanner(keys)
  } finally {
    for (const key of keys) key.fill(0)
  }
}
