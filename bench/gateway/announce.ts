/** Loaded before somebody else's server: binds it to a free port of the loopback interface, and says which. */

import { Server, type AddressInfo } from "node:net";

// oxlint-disable-next-line typescript/unbound-method -- it is called with its server below
const { listen } = Server.prototype;
Server.prototype.listen = function announced(this: Server) {
  this.once("listening", () => process.stdout.write(`listening ${(this.address() as AddressInfo).port}\n`));
  return listen.call(this, { host: "127.0.0.1", port: 0, backlog: 4096 });
} as typeof listen;
