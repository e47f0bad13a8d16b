/** The story: keys, repository, backup, a check without secrets, a damaged copy, and a restore proved equal. */

import { writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { compareTrees } from './compare.js';
import { copyWithOneBitFlipped } from './flip-bit.js';
import { some, type Narrator } from './narrator.js';
import { Program } from './program.js';
import type { Subject } from './subject.js';
import { pathText, stampTree } from './tree.js';
import type { Workplace } from './workplace.js';

/** Exit codes of DESIGN §10 that the story meets. */
const DONE = 0;
const INCOMPLETE = 3;
const CORRUPT = 20;

/** What the chapters share. */
interface Stage {
  readonly subject: Subject;
  readonly workplace: Workplace;
  readonly narrator: Narrator;
  readonly program: Program;
}

/**
 * Tells it to the end, or to the first command that fails.
 *
 * @throws Error when a command fails that the rest depends on.
 */
export async function tell(subject: Subject, workplace: Workplace, narrator: Narrator): Promise<void> {
  const stage: Stage = { subject, workplace, narrator, program: new Program(workplace.root, narrator) };
  await makeRepository(stage);
  const before = stampTree(subject.directory);
  await backUp(stage);
  await verifyWithoutSecrets(stage);
  await damageCopy(stage);
  await restore(stage);
  await proveEqual(stage, before);
}

async function makeRepository({ narrator, program, workplace }: Stage): Promise<void> {
  narrator.chapter('A vault key and a repository');
  mustEnd(DONE, (await program.show('key', 'generate', '--out', 'vault.key')).code);
  const init = await program.show('init', '-r', 'repository', '--vault-key-file', 'vault.key');
  mustEnd(DONE, init.code);
  const [publicKey] = /nbakpub1\w+/.exec(init.stdout) ?? [];
  writeFileSync(workplace.path('public.key'), `${publicKey ?? ''}\n`);
  narrator.explain('The verification key goes to the file public.key. It is no secret.');
}

async function backUp({ subject, narrator, program }: Stage): Promise<void> {
  narrator.chapter(subject.isForeign ? 'A backup' : 'A backup, while the other process writes');
  const keys = ['-r', 'repository', '--vault-key-file', 'vault.key'];
  const whole = subject.isForeign ? ['--profile', 'generic'] : [];
  if (subject.isForeign)
    narrator.explain(
      'With the profile "generic": those of known applications leave out what can be had again.',
    );
  const run = await program.show('backup', ...keys, ...whole, subject.shown);
  await subject.settle();
  mustEnd(run.code === INCOMPLETE && subject.isForeign ? INCOMPLETE : DONE, run.code);
}

async function verifyWithoutSecrets({ narrator, program }: Stage): Promise<void> {
  narrator.chapter('A check with the public key alone');
  narrator.explain(
    'The vault key is not given, in no way: this is what anybody can do who holds the storage',
  );
  narrator.explain('and the verification key.');
  const { code } = await program.show('verify', '-r', 'repository', '--public-key', 'public.key');
  narrator.prove('the repository is whole and authentic, and no secret was needed to see it', code === DONE);
}

async function damageCopy({ narrator, program, workplace }: Stage): Promise<void> {
  narrator.chapter('One bit turned round in a copy');
  const bit = copyWithOneBitFlipped(workplace.path('repository'), workplace.path('damaged'));
  if (bit === undefined) {
    narrator.explain('There is no content in this backup, so there is nothing to damage.');
    return;
  }
  narrator.explain(
    `In the directory "damaged", one bit of byte ${bit.offset} of ${bit.size} is turned round in`,
  );
  narrator.explain(`${bit.object}.`);
  const run = await program.show('verify', '-r', 'damaged', '--public-key', 'public.key');
  narrator.prove(
    'the damage is found, as corruption (exit code 20)',
    run.code === CORRUPT,
    `exit code ${run.code}`,
  );
  narrator.prove('it is found in that object', run.text.includes(bit.object));
  narrator.prove(
    'the backups and files that it harms are named',
    /^ +backups: /m.test(run.text) && /^ +file: /m.test(run.text),
  );
}

async function restore({ narrator, program }: Stage): Promise<void> {
  narrator.chapter('A restore');
  const keys = ['-r', 'repository', '--vault-key-file', 'vault.key'];
  mustEnd(DONE, (await program.show('restore', ...keys, 'latest', '--target', 'restored')).code);
}

async function proveEqual(stage: Stage, before: ReadonlyMap<string, string>): Promise<void> {
  const { subject, narrator, workplace } = stage;
  narrator.chapter('Is it equal?');
  const restored = workplace.path('restored');
  const says = await whatBackupSays(stage);
  const result = compareTrees({
    source: subject.directory,
    restored,
    before,
    ...says,
  });
  const { files, bytes, others, changed, skipped, different } = result;
  narrator.prove(
    `${number(files)} files (${number(bytes)} bytes) are equal byte for byte, in modes and times too; so are ${number(others)} directories and links`,
    different.length === 0,
    some(different),
  );
  if (says.incomplete.size > 0)
    narrator.explain(`lacking, as the backup says: ${some([...says.incomplete].map(pathText))}`);
  if (skipped.length > 0) narrator.explain(`not in the backup: ${some(skipped)}`);
  if (!subject.isForeign)
    narrator.prove(
      'the backup changed nothing in the source but what the writer wrote',
      changed.length === 0,
      some(changed),
    );
  else if (changed.length > 0)
    narrator.explain(`changed since the backup began, so not compared: ${some(changed)}`);
  subject.prove(restored);
}

interface Listing {
  readonly entries: readonly { readonly path: string; readonly database?: unknown }[];
}

interface Details {
  readonly torn: readonly string[];
  readonly unreadable: readonly { readonly path: string }[];
}

/** Which paths the backup holds as databases, and which it says are not, or not wholly, in it. */
async function whatBackupSays({ program, subject }: Stage): Promise<{
  readonly databases: ReadonlySet<string>;
  readonly incomplete: ReadonlySet<string>;
}> {
  const keys = ['-r', 'repository', '--public-key', 'public.key'];
  const { entries } = await program.read<Listing>('ls', ...keys, 'latest');
  const { torn, unreadable } = await program.read<Details>('show', ...keys, 'latest');
  const databases = entries
    .filter(({ database }) => database !== undefined)
    .map(({ path }) => bytePath(path));
  const root = `${basename(subject.directory)}/`;
  const incomplete = [...torn, ...unreadable.map(({ path }) => path)].map((path) =>
    bytePath(path.startsWith(root) ? path.slice(root.length) : ''),
  );
  return { databases: new Set(databases), incomplete: new Set(incomplete) };
}

function number(value: number): string {
  return value.toLocaleString('en-US');
}

function bytePath(text: string): string {
  return Buffer.from(text).toString('latin1');
}

function mustEnd(expected: number, code: number): void {
  if (code !== expected) throw new Error(`The command ended with exit code ${code}; the story cannot go on.`);
}
