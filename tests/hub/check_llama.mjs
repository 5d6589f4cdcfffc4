// Whether llama.cpp loads what `gptc export --to gguf` writes: the same ids of texts, and the same greedy tokens.
//
//     npm install node-llama-cpp            (anywhere; GPTC_NODE_MODULES names its node_modules)
//     GPTC_NODE_MODULES=DIR/node_modules node tests/hub/check_llama.mjs build/release/bin/gptc
//
// Checks the small folder of tests/golden/hub whose next token is never a near thing, in every type, and a model and a
// vocabulary that gptc learns on the spot. Without node-llama-cpp it says that it is skipped, and its exit code is 77.
import {execFileSync} from "node:child_process";
import {mkdtempSync, readFileSync, rmSync, writeFileSync} from "node:fs";
import {createRequire} from "node:module";
import {tmpdir} from "node:os";
import {dirname, join, resolve} from "node:path";
import {fileURLToPath, pathToFileURL} from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const gptc = resolve(process.argv[2]);
const greedyTokens = 32;

async function loadLibrary() {
  const modules = process.env.GPTC_NODE_MODULES;
  try {
    if (!modules) return await import("node-llama-cpp");
    return await import(pathToFileURL(createRequire(join(modules, "x.js")).resolve("node-llama-cpp")).href);
  } catch (error) {
    console.log(`skipped: ${error.message.split("\n")[0]}; name a node_modules with node-llama-cpp by GPTC_NODE_MODULES`);
    process.exit(77);
  }
}

function run(...args) {
  return execFileSync(gptc, args.map(String), {encoding: "utf8", stdio: ["ignore", "pipe", "inherit"]});
}

function expectEqual(got, wanted, what) {
  if (JSON.stringify(got) !== JSON.stringify(wanted))
    throw new Error(`${what}:\n  got    ${JSON.stringify(got)}\n  wanted ${JSON.stringify(wanted)}`);
  console.log(`${what}: agrees`);
}

function idsOf(model, text) {
  const ids = execFileSync(gptc, ["tokenizer", "encode", "--tokenizer", model], {input: text, encoding: "utf8"});
  return ids.split(/\s+/).filter(Boolean).map(Number);
}

async function greedy(model, ids) {
  const context = await model.createContext(
    {contextSize: model.trainContextSize, threads: 1, experimentalKvCacheKeyType: "F32", experimentalKvCacheValueType: "F32"});
  const tokens = [];
  for await (const token of context.getSequence().evaluate(ids, {temperature: 0, yieldEogToken: true})) {
    tokens.push(token);
    if (tokens.length === greedyTokens) break;
  }
  await context.dispose();
  return tokens;
}

async function checkFixture(llama, out) {
  const folder = join(root, "tests/golden/hub/with_tokenizer");
  const expected = JSON.parse(readFileSync(join(folder, "expected.json"), "utf8"));
  for (const type of ["f32", "f16", "bf16", "q8_0", "q4_0"]) {
    const file = join(out, `${type}.gguf`);
    run("export", "-q", "--model", folder, "--to", "gguf", "--dtype", type, "--out", file);
    const model = await llama.loadModel({modelPath: file});
    const ids = expected.ids.slice(0, expected.tokens);
    expectEqual([...model.tokenize(expected.prompt)], ids, `${type}: ids of the prompt`);
    // Four bits move so small a model's choices.
    if (type !== "q4_0")
      expectEqual(await greedy(model, ids), expected.ids.slice(expected.tokens), `${type}: ${greedyTokens} greedy tokens`);
    await model.dispose();
  }
}

async function checkTrained(llama, out) {
  const text = join(out, "text.txt");
  const corpus = readFileSync(join(root, "tests/tokenizer/learn_corpus.txt"), "utf8");
  const ships = Array.from({length: 400}, (_, i) => `The ship ${i} sailed; the whale swam away, again and again.\n`);
  writeFileSync(text, ships.join(""));
  const words = join(out, "words"), folder = join(out, "run"), file = join(out, "run.gguf");
  run("tokenizer", "learn", "-q", "--in", text, "--vocab-size", 400, "--out", words);
  run("train", "-q", "--model", "gpt2-nano", "--data", text, "--tokenizer", words, "--out", folder, "--set", "n_embd=64",
      "--set", "context=64", "--set", "tie_head=false", "--set", "qkv_bias=false", "--batch", 4, "--max-steps", 100,
      "--lr", "3e-3");
  run("export", "-q", "--model", folder, "--to", "gguf", "--out", file);
  const model = await llama.loadModel({modelPath: file});
  for (const sample of ["The ship", corpus.slice(0, 4000), "  two  spaces\n\n\tand 12345 it's we'll\u00e9\u4e2d\u{1f600}"])
    expectEqual([...model.tokenize(sample)], idsOf(folder, sample), `learned vocabulary: ids of ${sample.length} characters`);
  const prompt = "The ship";
  const tokens = await greedy(model, idsOf(folder, prompt));
  const ours = run("generate", "-q", "--model", folder, "-p", prompt, "-n", greedyTokens, "--temperature", 0, "--ignore-eos");
  const theirs = execFileSync(gptc, ["tokenizer", "decode", "--tokenizer", folder], {input: tokens.join(" "), encoding: "utf8"});
  expectEqual(prompt + theirs + "\n", ours, `trained here: ${greedyTokens} greedy tokens`);
  await model.dispose();
}

const {getLlama, LlamaLogLevel} = await loadLibrary();
const out = mkdtempSync(join(tmpdir(), "gptc-llama-"));
try {
  const llama = await getLlama({gpu: false, build: "never", logLevel: LlamaLogLevel.error, progressLogs: false});
  await checkFixture(llama, out);
  await checkTrained(llama, out);
  await llama.dispose();
} finally {
  rmSync(out, {recursive: true, force: true});
}
