/** Addresses as ZeroMQ writes them: `tcp://127.0.0.1:5557`, `tcp://[::1]:5557`. */

export type TcpAddress = { readonly host: string; readonly port: number };

const shape = /^tcp:\/\/(?:\[(?<six>[0-9a-fA-F:.]+)\]|(?<host>[^\s:/[\]]+)):(?<port>\d{1,5})$/;

/** Undefined if it is not one that can be connected to. */
export function parseTcpEndpoint(text: string): TcpAddress | undefined {
  const groups = shape.exec(text)?.groups;
  const host = groups?.["six"] ?? groups?.["host"];
  const port = Number(groups?.["port"]);
  return host === undefined || host === "*" || port < 1 || port > 65_535 ? undefined : { host, port };
}
