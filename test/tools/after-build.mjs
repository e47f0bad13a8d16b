// What tsc leaves to do: the program as a few files that Node loads in a third of the time, in dist/program.
import { execFileSync } from 'node:child_process';
import { chmodSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const root = fileURLToPath(new URL('../..', import.meta.url));
const directory = join(root, 'dist/program');
/** Stay packages: three have native parts, and the dictionaries are big and seldom needed. */
const EXTERNAL = ['better-sqlite3', 'koffi', 'zstd-napi', /^@zxcvbn-ts\//];

/** What loads all other files, with their code. */
const LOADER = 'code-cache';

/** Modules that become threads and processes: `new URL('./worker.js', import.meta.url)`. */
const startedByUrl = {
  name: 'started-by-url',
  async transform(code, importer) {
    let result = code;
    for (const [url, path] of code.matchAll(/new URL\('(\.[\w./-]*\.js)', import\.meta\.url\)/g)) {
      const { id } = await this.resolve(path, importer);
      const reference = this.emitFile({ type: 'chunk', id, name: path.replace(/.*\/|\.js$/g, '') });
      result = result.replace(url, `new URL(import.meta.ROLLUP_FILE_URL_${reference})`);
    }
    return result;
  },
};

const bundle = await rolldown({
  cwd: root,
  input: { nbak: 'dist/cli/main.js', [LOADER]: 'dist/cli/code-cache.js' },
  platform: 'node',
  external: EXTERNAL,
  // Modules where a package has both: what chooses at run time between ways to load cannot be followed.
  resolve: { mainFields: ['module', 'main'] },
  plugins: [startedByUrl],
});
const { output } = await bundle.write({
  dir: directory,
  cleanDir: true,
  // Node loads CommonJS faster: 15 ms of 50 when a command runs (Node 20).
  format: 'cjs',
  // A script with code has nothing that an `import()` could call.
  dynamicImportInCjs: false,
  entryFileNames: '[name].js',
  chunkFileNames: '[name].js',
});
await bundle.close();
writeFileSync(join(directory, 'package.json'), '{ "type": "commonjs" }\n');
writeFileSync(join(directory, 'LICENSES.txt'), licensesOf(output.flatMap(({ moduleIds }) => moduleIds)));
for (const { name } of output.filter(({ isEntry, name }) => isEntry && name !== LOADER)) startByLoader(name);
// For npm's bin link.
chmodSync(join(directory, 'nbak.js'), 0o755);
// Whatever the environment says of the user's repository, this is not about that.
const environment = Object.entries(process.env).filter(([variable]) => !variable.startsWith('NBAK_'));
execFileSync(process.execPath, [fileURLToPath(new URL('code-cache.mjs', import.meta.url))], {
  env: Object.fromEntries(environment),
  stdio: ['ignore', 'ignore', 'inherit'],
});

/** What Node starts itself, as a program, a process or a thread, is loaded by the loader, too. */
function startByLoader(name) {
  const file = join(directory, `${name}.js`);
  const [, hashbang, body] = /^(#!.*\n)?([^]*)$/.exec(readFileSync(file, 'utf8'));
  writeFileSync(join(directory, `${name}.main.js`), body);
  writeFileSync(
    file,
    `${hashbang ?? ''}module.exports = require('./${LOADER}.js').load('./${name}.main.js');\n`,
  );
}

/** The licenses of the packages whose code is in the bundle: each wants its text to go with it. */
function licensesOf(modules) {
  const found = modules.map((id) => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(id));
  const packages = new Map(found.filter((match) => match !== null).map(([path, name]) => [name, path]));
  return [...packages]
    .sort()
    .map(([name, path]) => {
      const file = readdirSync(path).find((each) => /^licen[cs]e/i.test(each));
      return `${name}\n\n${readFileSync(join(path, file), 'utf8').trim()}\n`;
    })
    .join(`\n${'-'.repeat(80)}\n\n`);
}
