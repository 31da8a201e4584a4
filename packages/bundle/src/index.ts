export * from "./archive.ts"
export * from "./build.ts"
export * from "./lane-proofs.ts"
export * from "./layout.ts"
