import {
  blobStoreContract,
  eventStoreContract,
  MemoryBlobStore,
  MemoryEventStore,
} from "@amc/testkit"

eventStoreContract("memory", async () => {
  const store = new MemoryEventStore()
  return { open: async () => store, remove: async () => undefined }
})

blobStoreContract("memory", async () => {
  const store = new MemoryBlobStore()
  return {
    open: async () => store,
    remove: async () => undefined,
    damage: async (sha256) => store.keep(sha256, Uint8Array.of(1)),
  }
})
