// Times ONNX Runtime's CPU provider on one model with random or given input; prints one line of JSON.
//
// usage: node onnxruntime_bench.js MODULES MODEL BATCH THREADS SECONDS [TENSOR.pb...]
// MODULES is the folder with node_modules; tensors are those of the model's inputs, in its order.
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { createRequire } = require('node:module');
const { readTensor } = require('./tensor_proto.js');

const WARM_UP_RUNS = 3;
const MIN_REPETITIONS = 13; // as many as `godwit bench` makes

function fail(status, message) {
  process.stderr.write(`onnxruntime_bench: error: ${message.split('\n')[0]}\n`);
  process.exit(status);
}

// A field of /proc/self/status, such as VmRSS or VmHWM, in MiB.
function memoryMib(field) {
  const found = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(fs.readFileSync('/proc/self/status', 'utf8'));
  return found ? Number(found[1]) / 1024 : null;
}

function milliseconds(since) {
  return Number(process.hrtime.bigint() - since) / 1e6;
}

// Uniform in [-1, 1) and the same in every process (xorshift32).
function fillRandom(values) {
  let state = 20260101;
  for (let i = 0; i < values.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    values[i] = state / 2 ** 31;
  }
}

// The batch size takes the place of the first dimension; the model must fix the others.
function randomInput(ort, description, batch) {
  const { name, type, shape } = description;
  if (type !== 'float32') {
    fail(1, `input '${name}' is ${type}; only float32 inputs are timed`);
  }
  const dims = shape.map((dim, axis) => (axis === 0 ? batch : dim));
  if (typeof shape[0] === 'number' && shape[0] > 0 && shape[0] !== batch) {
    fail(1, `input '${name}' has a fixed batch of ${shape[0]}, expected ${batch}`);
  }
  if (dims.some((dim) => !Number.isInteger(dim) || dim <= 0)) {
    fail(1, `input '${name}' has shape ${JSON.stringify(shape)}; all dimensions but the first must be known`);
  }
  const values = new Float32Array(dims.reduce((product, dim) => product * dim, 1));
  fillRandom(values);
  return new ort.Tensor('float32', values, dims);
}

function summary(latencies) {
  const sorted = Float64Array.from(latencies).sort();
  const n = sorted.length;
  return {
    min: sorted[0],
    median: (sorted[(n - 1) >> 1] + sorted[n >> 1]) / 2,
    mean: sorted.reduce((sum, value) => sum + value, 0) / n,
    p90: sorted[Math.ceil(0.9 * n) - 1],
  };
}

async function main() {
  const [modules, model, batchText, threadsText, secondsText, ...files] = process.argv.slice(2);
  const [batch, threads, seconds] = [batchText, threadsText, secondsText].map(Number);
  if (!(batch >= 1 && threads >= 1 && seconds > 0)) {
    fail(2, 'usage: node onnxruntime_bench.js MODULES MODEL BATCH THREADS SECONDS [TENSOR.pb...]');
  }

  // Taken before the library is loaded: what node needs by itself is not the engine's.
  const bareMib = memoryMib('VmRSS');
  let ort;
  try {
    ort = createRequire(path.resolve(modules, 'package.json'))('onnxruntime-node');
  } catch (error) {
    fail(3, `onnxruntime-node cannot be loaded: ${error.message}`);
  }

  const creation = process.hrtime.bigint();
  const session = await ort.InferenceSession.create(model, {
    executionProviders: ['cpu'],
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    interOpNumThreads: 1,
    intraOpNumThreads: threads,
  });
  const loadMs = milliseconds(creation);

  const feeds = {};
  for (const file of files) {
    const { name, tensor } = readTensor(ort, file);
    feeds[name || session.inputNames[Object.keys(feeds).length]] = tensor;
  }
  for (const description of session.inputMetadata) {
    feeds[description.name] ??= randomInput(ort, description, batch);
  }
  for (let i = 0; i < WARM_UP_RUNS; i++) {
    await session.run(feeds);
  }
  const latencies = [];
  const start = process.hrtime.bigint();
  while (latencies.length < MIN_REPETITIONS || milliseconds(start) < seconds * 1e3) {
    const before = process.hrtime.bigint();
    await session.run(feeds);
    latencies.push(milliseconds(before));
  }

  const result = {
    engine: 'onnxruntime-node',
    version: ort.env.versions.node,
    node: process.version,
    model,
    batch,
    threads,
    repetitions: latencies.length,
    seconds: milliseconds(start) / 1e3,
    load_ms: loadMs,
    latency_ms: summary(latencies),
    memory_mib: { bare_node: bareMib, added: memoryMib('VmRSS') - bareMib, peak: memoryMib('VmHWM') },
  };
  process.stdout.write(`${JSON.stringify(result)}\n`);
}

main().catch((error) => fail(1, error.message));
