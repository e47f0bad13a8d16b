/** What a verification takes and tells. */

import { ERROR_CODES, type ErrorCode, type NbakError } from '../errors.js';
import type { BackupId } from '../format/ids.js';
import type { RememberedHead } from '../repository/catalog-heads.js';
import type { PackChecker } from '../repository/pack-check.js';

/** One finding. */
export interface VerifyProblem {
  readonly code: ErrorCode;
  readonly message: string;
  /** The object's name; absent for findings about the history. */
  readonly object?: string;
  /** Backups that are affected. */
  readonly backups: readonly BackupId[];
  /** Files that are affected, as far as names can be read, at most 100. */
  readonly files: readonly string[];
}

/** What a verification found. */
export interface VerifyResult {
  readonly ok: boolean;
  readonly backups: number;
  readonly objects: number;
  readonly blobs: number;
  /** Bytes that were read and hashed. */
  readonly bytes: number;
  readonly problems: readonly VerifyProblem[];
  /** Objects that no backup reaches: no fault, prune removes them. */
  readonly unreachable: number;
  /** With secrets: files whose content was compared with their signed digest, and databases checked. */
  readonly decrypted?: {
    readonly files: number;
    readonly databases: number;
    readonly notCheckable: readonly string[];
    readonly damagedAtCapture: readonly string[];
  };
  readonly durationMs: number;
}

/** Where the heads of the last look are kept. */
export interface HeadMemory {
  remembered(): readonly RememberedHead[];
  remember(heads: readonly RememberedHead[]): void;
}

/** How to verify. */
export interface VerifyOptions {
  /** With the same secrets as the decryption, where there is one. */
  readonly packs: PackChecker;
  /** Empty: everything. */
  readonly backups: readonly BackupId[];
  readonly heads: HeadMemory;
  /** Milliseconds; the newest backup of each source may not be older. */
  readonly maxAgeMs?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: VerifyProgress) => void;
}

/** Where a verification is. */
export interface VerifyProgress {
  readonly bytesDone: number;
  readonly bytesTotal: number;
}

const NO_FILES: readonly string[] = [];

/** A finding from an error. */
export function problemOf(
  error: NbakError,
  about: {
    readonly object?: string;
    readonly backups?: readonly BackupId[];
    readonly files?: readonly string[];
  } = {},
): VerifyProblem {
  const { object, backups = [], files = NO_FILES } = about;
  return {
    code: error.code,
    message: error.message,
    ...(object !== undefined && { object }),
    backups,
    files,
  };
}

/** The gravest exit code first (spec/errors.md): tampering, corruption, newer format, taken back, incomplete. */
const GRAVITY = [21, 20, 13, 22, 3, 12, 1];

/** The exit code of a list of findings: 0 for none. */
export function verdictExit(problems: readonly Pick<VerifyProblem, 'code'>[]): number {
  const exits = new Set<number>(problems.map(({ code }) => ERROR_CODES[code].exit));
  if (exits.size === 0) return 0;
  return GRAVITY.find((exit) => exits.has(exit)) ?? 1;
}
