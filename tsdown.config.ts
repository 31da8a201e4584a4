import { defineConfig, type UserConfig } from "tsdown"
import { writeVerifyPage } from "./scripts/verify-page.ts"

const verifier = "packages/verifier/dist"

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
  {
    ...common,
    clean: true,
    outDir: verifier,
    entry: { "amc-verify": "packages/verifier/src/amc-verify-main.ts" },
    noExternal: [/^/],
    external: [],
  },
  {
    ...common,
    outDir: `${verifier}/page`,
    entry: { page: "packages/verifier/src/page-main.ts" },
    platform: "browser",
    target: "es2024",
    format: "iife",
    minify: true,
    noExternal: [/^/],
    external: [],
    onSuccess: () => writeVerifyPage(`${verifier}/page/page.iife.js`, `${verifier}/verify.html`),
  },
])
