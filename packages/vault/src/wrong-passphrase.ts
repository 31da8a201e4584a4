import { AmcError } from "@amc/core"
import type { SlotName } from "./vault-header.ts"

/** The fault `vault/wrong-passphrase`, with the slot that it is about, for whoever counts wrong tries. */
export class WrongPassphrase extends AmcError {
  readonly slot: SlotName

  constructor(slot: SlotName) {
    super("vault/wrong-passphrase", "the passphrase does not open this slot")
    this.slot = slot
  }
}
