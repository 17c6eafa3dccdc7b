// Says whether two folders with the built page are the same: `make lint` calls this.
//
// Compressed files count by what is in them: two processors may compress the same differently.

import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { brotliDecompressSync, gunzipSync } from "node:zlib";

const [one, other] = process.argv.slice(2);

/** The files of a folder, unpacked. */
async function unpacked(folder) {
  const files = new Map();
  for (const name of await readdir(folder)) {
    const content = await readFile(join(folder, name));
    if (name.endsWith(".br")) files.set(name, brotliDecompressSync(content));
    else files.set(name, name.endsWith(".gz") ? gunzipSync(content) : content);
  }
  return files;
}

const [built, kept] = [await unpacked(one), await unpacked(other)];
const names = [...new Set([...built.keys(), ...kept.keys()])].sort();
const different = names.filter((name) => {
  const [new_, old] = [built.get(name), kept.get(name)];
  return new_ === undefined || old === undefined || !new_.equals(old);
});
if (different.length > 0) {
  const told = different.join("\n");
  process.stderr.write(`The page was not built from web/ as it is: make web\n${told}\n`);
  process.exitCode = 1;
}
