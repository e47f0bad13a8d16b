/** What a measurement takes and what it tells. */

/** The stages of a backup, in the order in which bytes pass them. */
export const STAGES = [
  'read',
  'cut',
  'hash',
  'zstd',
  'keys',
  'aes-256-gcm',
  'sha-256',
  'write',
  'sync',
] as const;

/** One stage of {@link STAGES}. */
export type Stage = (typeof STAGES)[number];

/** What to measure with. */
export interface MeasureOptions {
  /** A directory or file whose bytes are used; a generated sample where there is none. */
  readonly source: string | undefined;
  /** Bytes at most, in path order. */
  readonly bytes: number;
  /** For the estimate: the stages themselves run on one thread. */
  readonly threads: number;
  /** A directory that exists; what is written there is removed. */
  readonly temporaryDirectory: string;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: MeasureProgress) => void;
}

/** Where a measurement is. */
export interface MeasureProgress {
  readonly bytesDone: number;
  readonly bytesTotal: number;
}

/** What one stage took. */
export interface StageTime {
  readonly stage: Stage;
  /** Bytes that went in: fewer after compression. */
  readonly bytes: number;
  readonly durationMs: number;
  readonly bytesPerSecond: number;
}

/** What a measurement found. */
export interface MeasureResult {
  /** Bytes and files that were read. */
  readonly bytes: number;
  readonly files: number;
  readonly chunks: number;
  /** Bytes after compression and sealing. */
  readonly bytesStored: number;
  readonly threads: number;
  readonly stages: readonly StageTime[];
  /** All stages but `sync`, one after the other: the work of one core. */
  readonly durationMs: number;
  /** Source bytes per second that `threads` cores and one disk could back up at best. */
  readonly bytesPerSecond: number;
}
