/** `/v1/workflows` on a real socket, over the scripted driver. The tenant is whatever the key says. */

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createDeclared, type Declared, type DeclaredOptions } from "../../../src/gateway/declared/routes.ts";

export type Served = AsyncDisposable & {
  readonly url: string;
  readonly declared: Declared;
  readonly cutAll: () => void;
};

export async function serve(options: DeclaredOptions, port = 0): Promise<Served> {
  const declared = createDeclared(options);
  const server = createServer((request, response) => {
    const pieces: Buffer[] = [];
    const gone = new AbortController();
    response.once("close", () => gone.abort());
    request.on("data", (piece: Buffer) => void pieces.push(piece));
    request.on("end", () => {
      const { method = "", url: path = "", headers } = request;
      const tenant = headers.authorization?.slice("Bearer ".length) ?? "t";
      const asked = { method, path, headers, body: Buffer.concat(pieces), tenant, signal: gone.signal };
      void declared.handle(asked, response);
    });
  });
  await new Promise<void>((resolve) => void server.listen(port, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    declared,
    cutAll: () => server.closeAllConnections(),
    [Symbol.asyncDispose]: async () => {
      await declared[Symbol.asyncDispose]();
      server.closeAllConnections();
      await new Promise((resolve) => void server.close(resolve));
    },
  };
}
