/** What a profile states of one kind of application: data alone; what interprets it lies beside. Implements spec/profiles.md. */

import type { AppKeyDeclaration } from './app-keys.js';

/**
 * How the state of one kind of application is found, captured and restored. All paths are relative to the *state
 * directory*, `/` between components, `*` for any name; patterns have gitignore syntax, relative to it too.
 */
export interface Profile {
  /** As `--profile` takes it and manifests record it. */
  readonly name: string;
  /** One line for `nbak profiles`. */
  readonly title: string;
  readonly find: StateFinding;
  /** What is treated otherwise than captured; of several that match a path, the first is named. */
  readonly rules: readonly ProfileRule[];
  /** Patterns of logs to which lines are only ever added: a torn last line is no part of the state. */
  readonly appendOnly: readonly string[];
  readonly appKeys: readonly AppKeyDeclaration[];
  /** What belongs to the application and may lie outside the state directory. */
  readonly elsewhere: readonly Elsewhere[];
  readonly running: readonly RunningSign[];
  readonly restoring: Restoring;
}

/** How a state directory is found and recognised. */
export interface StateFinding {
  /**
   * Where the application keeps its state when no SOURCE is given: for each of its directories the places that come
   * into question, as templates. The first whose variable is set, or that exists, counts.
   */
  readonly homes: readonly (readonly string[])[];
  /** Where below a SOURCE the state directory may be; '' is the SOURCE itself. */
  readonly below: readonly string[];
  /** Paths that are there together in no other application's directory; one such group is enough. */
  readonly marks: readonly (readonly string[])[];
  /** A directory of such a name needs but one path of any group. */
  readonly names: readonly string[];
  /** Files of `NAME=value` lines that tell of other places, before nbak's own environment is asked. */
  readonly settings: readonly string[];
}

/** What becomes of what a rule matches. */
export const TREATMENTS = ['leave-out', 'secret', 'secret-on-request'] as const;
/**
 * What becomes of what a rule matches: it stays out; it is captured, and a secret; it is captured, and a secret, where
 * that is asked for (`--include-secrets`).
 */
export type Treatment = (typeof TREATMENTS)[number];

/** How some paths are treated. */
export interface ProfileRule {
  readonly paths: readonly string[];
  readonly treatment: Treatment;
  /** For people: the reason, without a full stop. */
  readonly why: string;
}

/** Something that may lie outside the state directory. Templates are those of `expandTemplate`. */
export type Elsewhere =
  /** A database that a URL names: captured with the rest where it is an SQLite file here, named otherwise. */
  | {
      readonly kind: 'database-url';
      readonly variable: string;
      /** Against which relative paths in the URL count, from the state directory. */
      readonly relativeTo: string;
      /** Where the database is when no URL says so: what is declared of tokens there holds for it. */
      readonly inPlaceOf?: string;
      readonly what: string;
    }
  /** A server that is used where a variable names its host. */
  | { readonly kind: 'server'; readonly host: string; readonly port?: string; readonly what: string }
  /** A directory or file; the first template that can be filled in counts. Named where it exists. */
  | { readonly kind: 'path'; readonly places: readonly string[]; readonly what: string }
  /** Logs below the state directory, of which nothing is captured, that hold more than the bytes of an empty one. */
  | {
      readonly kind: 'pending';
      readonly path: string;
      readonly emptyBytes: number;
      readonly what: string;
    };

/** How one can tell that the application runs, beyond what the kernel tells of open files. */
export interface RunningSign {
  /** A file whose first line is a process id. */
  readonly pidFile: string;
}

/** What is peculiar to restores. */
export interface Restoring {
  /**
   * How what a restore in place moves away is called beside the target: `pre-restore` is DIR.pre-restore-<UTC time>,
   * the default; `before-restore` is DIR.before-restore-<YYYYMMDD-HHMMSS>.
   */
  readonly movedAside?: 'pre-restore' | 'before-restore';
  /** Databases of which a restore in place leaves what it replaced beside the new one, under the name with `suffix`. */
  readonly copies?: readonly { readonly of: string; readonly suffix: string }[];
  /** What to do then, a sentence each. */
  readonly nextSteps: readonly string[];
}
