/** What a doctor says of one thing that it looked at. */

import type { ErrorCode, NbakError } from '../errors.js';

/** What is looked at; the list of spec/cli.md. */
export type CheckName =
  | 'vault-key'
  | 'public-key'
  | 'repository'
  | 'clock'
  | 'space'
  | 'cache'
  | 'system'
  | 'source'
  | 'last-backup'
  | 'verification'
  | 'restore';

/** How it is. */
export type FindingVerdict = 'ok' | 'warning' | 'problem';

/** One finding. */
export interface Finding {
  readonly check: CheckName;
  readonly verdict: FindingVerdict;
  readonly message: string;
  /** What to do next; absent where all is well. */
  readonly advice?: string;
  readonly code?: ErrorCode;
  readonly path?: string;
}

/** Makes the findings of one check, about the file or directory `path` where there is one. */
export class Check {
  readonly #about: Pick<Finding, 'check' | 'path'>;

  constructor(check: CheckName, path?: string) {
    this.#about = { check, ...(path !== undefined && { path }) };
  }

  ok(message: string): Finding {
    return { ...this.#about, verdict: 'ok', message };
  }

  warning(message: string, advice: string): Finding {
    return { ...this.#about, verdict: 'warning', message, advice };
  }

  problem(message: string, advice: string): Finding {
    return { ...this.#about, verdict: 'problem', message, advice };
  }

  /** A problem that an error tells. */
  failed({ code, message, hint }: NbakError, advice = 'See spec/errors.md.'): Finding {
    return { ...this.problem(message, hint ?? advice), code };
  }
}
