/** Runs `nbak export` as tests of several formats do. */

import { expect } from 'vitest';
import { parseLine, type Place } from './cli.js';

/** The vault key of the application that is exported for. */
export const APPLICATION_KEY = 'the application’s own key';

/** What `export --json` prints. */
export interface ExportJson {
  readonly backup: string;
  readonly path: string;
  readonly files: number;
  readonly left: readonly string[];
  readonly withheld: readonly string[];
}

/** Exports the latest backup to `out`, for an application with a key of its own, in Tokyo. */
export async function give<T = ExportJson>(
  place: Place,
  exit: number,
  ...args: readonly string[]
): Promise<T> {
  const outcome = await place.run(['export', 'latest', place.path('out'), '--json', ...args], {
    env: {
      NBAK_REPOSITORY: place.repository,
      NBAK_VAULT_KEY: place.key,
      NBAK_TO_VAULT_KEY: APPLICATION_KEY,
      TZ: 'Asia/Tokyo',
    },
  });
  expect(outcome).toMatchObject({ exit });
  return parseLine<T>(outcome);
}
