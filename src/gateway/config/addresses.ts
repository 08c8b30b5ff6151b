/** What an address tells: its origin, a name for its host, and whether only this machine can reach it. */

import { BlockList, isIP } from "node:net";

/** Without the slash and with the host in lower case; what is no address is left for the checks to refuse. */
export function toOrigin(url: string): string {
  return URL.canParse(url) ? new URL(url).origin : url;
}

/** An address as a name that may stand in ids. */
export function toHostName(address: string): string {
  return address.replaceAll(/[^A-Za-z0-9.-]/g, "-").replaceAll(/^[^A-Za-z0-9]+|[^A-Za-z0-9]+$/g, "") || "local";
}

const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8);
loopback.addAddress("::1", "ipv6");

/** `localhost`, 127.0.0.0/8 and ::1, with or without brackets. Every other name may lead anywhere. */
export function isLoopback(host: string): boolean {
  const address = host.replace(/^\[(.*)\]$/, "$1");
  const family = isIP(address);
  return family === 0 ? address.toLowerCase() === "localhost" : loopback.check(address, family === 4 ? "ipv4" : "ipv6");
}
