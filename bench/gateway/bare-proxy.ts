/** The least that a proxy of Node does: node:http in front, undici behind, nothing looked at. Argument: the upstream's port. */

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Pool } from "undici";

const pool = new Pool(`http://127.0.0.1:${process.argv[2]}`, { connections: 1200 });

const server = createServer((request, response) => {
  const { host: _host, connection: _connection, ...headers } = request.headers;
  pool.stream(
    { path: request.url ?? "/", method: "POST", headers, body: request },
    ({ statusCode, headers: { connection: _gone, "keep-alive": _too, "transfer-encoding": _framing, ...rest } }) =>
      response.writeHead(statusCode, rest),
    (error) => {
      if (error !== null) response.destroy(error);
    },
  );
});
server.listen({ host: "127.0.0.1", port: 0, backlog: 4096 }, () => {
  process.stdout.write(`listening ${(server.address() as AddressInfo).port}\n`);
});
