/** Random tests draw the same inputs each time, so that what is green stays green; `LUCK=2 vitest run` draws others. */

import { configureGlobal } from "fast-check";

configureGlobal({ seed: Number(process.env["LUCK"] ?? 1) });
