import { existsSync, mkdirSync, writeFileSync } from "node:fs"
import path from "node:path"
import { inBox } from "./spec.ts"

/** Parts of the host's `/etc` that programs need and that say nothing about the host's users. */
export const sharedEtc = [
  "/etc/alternatives",
  "/etc/ssl/certs",
  "/etc/ld.so.cache",
  "/etc/localtime",
  "/etc/mime.types",
] as const

const folders = new Set<string>(["/etc/alternatives", "/etc/ssl/certs"])

/** Those of them that are folders, and are here. */
export function sharedEtcFolders(): readonly string[] {
  return [...folders].filter((folder) => existsSync(folder))
}

/**
 * Makes the box's `/etc` as a folder of the host, with empty places for what is mounted into it.
 *
 * Its `resolv.conf` is empty: nothing in the box can be resolved but what `hosts` says.
 */
export function makeEtc(folder: string, user: { uid: number; gid: number }): void {
  mkdirSync(folder, { mode: 0o755 })
  const files: Record<string, string> = {
    passwd: `root:x:0:0:root:/:/usr/sbin/nologin\nagent:x:${user.uid}:${user.gid}:agent:${inBox.home}:/bin/sh\n`,
    group: `root:x:0:\nagent:x:${user.gid}:\n`,
    hosts: "127.0.0.1 localhost sandbox\n::1 localhost\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
    hostname: "",
    // Engines mount one of their own here unless they are given another.
    "resolv.conf": "",
  }
  for (const [name, text] of Object.entries(files))
    writeFileSync(path.join(folder, name), text, { mode: 0o644 })
  for (const shared of sharedEtc) makePlace(folder, shared)
}

function makePlace(folder: string, shared: string): void {
  const place = path.join(folder, path.relative("/etc", shared))
  mkdirSync(folders.has(shared) ? place : path.dirname(place), { recursive: true, mode: 0o755 })
  if (!folders.has(shared)) writeFileSync(place, "", { mode: 0o644 })
}
