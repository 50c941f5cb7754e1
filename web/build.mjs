// Builds the dashboard's page into the Python package: node web/build.mjs. Nothing of it is committed.
import { build } from "esbuild";
import { copyFile, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const web = dirname(fileURLToPath(import.meta.url));
const root = dirname(web);
const page = join(root, "colearn_ledger", "dashboard", "page");

await rm(page, { recursive: true, force: true });
await mkdir(page, { recursive: true });
await build({
  entryPoints: [join(web, "src", "app.tsx")],
  outfile: join(page, "app.js"),
  absWorkingDir: root,
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  jsx: "automatic",
  jsxImportSource: "preact",
  logLevel: "warning",
});
for (const name of ["index.html", "icon.svg"]) await copyFile(join(web, name), join(page, name));
// What is inside app.js and app.css besides this project's code, as its licences want it.
const licences = [];
for (const name of ["preact", "uplot"]) {
  const folder = join(root, "node_modules", name);
  const { version } = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
  licences.push(`${name} ${version}\n\n${await readFile(join(folder, "LICENSE"), "utf8")}`);
}
await writeFile(join(page, "licences.txt"), licences.join("\n\n"));
