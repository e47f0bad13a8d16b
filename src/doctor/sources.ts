/** Can the sources be backed up, from where they are? */

import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { isNbakError } from '../errors.js';
import { reason, resolveRoot } from '../source/root.js';
import { JOURNAL_NAME, MARKER_NAME, WORK_DIRECTORY } from '../source/unfinished-restore.js';
import { fileSystemOf } from './file-system.js';
import { Check, type Finding } from './finding.js';
import { isWithin } from '../source/real-path.js';

/** What an unfinished restore in place leaves in its target. */
const TRACES = [MARKER_NAME, join(WORK_DIRECTORY, JOURNAL_NAME)];

/** Looks at one source. */
export function checkSource(source: string, repository: string): readonly Finding[] {
  const check = new Check('source', source);
  let directory: string;
  try {
    directory = Buffer.from(resolveRoot(source).directory, 'latin1').toString();
    accessSync(directory, constants.R_OK | constants.X_OK);
  } catch (error) {
    if (isNbakError(error)) return [check.failed(error)];
    return [
      check.problem(`${source} cannot be read: ${reason(error)}`, 'Run backups as a user who may read it.'),
    ];
  }
  if (isWithin(directory, repository)) {
    return [
      check.problem(
        `${source} lies in the repository, which is never part of a backup`,
        'Keep the repository apart from what is backed up.',
      ),
    ];
  }
  return [...checkPlace(check, directory, repository), ...checkRestore(source, directory)];
}

function checkPlace(check: Check, directory: string, repository: string): readonly Finding[] {
  const { type, kind } = fileSystemOf(directory);
  const findings: Finding[] = [];
  if (kind === 'network') {
    findings.push(
      check.warning(
        `it is on a network filesystem (${type}): locks of databases are not seen by others there, and changes may be missed`,
        'Run backups on the machine that has the disk.',
      ),
    );
  }
  if (kind === 'without-owners') {
    findings.push(
      check.warning(
        `it is on ${type}, which keeps no owners, modes and hard links, and times to two seconds`,
        'Restore to another filesystem if the application needs them.',
      ),
    );
  }
  const isTogether = statSync(directory).dev === statSync(repository, { throwIfNoEntry: false })?.dev;
  if (isTogether) {
    findings.push(
      check.warning(
        'the repository is on the same filesystem: a disk that dies takes both',
        'Keep the repository, or a copy of it, on another machine.',
      ),
    );
  }
  return findings.length > 0 ? findings : [check.ok(`it can be read${type === '' ? '' : `, on ${type}`}`)];
}

function checkRestore(source: string, directory: string): readonly Finding[] {
  if (!TRACES.some((trace) => existsSync(join(directory, trace)))) return [];
  return [
    new Check('restore', source).problem(
      `a restore into ${source} did not end`,
      `Finish it with \`nbak restore --resume ${source}\`.`,
    ),
  ];
}
