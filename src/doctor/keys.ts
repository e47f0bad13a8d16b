/** Are the keys where they should be, and nobody else's to read? */

import { statSync, type Stats } from 'node:fs';
import { isWithin } from '../source/real-path.js';
import { Check, type Finding } from './finding.js';
import type { SetUp } from './set-up.js';

const OTHERS = 0o077;

/** Looks at where the vault key is. */
export function checkVaultKey({ keys, places }: SetUp): readonly Finding[] {
  const { vaultKey, vaultKeyFile: file } = keys;
  if (file !== undefined) return checkVaultKeyFile(file, places.repository);
  const check = new Check('vault-key');
  switch (vaultKey) {
    case 'command':
      return [check.ok('a command gives the vault key')];
    case 'environment':
      return [
        check.ok('the environment gives the vault key; other processes of this user can read it there'),
      ];
    default:
      return [
        check.warning(
          'no vault key was given: whether it is right, and who can read it, was not looked at',
          'Give it as backups do, with --vault-key-file, --vault-key-command or NBAK_VAULT_KEY.',
        ),
      ];
  }
}

function checkVaultKeyFile(file: string, repository: string): readonly Finding[] {
  const check = new Check('vault-key', file);
  const stat = statOrNothing(file);
  // Opening the repository says what is wrong with a file that is not there, or may not be looked at.
  if (stat === undefined) return [];
  const findings: Finding[] = [];
  if ((stat.mode & OTHERS) !== 0) {
    const mode = (stat.mode & 0o777).toString(8).padStart(4, '0');
    findings.push(
      check.problem(
        `others can read or change the file of the vault key (mode ${mode})`,
        `chmod 600 it; if somebody may have read it, make a new key and a new repository.`,
      ),
    );
  }
  if (isWithin(file, repository)) {
    findings.push(
      check.problem(
        'the vault key lies in the repository: whoever holds the storage can read every backup',
        'Move it to this machine alone, and make a new key and a new repository if the storage is another’s.',
      ),
    );
  }
  if (stat.uid !== 0 && stat.uid !== process.geteuid?.()) {
    findings.push(
      check.warning(
        `the file of the vault key belongs to user ${stat.uid}, who can change what is backed up with`,
        'Let it belong to the user who runs the backups, or to root.',
      ),
    );
  }
  return findings.length > 0 ? findings : [check.ok('the vault key is readable by its owner alone')];
}

function statOrNothing(file: string): Stats | undefined {
  try {
    return statSync(file);
  } catch {
    return undefined;
  }
}

/** Looks at whether a verification key is pinned, and where. */
export function checkPublicKey({ keys, places }: SetUp): Finding {
  const { publicKey, publicKeyFile: file } = keys;
  const check = new Check('public-key', file);
  if (publicKey === 'none') {
    return check.warning(
      'no public key is pinned: a repository that somebody put in this one’s place would not be noticed without the vault key',
      'Keep what `nbak key public` prints apart from the repository, and give it with --public-key or NBAK_PUBLIC_KEY.',
    );
  }
  if (file !== undefined && isWithin(file, places.repository)) {
    return check.problem(
      'the public key lies in the repository: whoever replaces the one replaces the other',
      'Keep a copy elsewhere and give that one.',
    );
  }
  return check.ok('a public key is pinned');
}
