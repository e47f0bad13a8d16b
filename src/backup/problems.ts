/** What was not, or not wholly, backed up, collected while the rest goes on. */

import type { ErrorCode } from '../errors.js';
import { LIMITS } from '../format/limits.js';
import type { BytePath } from '../format/path.js';
import type { BackupProblem, TornLine } from './result.js';
import { listedPath, listedText, type BackupRoot } from './scope.js';

/** A problem before it is placed. */
export interface FoundProblem {
  readonly path: BytePath;
  readonly code: ErrorCode;
  readonly message: string;
}

interface Listed {
  readonly path: BytePath;
  readonly code: ErrorCode;
}

/** The problems of one backup. */
export class Problems {
  readonly torn: BackupProblem[] = [];
  readonly unreadable: BackupProblem[] = [];
  readonly damaged: BackupProblem[] = [];
  readonly tornLines: TornLine[] = [];
  readonly #torn: Listed[] = [];
  readonly #unreadable: Listed[] = [];

  /** Enters a problem where its code puts it. */
  add(root: BackupRoot, { path, code, message }: FoundProblem): void {
    const problem = { path: listedText(root, path), code, message };
    if (code === 'DATABASE_DAMAGED') this.damaged.push(problem);
    else if (code === 'SOURCE_TORN') {
      this.torn.push(problem);
      this.#torn.push({ path: listedPath(root, path), code });
    } else {
      this.unreadable.push(problem);
      this.#unreadable.push({ path: listedPath(root, path), code });
    }
  }

  /** Enters a torn last line of a log, which is no problem: what is stored is a state of the log. */
  addTornLine(root: BackupRoot, { path, bytes }: { readonly path: BytePath; readonly bytes: number }): void {
    this.tornLines.push({ path: listedText(root, path), bytes });
  }

  /** The lists of §11.3, as long as the format allows. */
  lists(): {
    readonly torn: readonly BytePath[];
    readonly unreadable: readonly (readonly [BytePath, string])[];
  } {
    return {
      torn: this.#torn.slice(0, LIMITS.listedPaths).map(({ path }) => path),
      unreadable: this.#unreadable
        .slice(0, LIMITS.listedPaths)
        .map(({ path, code }) => [path, code] as const),
    };
  }
}
