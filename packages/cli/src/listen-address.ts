import { AmcError } from "@amc/core"
import type { ListenAddress } from "@amc/studio"

/** A port alone. @throws {@link AmcError} `usage/invalid` */
export function portOption(text: string, name: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text)
  throw new AmcError("usage/invalid", `--${name} takes a port, such as 3212, or 0`)
}

/** A host and port of `--listen`, such as `127.0.0.1:8080` or `[::1]:0`. @throws {@link AmcError} `usage/invalid` */
export function listenAddress(text: string): ListenAddress {
  const [, ipv6, name, digits] =
    /^(?:\[([0-9a-fA-F:]+)\]|([A-Za-z0-9.-]+)):(\d{1,5})$/.exec(text) ?? []
  const host = ipv6 ?? name
  if (host !== undefined && Number(digits) <= 65_535) return { host, port: Number(digits) }
  throw new AmcError("usage/invalid", "--listen takes a host and a port", {
    hint: "for example --listen 127.0.0.1:8080",
  })
}
