import { testAtLength } from "../support/conformance-at-length.ts";

testAtLength(1);
