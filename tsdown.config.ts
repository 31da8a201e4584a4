import { defineConfig } from "tsdown"

/** One folder with the program and the entries of its other processes; rooms and pure libraries are inlined. */
export default defineConfig({
  entry: {
    main: "packages/cli/src/main.ts",
    "recorder-worker": "packages/studio/src/recorder-worker.ts",
    "notary-main": "packages/vault/src/notary-main.ts",
    "probe-main": "packages/sandbox/src/probe-main.ts",
  },
  outDir: "packages/cli/dist",
  format: "esm",
  platform: "node",
  target: "node24",
  dts: false,
  clean: true,
  noExternal: [/^(?!better-sqlite3|@node-rs\/argon2|undici)/],
  external: ["better-sqlite3", "@node-rs/argon2", "undici"],
  outExtensions: () => ({ js: ".js" }),
})
