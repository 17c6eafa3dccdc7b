// Runs the tests of the pure parts: bundled by esbuild, run by Node's own runner.

import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = join(dirname(fileURLToPath(import.meta.url)), "..");
const folder = await mkdtemp(join(tmpdir(), "page-tests-"));
try {
  const names = (await readdir(join(here, "tests"))).filter((one) => one.endsWith(".test.ts"));
  await build({
    absWorkingDir: here,
    entryPoints: names.map((one) => join("tests", one)),
    bundle: true,
    platform: "node",
    format: "esm",
    outdir: folder,
    outExtension: { ".js": ".mjs" },
    logLevel: "warning",
  });
  const files = (await readdir(folder)).map((one) => join(folder, one));
  await new Promise((done) => {
    const stream = run({ files, concurrency: true });
    stream.on("test:fail", () => {
      process.exitCode = 1;
    });
    stream.on("end", done);
    stream.compose(new spec()).pipe(process.stdout);
  });
} finally {
  await rm(folder, { recursive: true, force: true });
}
