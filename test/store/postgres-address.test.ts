import { expect, test } from "vitest";
import { openPostgres } from "../../src/store/postgres/open-postgres.ts";

test.each([
  "user:secret@host/db",
  "mysql://user:secret@host/db",
  "postgres://user:secret@:x/db",
  "postgres://user:secret%@host/db",
])("%s is no address of a database, and no message holds its password", async (url) => {
  await expect(openPostgres({ url })).rejects.toMatchObject({
    kind: "broken",
    message:
      "the address of the Postgres database: expected postgres://USER:PASSWORD@HOST/DATABASE, with % written as %25",
  });
});
