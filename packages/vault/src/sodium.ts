import type { Sodium } from "sodium-native"

/** libsodium, where the platform has a build of it. */
export async function loadSodium(): Promise<Sodium | null> {
  try {
    return (await import("sodium-native")).default
  } catch {
    return null
  }
}
