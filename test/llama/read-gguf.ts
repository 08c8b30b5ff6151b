/** Reads a GGUF file by the format's description and not by the code that writes it. */

export type ReadGguf = {
  readonly metadata: ReadonlyMap<string, unknown>;
  readonly tensors: readonly ReadTensor[];
  /** Where the tensors begin. */
  readonly start: number;
  readonly row: (tensor: string, row: number) => readonly number[];
};

export type ReadTensor = {
  readonly name: string;
  readonly dimensions: readonly number[];
  readonly type: number;
  readonly offset: number;
  readonly bytes: number;
};

export function readGguf(file: Uint8Array): ReadGguf {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  let at = 0;
  const step = (bytes: number): number => (at += bytes) - bytes;
  const u32 = (): number => view.getUint32(step(4), true);
  const u64 = (): number => Number(view.getBigUint64(step(8), true));
  const text = (): string => {
    const length = u64();
    return Buffer.from(file.subarray(step(length), at)).toString("utf8");
  };
  const value = (type: number): unknown => {
    if (type === 4) return u32();
    if (type === 5) return view.getInt32(step(4), true);
    if (type === 6) return view.getFloat32(step(4), true);
    if (type === 7) return view.getUint8(step(1)) === 1;
    if (type === 8) return text();
    if (type !== 9) throw new Error(`type ${type} at ${at}`);
    const inner = u32();
    return Array.from({ length: u64() }, () => value(inner));
  };
  if (Buffer.from(file.subarray(step(4), at)).toString("latin1") !== "GGUF" || u32() !== 3)
    throw new Error("no GGUF 3");
  const tensorCount = u64();
  const metadata = new Map(Array.from({ length: u64() }, () => [text(), value(u32())] as const));
  const tensors = Array.from({ length: tensorCount }, (): ReadTensor => {
    const name = text();
    const dimensions = Array.from({ length: u32() }, u64);
    const type = u32();
    const elements = dimensions.reduce((product, length) => product * length, 1);
    return { name, dimensions, type, offset: u64(), bytes: elements * bytesPerElement(type) };
  });
  const start = Math.ceil(at / 32) * 32;
  const row = (name: string, index: number): readonly number[] => {
    const tensor = tensors.find((each) => each.name === name);
    if (tensor === undefined) throw new Error(`no tensor ${name}`);
    const columns = tensor.dimensions[0] ?? 0;
    const from = start + tensor.offset + index * columns * bytesPerElement(tensor.type);
    return Array.from({ length: columns }, (_, column) => readElement(view, tensor.type, from, column));
  };
  return { metadata, tensors, start, row };
}

function bytesPerElement(type: number): number {
  const bytes = new Map([
    [0, 4],
    [1, 2],
    [8, 34 / 32],
  ]).get(type);
  if (bytes === undefined) throw new Error(`tensor of type ${type}`);
  return bytes;
}

function readElement(view: DataView, type: number, from: number, column: number): number {
  if (type === 0) return view.getFloat32(from + column * 4, true);
  if (type === 1) return half(view.getUint16(from + column * 2, true));
  const block = from + Math.floor(column / 32) * 34;
  // As the writer rounds a product to 32 bits, so does the reader.
  return Math.fround(half(view.getUint16(block, true)) * view.getInt8(block + 2 + (column % 32)));
}

function half(bits: number): number {
  const exponent = (bits >>> 10) & 0x1f;
  const fraction = (bits & 0x3ff) / 1024;
  const magnitude = exponent === 0 ? fraction * 2 ** -14 : (1 + fraction) * 2 ** (exponent - 15);
  return bits & 0x8000 ? -magnitude : magnitude;
}
