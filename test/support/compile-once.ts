/**
 * Threads and programs that tests start read the same hundreds of files, stripped of their types and compiled, from where the first of
 * them left what it made of them. Else that is most of what they cost. Processes of tests themselves do not: each run names its test files
 * anew, and would leave a thousand more files there that nobody ever reads.
 */

import { join } from "node:path";

process.env["NODE_COMPILE_CACHE"] = join(import.meta.dirname, "../../node_modules/.cache/compiled");
