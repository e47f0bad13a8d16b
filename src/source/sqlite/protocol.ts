/** What the parent and the capture process say to each other: a closed list of requests, one answer each. */
import type { TokenQuery } from '../tokens/database-tokens.js';
import type { TokenTally } from '../tokens/token-counter.js';
import type { LogState } from './wal.js';

/** Facts of a captured database, of the state that is stored. */
export interface DatabaseFacts {
  readonly pageSize: number;
  readonly pages: number;
  readonly userVersion: number;
  readonly applicationId: number;
  readonly journal: 'wal' | 'rollback';
  /** `not-checkable`: a collation, function or module of the application is missing here. */
  readonly check: 'ok' | 'damaged' | 'not-checkable';
  /** Where tokens were asked for: how many there are, in the order of the queries. */
  readonly tokens?: readonly TokenTally[];
}

/** How looking at a database ended; `copy`: only a private copy can be opened without touching the source. */
export type OpenOutcome = 'open' | 'busy' | 'copy' | 'damaged' | 'unreadable';

/** What was found about the moment of all pins: see DESIGN §6. */
export type Cut = 'proven' | 'locked' | 'none';

/** A source that a private copy was taken of, and what it looked like then. */
export interface HeldStill {
  readonly path: string;
  readonly stillness: string;
}

/** What `pin` pins and how long it may take. */
export interface PinRequest {
  readonly databases: readonly number[];
  /** Of these, the ones whose write lock may be taken: SQLite may write there as we are. */
  readonly lockable: readonly number[];
  /** Positions of `held` in an answer's `moved` refer to this list. */
  readonly held: readonly HeldStill[];
  /** Other containers' processes may be writing: their locks cannot be seen. */
  readonly hiddenWriters: boolean;
  readonly lockWaitMs: number;
}

/** Pinned; else nothing is, because of a database that stayed locked or failed, or of copies that are out of date. */
export type PinAnswer =
  | { readonly outcome: 'pinned'; readonly cut: Cut; readonly timeMs: number }
  | { readonly outcome: 'busy'; readonly database: number }
  | { readonly outcome: 'moved'; readonly held: readonly number[] }
  | {
      readonly outcome: 'failed';
      readonly database: number;
      readonly reason: OpenOutcome;
      readonly message: string;
    };

/** Where the pages of a pinned database lie. */
export interface PinnedPlace {
  readonly journal: DatabaseFacts['journal'];
  readonly pageSize: number;
  readonly pages: number;
  /** Newer pages than those of the file; null where the file alone is the pinned state, for as long as it is pinned. */
  readonly log: LogState | null;
}

/** Every request with its answer. Paths of sources have one character per byte; private paths are text. */
export interface Requests {
  /** Opens a database in place, reading only. `link` is a private name to use for paths that are not text. */
  open: {
    request: { readonly database: number; readonly path: string; readonly link: string };
    answer: { readonly outcome: OpenOutcome; readonly message: string };
  };
  /** Opens the still empty private file `file`; content comes later. */
  adopt: { request: { readonly file: string }; answer: null };
  /** Reads the schema of an adopted file. */
  inspect: {
    request: { readonly file: string };
    answer: { readonly outcome: OpenOutcome; readonly message: string };
  };
  pin: { request: PinRequest; answer: PinAnswer };
  /** Says where a pinned database lies; null when only SQLite can tell. */
  locate: { request: { readonly database: number }; answer: PinnedPlace | null };
  /** Checks a database through its pin. */
  examine: {
    request: { readonly database: number; readonly tokens: readonly TokenQuery[] };
    answer: DatabaseFacts;
  };
  /** Says whether what `locate` answered has been true all the time. */
  confirm: { request: { readonly database: number }; answer: boolean };
  /** Copies a pinned database into an adopted file and releases the pin. */
  copy: { request: { readonly database: number; readonly file: string }; answer: null };
  /** Checks an adopted file that has its content, and closes it. */
  check: {
    request: { readonly file: string; readonly tokens: readonly TokenQuery[] };
    answer: DatabaseFacts;
  };
  /** Closes an adopted file that is not wanted. */
  discard: { request: { readonly file: string }; answer: null };
  /** Closes a database, pinned or not. */
  release: { request: { readonly database: number }; answer: null };
}

/** A name of {@link Requests}. */
export type RequestKind = keyof Requests;

/** Parent to child. */
export type RequestMessage = {
  [Kind in RequestKind]: {
    readonly id: number;
    readonly kind: Kind;
    readonly body: Requests[Kind]['request'];
  };
}[RequestKind];

/** Child to parent. */
export type AnswerMessage =
  | { readonly id: number; readonly answer: Requests[RequestKind]['answer'] }
  | { readonly id: number; readonly error: { readonly code: string; readonly message: string } };
