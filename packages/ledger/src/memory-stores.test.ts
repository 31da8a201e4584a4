import {
  blobStoreContract,
  eventStoreContract,
  MemoryBlobStore,
  MemoryEventStore,
  MemoryTileStore,
  tileStoreContract,
} from "@amc/testkit"

eventStoreContract("memory", async () => {
  const blobs = new MemoryBlobStore()
  const store = new MemoryEventStore(blobs)
  return {
    open: async () => store.reopened(),
    openBlobs: async () => blobs,
    remove: async () => undefined,
  }
})

blobStoreContract("memory", async () => {
  const store = new MemoryBlobStore()
  return {
    open: async () => store,
    remove: async () => undefined,
    damage: async (sha256) => store.keep(sha256, Uint8Array.of(1)),
  }
})

tileStoreContract("memory", async () => {
  const store = new MemoryTileStore()
  return { open: async () => store, remove: async () => undefined }
})
