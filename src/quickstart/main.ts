/**
 * `npm run quickstart [-- DIR]`: shows what nbak does by running the real program, on a sample that it makes
 * or on a directory of the user's, in a temporary directory, and proves the outcome. Exit 0: every proof held.
 */

import { resolve } from 'node:path';
import { Narrator } from './narrator.js';
import { tell } from './story.js';
import { foreignSubject, sampleSubject } from './subject.js';
import { Workplace } from './workplace.js';

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  const [directory, ...rest] = args;
  if (rest.length > 0 || directory?.startsWith('-') === true) {
    process.stderr.write('usage: npm run quickstart [-- DIR]\n');
    return 2;
  }
  try {
    return await run(directory === undefined ? undefined : resolve(calledFrom(), directory));
  } catch (error) {
    process.stderr.write(`\nquickstart: ${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  }
}

async function run(directory: string | undefined): Promise<number> {
  const narrator = new Narrator();
  const foreign = directory === undefined ? undefined : foreignSubject(directory, narrator);
  const workplace = new Workplace(directory);
  let allHeld = false;
  const tidy = (): void => tidyUp(workplace, narrator, allHeld);
  process.once('SIGINT', () => {
    tidy();
    process.exit(130);
  });
  try {
    narrator.say(`\nEverything is written to ${workplace.root}`);
    const subject = foreign ?? (await sampleSubject(workplace, narrator));
    try {
      await tell(subject, workplace, narrator);
    } finally {
      await subject.close();
    }
    const { held, failed } = narrator.proofs;
    allHeld = failed === 0;
    narrator.say(summary(held, failed));
    return allHeld ? 0 : 1;
  } finally {
    tidy();
  }
}

function summary(held: number, failed: number): string {
  if (failed > 0) return `\n${failed} of ${held + failed} proofs FAILED.`;
  return (
    `\nAll ${held} proofs held: backed up while in use, verified without a secret, damage found and located,\n` +
    'restored and equal.'
  );
}

function tidyUp(workplace: Workplace, narrator: Narrator, allHeld: boolean): void {
  if (allHeld && process.env['KEEP'] !== '1') {
    workplace.remove();
    narrator.say('The temporary directory is removed; with KEEP=1 it stays.');
    return;
  }
  narrator.say(`\nLeft for you to look at, and to remove: ${workplace.root}`);
  narrator.say('  repository/  vault.key  public.key  damaged/  restored/');
}

/** npm runs scripts in the package's directory; the user means the one where npm was called. */
function calledFrom(): string {
  const { INIT_CWD: initial, npm_lifecycle_event: script } = process.env;
  return script === 'quickstart' && initial !== undefined ? initial : process.cwd();
}
