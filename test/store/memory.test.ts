import { openMemory } from "./memory-world.ts";
import { holdToContract } from "./store-conformance.ts";

holdToContract(openMemory);
