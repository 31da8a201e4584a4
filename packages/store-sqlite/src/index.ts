export { FileBlobStore } from "./file-blob-store.ts"
export * from "./lane-lock.ts"
export * from "./sqlite-ledger.ts"
