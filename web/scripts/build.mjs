// Builds the page: `make web` calls this with the folder that the service serves it from.
//
// The same sources give the same bytes on every machine, so `make lint` can see whether what is in
// the repository was built from them.

import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { build } from "esbuild";
import { world } from "./world.mjs";

const here = join(dirname(fileURLToPath(import.meta.url)), "..");
const target = process.argv[2];
const find = createRequire(import.meta.url).resolve;

const COMMON = {
  absWorkingDir: here,
  bundle: true,
  format: "esm",
  minify: true,
  metafile: true,
  write: false,
  target: ["es2022"],
  outdir: "/",
  entryNames: "[name]-[hash]",
  chunkNames: "[name]-[hash]",
  assetNames: "[name]-[hash]",
  publicPath: "/page",
  legalComments: "none",
};

async function main() {
  const files = new Map();
  const packages = new Set();
  const bundle = async (options) => {
    const result = await build({ ...COMMON, ...options });
    for (const file of result.outputFiles) files.set(basename(file.path), file.contents);
    for (const input of Object.keys(result.metafile.inputs)) {
      const found = input.match(/node_modules\/((?:@[^/]+\/)?[^/]+)\//);
      if (found) packages.add(found[1]);
    }
    return result.metafile.outputs;
  };

  const worker = await bundle({
    entryPoints: { "map-worker": find("maplibre-gl/dist/maplibre-gl-worker.mjs") },
  });
  const near = await worldFile("50m", 1e5);
  const far = await worldFile("110m", 1e4);
  for (const [name, text] of [near, far]) files.set(name, Buffer.from(text));
  const outputs = await bundle({
    entryPoints: { page: "src/main.tsx" },
    splitting: true,
    jsx: "automatic",
    jsxImportSource: "preact",
    loader: { ".woff2": "file" },
    define: {
      MAP_WORKER: JSON.stringify(`/page/${nameIn(worker, "map-worker")}`),
      WORLD_FAR: JSON.stringify(`/page/${far[0]}`),
      WORLD_NEAR: JSON.stringify(`/page/${near[0]}`),
    },
  });
  files.set("index.html", Buffer.from(await index(outputs)));
  files.set("LICENSES.txt", Buffer.from(await licences(packages)));
  await write(files);
}

/** The world in this resolution, with its digest in the file's name. */
async function worldFile(resolution, grid) {
  const text = await world(dirname(find("world-atlas/package.json")), resolution, grid);
  const { createHash } = await import("node:crypto");
  const digest = createHash("sha256").update(text).digest("hex").slice(0, 8).toUpperCase();
  return [`world-${resolution}-${digest}.json`, text];
}

function nameIn(outputs, entry) {
  const found = Object.keys(outputs).map((path) => basename(path));
  return found.find((name) => name.startsWith(`${entry}-`) && name.endsWith(".js"));
}

/** The page itself, with the names of what it needs at once. */
async function index(outputs) {
  const names = Object.keys(outputs).map((path) => basename(path));
  const named = (start, end) => {
    const found = names.find((one) => one.startsWith(start) && one.endsWith(end));
    if (found === undefined) throw new Error(`no file ${start}…${end} was built`);
    return found;
  };
  const text = await readFile(join(here, "src/index.html"), "utf8");
  return text
    .replaceAll("{script}", named("page-", ".js"))
    .replaceAll("{style}", named("page-", ".css"))
    .replaceAll("{map}", named("view-", ".js"))
    .replaceAll("{font}", named("inter-", ".woff2"));
}

/** The licence of every package that is in the built files. */
async function licences(packages) {
  const parts = [];
  for (const name of [...packages, "world-atlas"].sort()) {
    const folder = join(here, "node_modules", name);
    const about = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
    const file = (await readdir(folder)).find((one) => /^licen[cs]e/i.test(one));
    const text = file ? await readFile(join(folder, file), "utf8") : "";
    parts.push(`${name} ${about.version} (${about.license})\n\n${text.trim()}\n`);
  }
  return parts.join(`\n${"-".repeat(80)}\n\n`);
}

async function write(files) {
  await rm(target, { recursive: true, force: true });
  await mkdir(target, { recursive: true });
  for (const [name, content] of files) {
    await writeFile(join(target, name), content);
    if (name.endsWith(".woff2")) continue; // it is compressed already
    // A browser asks for brotli only over TLS.
    const params = { [constants.BROTLI_PARAM_SIZE_HINT]: content.length };
    await writeFile(join(target, `${name}.br`), brotliCompressSync(content, { params }));
    await writeFile(join(target, `${name}.gz`), gzipSync(content, { level: 9 }));
  }
}

await main();
