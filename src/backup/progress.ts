/** Counts what is done and tells whoever wants to know, not too often. */

import type { BackupProgress } from './result.js';

const REPORT_EVERY_MS = 100;

interface Amount {
  readonly files: number;
  readonly bytes: number;
}

/** The progress of one backup. */
export class Progress {
  /** Bytes read from the source. */
  read = 0;
  #phase: BackupProgress['phase'] = 'scanning';
  #files = 0;
  #bytes = 0;
  #reportedAt = 0;
  /** Undefined until a walk has told it; so long only phases are reported. */
  #total: Amount | undefined;
  readonly #report: ((progress: BackupProgress) => void) | undefined;

  constructor(report: ((progress: BackupProgress) => void) | undefined) {
    this.#report = report;
  }

  /** Enters a phase; always reported. */
  enter(phase: BackupProgress['phase']): void {
    this.#phase = phase;
    this.#reportedAt = 0;
    this.#tell();
  }

  /** Says how much there is. */
  expect(total: Amount): void {
    this.#total = total;
  }

  /** Begins the databases, perhaps anew. */
  startDatabases(): void {
    this.#bytes = 0;
    this.enter('databases');
  }

  /** Begins the files anew, of which there are `total`; `bytes` of databases are done and stay so. */
  startOver(total: Amount, bytes: number): void {
    this.#total = total;
    this.#files = 0;
    this.#bytes = bytes;
    this.enter('files');
  }

  /** Counts bytes that were read and are thereby done. */
  bytesRead(bytes: number): void {
    this.read += bytes;
    this.bytesDone(bytes);
  }

  /** Counts bytes that are done without being read. */
  bytesDone(bytes: number): void {
    this.#bytes += bytes;
    this.#tell();
  }

  /** Counts files. */
  filesDone(files: number): void {
    this.#files += files;
    this.#tell();
  }

  #tell(): void {
    if (this.#report === undefined || (this.#total === undefined && this.#reportedAt > 0)) return;
    const now = Date.now();
    if (now - this.#reportedAt < REPORT_EVERY_MS) return;
    this.#reportedAt = now;
    this.#report({
      phase: this.#phase,
      filesDone: this.#files,
      filesTotal: this.#total?.files ?? 0,
      bytesDone: this.#bytes,
      bytesTotal: this.#total?.bytes ?? 0,
    });
  }
}
