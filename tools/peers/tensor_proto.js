// Reads an ONNX TensorProto (a .pb file of a test data set) as a tensor of ONNX Runtime.
'use strict';

const fs = require('node:fs');

// ONNX's number of an element type: ONNX Runtime's name of it, and the array that holds it.
const TYPES = {
  1: ['float32', Float32Array],
  2: ['uint8', Uint8Array],
  3: ['int8', Int8Array],
  6: ['int32', Int32Array],
  7: ['int64', BigInt64Array],
  9: ['bool', Uint8Array],
  10: ['float16', Uint16Array],
  11: ['float64', Float64Array],
};

// The fields of one message: [number, value], a value being a whole number or the bytes of a nested field.
function* fields(bytes) {
  let at = 0;
  const varint = () => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      if (at >= bytes.length) throw new Error('it ends inside a number');
      const byte = bytes[at++];
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return BigInt.asIntN(64, value);
    }
    throw new Error('it holds a number of over 64 bits');
  };
  const take = (length) => {
    if (length < 0 || length > bytes.length - at) throw new Error('it ends inside a field');
    at += length;
    return bytes.subarray(at - length, at);
  };
  while (at < bytes.length) {
    const key = Number(varint());
    const wire = key & 7;
    if (wire === 0) yield [key >> 3, varint()];
    else if (wire === 1) yield [key >> 3, take(8)];
    else if (wire === 2) yield [key >> 3, take(Number(varint()))];
    else if (wire === 5) yield [key >> 3, take(4)];
    else throw new Error(`it holds a field of unknown kind ${wire}`);
  }
}

// Numbers of a repeated field, packed or one by one.
function* numbers(value) {
  if (typeof value === 'bigint') {
    yield value;
    return;
  }
  // Each packed number is given the key of a field, so that one reader knows both forms.
  let at = 0;
  while (at < value.length) {
    let end = at;
    while (end < value.length && value[end] >= 128) end++;
    const [[, number]] = fields(Buffer.concat([Buffer.from([8]), value.subarray(at, end + 1)]));
    yield number;
    at = end + 1;
  }
}

// {name, tensor} of a file; its data must lie in raw_data or, for float32, in float_data.
function readTensor(ort, file) {
  const dims = [];
  let type = 0;
  let name = '';
  let data = null;
  for (const [number, value] of fields(fs.readFileSync(file))) {
    if (number === 1) dims.push(...Array.from(numbers(value), Number));
    else if (number === 2) type = Number(value);
    else if (number === 8) name = value.toString('utf8');
    else if (number === 4 || number === 9) data = value;
  }
  if (!(type in TYPES)) throw new Error(`${file}: element type ${type} is not read here`);
  const [typeName, TypedArray] = TYPES[type];
  const count = dims.reduce((product, dim) => product * dim, 1);
  if (!data || data.length !== count * TypedArray.BYTES_PER_ELEMENT) {
    throw new Error(`${file}: no raw data of shape ${JSON.stringify(dims)}`);
  }
  const own = new Uint8Array(data);
  return { name, tensor: new ort.Tensor(typeName, new TypedArray(own.buffer, 0, count), dims) };
}

module.exports = { readTensor };
