/** Worlds under faults obey every law, and one seed is one world, to the byte. */

import { expect, test } from "vitest";
import { allFaultKinds } from "../../src/torture/faults.ts";
import { torture } from "../../src/torture/torture.ts";

test.each([1, 3])("whatever goes wrong, every law holds with %i gateways", async (gateways) => {
  const seed = 1;
  const { violations, accepted, faults } = await torture({ seed, gateways });
  expect(violations, `fate torture --seed ${seed} --gateways ${gateways} --trace`).toEqual([]);
  expect(accepted).toBeGreaterThan(0);
  expect(faults.size).toBeGreaterThan(5);
});

test("one seed is one world, to the byte, and another seed is another", async () => {
  const lived = async (seed: number): Promise<readonly [string, string]> => {
    let text = "";
    const { hash } = await torture({ seed, gateways: 2, tell: (line) => void (text += line) });
    return [hash, text];
  };
  const [first, again, other] = [await lived(4), await lived(4), await lived(5)];
  expect(again).toEqual(first);
  expect(other[0]).not.toBe(first[0]);
});

test("a world without faults has none, and all that it takes in ends", async () => {
  const { violations, faults, accepted } = await torture({ seed: 1, gateways: 2, off: new Set(allFaultKinds) });
  expect(violations).toEqual([]);
  expect(faults.size).toBe(0);
  expect(accepted).toBeGreaterThan(10);
});
