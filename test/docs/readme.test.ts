/** README.md: its tour is run, command by command, and must show what it says; what it points at must be there. */

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';

const TOP = new URL('../../', import.meta.url).pathname;
const PAGES = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md'];

/** One command of the tour and the output that the README shows below it. */
interface Step {
  readonly command: string;
  readonly output: string;
}

it('shows in its tour what the commands really print', () => {
  const steps = readTour();
  expect(steps.length).toBeGreaterThan(10);
  const shown = runTour(steps);
  steps.forEach(({ command, output }, i) => {
    expect(masked(shown[i] ?? 'nothing: the tour ended early'), command).toBe(masked(output));
  });
});

it.each(PAGES)('points from %s only at files that are there', (page) => {
  const text = readFileSync(join(TOP, page), 'utf8');
  const targets = [...text.matchAll(/\]\((?!https?:)([^)#]+)[^)]*\)/g)].map(([, target = '']) => target);
  expect(targets.filter((target) => !existsSync(join(TOP, target)))).toEqual([]);
});

it('names in its two commands scripts that package.json has', () => {
  const { scripts } = JSON.parse(readFileSync(join(TOP, 'package.json'), 'utf8')) as {
    readonly scripts: Readonly<Record<string, string>>;
  };
  const readme = readFileSync(join(TOP, 'README.md'), 'utf8');
  expect(readme).toContain('npm install && npm run quickstart\n');
  expect(readme).toContain('npm install && npm test\n');
  expect(scripts).toHaveProperty('quickstart');
  expect(scripts).toHaveProperty('test');
});

/** The `console` blocks of the README: `$ ` begins a command, everything below it is its output. */
function readTour(): readonly Step[] {
  const readme = readFileSync(join(TOP, 'README.md'), 'utf8');
  const blocks = [...readme.matchAll(/^```console\n(.*?)^```$/gms)].map(([, block = '']) => block);
  return blocks
    .flatMap((block) => block.split(/^\$ /m).slice(1))
    .map((step) => {
      const end = step.indexOf('\n');
      return { command: step.slice(0, end), output: step.slice(end + 1) };
    });
}

const MARK = '@@ the next command @@';

/** Runs the commands in one shell, from the top of the repository, as a reader would. */
function runTour(steps: readonly Step[]): readonly string[] {
  const temporary = mkdtempSync(join(tmpdir(), 'nbak-test-readme-'));
  onTestFinished(() => rmSync(temporary, { recursive: true, force: true }));
  const script = steps.map(({ command }) => `echo '${MARK}'\n${command}\n`).join('');
  const { stdout } = spawnSync('bash', ['-c', `exec 2>&1\n${script}`], {
    cwd: TOP,
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], HOME: temporary, TMPDIR: temporary },
  });
  return stdout.split(`${MARK}\n`).slice(1);
}

/** Without what is another on every run and machine: ids, keys, times, sizes, host, owners, paths. */
function masked(text: string): string {
  return (
    text
      .replace(/nbakpub1\w+/g, 'KEY')
      .replace(/\b[0-9a-f]{2}\/(?=[0-9a-f]{64})/g, '')
      .replace(/\b(?:[0-9a-f]{64}|[0-9a-f]{32}|[0-9a-f]{8})\b/g, 'ID')
      .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
      .replace(/\d+\.\d s\b/g, 'SECONDS')
      .replace(/ +\d[\d.]* (?:B|KiB|MiB)/g, ' SIZE')
      .replace(/\d+ blobs?/g, 'BLOBS')
      // A file that is less than 2 s old is read again (DESIGN §6): it depends on how fast the tour runs.
      .replace(/\d+ unchanged/g, 'N unchanged')
      .replace(/^(TIME|ID .*SIZE) +\S+ +\S+\/state/gm, '$1 HOST PATH')
      .replace(/^([-dl])[rwx-]{9} \S+ \S+ +\d+/gm, '$1 MODE OWNER SIZE')
  );
}
