import { BlockList, isIP } from "node:net"
import { AmcError } from "@amc/core"
import type { ListenAddress } from "@amc/studio"
import { listenAddress } from "./listen-address.ts"

const own = new BlockList()
own.addSubnet("127.0.0.0", 8, "ipv4")
own.addAddress("::1", "ipv6")

/**
 * An address of `--listen` that this machine alone reaches; any address where the owner says that the network
 * is one to be open in. @throws {@link AmcError} `usage/invalid`
 */
export function ownAddress(text: string, isOpen: boolean): ListenAddress {
  const { host: named, port } = listenAddress(text)
  const host = named === "localhost" ? "127.0.0.1" : named
  const family = isIP(host)
  if (family !== 0 && (isOpen || own.check(host, family === 6 ? "ipv6" : "ipv4")))
    return { host, port }
  throw new AmcError("usage/invalid", "--listen takes an address that this machine alone reaches", {
    hint: "for example 127.0.0.1:3210; agents elsewhere come through a tunnel or a TLS proxy, those of a container network by --plain-network",
  })
}
