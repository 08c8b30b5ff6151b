/**
 * Random weights. Each is a whole number from -127 to 127 times a scale of its matrix, so that one seed gives one model
 * whatever the format: exactly equal in 32 bits and in blocks of 8, and rounded in 16.
 */

import type { Rng } from "../random/rng.ts";
import { outputName, type Tensor, type WeightFormat } from "./shape.ts";
import { isSpoken } from "./vocabulary.ts";

const blockLevels = 32;

/** Writes the tensor's bytes at the view's beginning. */
export function fillTensor(view: DataView, tensor: Tensor, format: WeightFormat, rng: Rng): void {
  const { columns, rows, name } = tensor;
  if (rows === undefined) {
    for (let column = 0; column < columns; column++) view.setFloat32(column * 4, 1, true);
    return;
  }
  const levels = drawLevels(rng.stream(name), columns * rows);
  if (name === outputName) silence(levels, columns, rows);
  // Variance 1 over a row's length keeps a token's vector as long as it came. The scale is one that 16 bits hold exactly.
  const scale = fromHalf(toHalf(Math.sqrt(3 / columns) / 127));
  if (format === "f32") for (const [index, level] of levels.entries()) view.setFloat32(index * 4, level * scale, true);
  else if (format === "f16") writeHalves(view, levels, scale);
  else writeBlocks(view, levels, scale);
}

/** Four levels a draw. */
function drawLevels(rng: Rng, count: number): Int8Array {
  const levels = new Int8Array(count);
  for (let index = 0; index < count; index += 4) {
    const draw = rng.below(2 ** 32);
    for (let part = 0; part < 4 && index + part < count; part++)
      levels[index + part] = Math.max(-127, ((draw >>> (8 * part)) & 0xff) - 128);
  }
  return levels;
}

/** A row of zeros has the logit 0, and of the others one is above that. */
function silence(levels: Int8Array, columns: number, rows: number): void {
  for (let row = 0; row < rows; row++) if (!isSpoken(row)) levels.fill(0, row * columns, (row + 1) * columns);
}

function writeHalves(view: DataView, levels: Int8Array, scale: number): void {
  const halves = Uint16Array.from({ length: 256 }, (_, index) => toHalf((index - 128) * scale));
  for (const [index, level] of levels.entries()) view.setUint16(index * 2, halves[level + 128] ?? 0, true);
}

/** `q8_0`: a scale of 16 bits and 32 levels of 8. */
function writeBlocks(view: DataView, levels: Int8Array, scale: number): void {
  const half = toHalf(scale);
  let at = 0;
  for (const [index, level] of levels.entries()) {
    if (index % blockLevels === 0) {
      view.setUint16(at, half, true);
      at += 2;
    }
    view.setInt8(at++, level);
  }
}

/** Nearest 16-bit float, ties away from zero, for magnitudes from 2^-24 to 1: all that is needed here. */
export function toHalf(value: number): number {
  const sign = value < 0 ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  if (magnitude < 2 ** -14) return sign | Math.round(magnitude * 2 ** 24);
  const exponent = Math.floor(Math.log2(magnitude));
  // A mantissa that rounds up to 1024 carries into the exponent, as it should.
  return sign | (((exponent + 15) << 10) + Math.round((magnitude / 2 ** exponent - 1) * 1024));
}

export function fromHalf(bits: number): number {
  const exponent = (bits >>> 10) & 0x1f;
  const mantissa = bits & 0x3ff;
  const magnitude = exponent === 0 ? mantissa * 2 ** -24 : (1 + mantissa / 1024) * 2 ** (exponent - 15);
  return bits >= 0x8000 ? -magnitude : magnitude;
}
