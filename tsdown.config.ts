import { defineConfig, type UserConfig } from "tsdown"

const common: UserConfig = {
  outDir: "packages/cli/dist",
  format: "esm",
  platform: "node",
  target: "node24",
  dts: false,
  noExternal: [/^(?!better-sqlite3|@node-rs\/argon2|koffi|sodium-native|undici)/],
  external: ["better-sqlite3", "@node-rs/argon2", "koffi", "sodium-native", "undici"],
  outExtensions: () => ({ js: ".js" }),
}

/** One folder with the program and the entries of its other processes; rooms and pure libraries are inlined. */
export default defineConfig([
  {
    ...common,
    clean: true,
    entry: {
      main: "packages/cli/src/main.ts",
      "recorder-worker": "packages/studio/src/recorder-worker.ts",
      "checkpoint-worker": "packages/studio/src/checkpoint-worker.ts",
      "notary-main": "packages/vault/src/notary-main.ts",
    },
    // The sandbox looks for its probe beside the program.
    copy: ["packages/sandbox/probe/amc-probe-linux-x64"],
  },
])
