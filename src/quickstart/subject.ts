/** What a quickstart is told about: the sample it makes itself, or a directory of the user's. */

import { statSync } from 'node:fs';
import type { Narrator } from './narrator.js';
import type { Workplace } from './workplace.js';
import { proveApplicationState } from './sample/proofs.js';
import { CHAT, makeStateDirectory, MEMORY } from './sample/state-directory.js';
import { WriterProcess } from './sample/writer-process.js';

/** What is backed up, and what is known about it beyond its bytes. */
export interface Subject {
  readonly directory: string;
  /** As the commands name it. */
  readonly shown: string;
  /** Whether anybody but the quickstart can write there, so that changes are no failure. */
  readonly isForeign: boolean;
  /** Called when the backup is over. */
  settle(): Promise<void>;
  /** Proves of the restored copy what bytes alone do not show. */
  prove(restored: string): void;
  /** Ends what was started for it. */
  close(): Promise<void>;
}

/** Makes the sample and starts its writer. */
export async function sampleSubject(workplace: Workplace, narrator: Narrator): Promise<Subject> {
  narrator.chapter('A state directory, and a second process that writes to it');
  const directory = workplace.path('state');
  makeStateDirectory(directory);
  const writer = await WriterProcess.start(`${directory}/${CHAT}`, `${directory}/${MEMORY}`);
  narrator.explain('Notes, uploads, a link, a Fernet key, and two databases in WAL mode.');
  narrator.explain(
    `Process ${writer.pid} commits message n to ${CHAT}, then memory n to ${MEMORY}, without end.`,
  );
  let written = 0;
  return {
    directory,
    shown: 'state',
    isForeign: false,
    async settle() {
      written = await writer.stop();
    },
    prove: (restored) => proveApplicationState(restored, written, narrator),
    close: () => writer.end(),
  };
}

/**
 * Takes a directory of the user's.
 *
 * @throws Error when it is none.
 */
export function foreignSubject(directory: string, narrator: Narrator): Subject {
  if (statSync(directory, { throwIfNoEntry: false })?.isDirectory() !== true)
    throw new Error(`${directory} is not a directory.`);
  narrator.chapter(`Your directory ${directory}`);
  narrator.explain('It is only read. If its programs run, let them: that is the point.');
  return {
    directory,
    shown: directory,
    isForeign: true,
    settle: () => Promise.resolve(),
    prove: () => undefined,
    close: () => Promise.resolve(),
  };
}
