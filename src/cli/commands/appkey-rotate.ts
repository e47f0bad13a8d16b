/** `nbak appkey rotate`: a new app key for an application that is stopped. */

import { rotateAppKeys } from '../../appkey/rotate/rotate.js';
import type { RotationResult } from '../../appkey/rotate/result.js';
import { NbakError } from '../../errors.js';
import type { BackupId } from '../../format/ids.js';
import { applyProfiles, databasesOutOfReach } from '../../source/profiles/apply.js';
import { processEnvironment } from '../../source/profiles/environment.js';
import { plainSource } from '../../source/ruled-source.js';
import { parseVaultKey } from '../../vault/vault-key.js';
import { describeTokens } from '../app-keys.js';
import type { Run } from '../declaration.js';
import { namedProfile } from '../profile-choice.js';
import { ProgressLine } from '../progress-line.js';
import { makeSafetyBackup } from '../safety-backup.js';
import { count, note, printable, printJson, printLine } from '../terminal.js';

/** Options of `nbak appkey rotate`. */
export interface RotateFlags {
  readonly profile: string;
}

/** `nbak appkey rotate SOURCE` */
export const runAppKeyRotate: Run<RotateFlags> = async ({ context, options: flags, args }) => {
  const { json = false, quiet = false } = context.options;
  using progress = new ProgressLine(quiet || json);
  const source = String(args[0]);
  const request = {
    profile: flags.profile === 'auto' ? ('auto' as const) : await namedProfile(flags.profile),
    environment: processEnvironment(),
  };
  const text = context.vaultKeyText();
  const { sources, profile } = applyProfiles({
    ...request,
    sources: [source],
    includeSecrets: true,
    vaultKey: text === undefined ? undefined : parseVaultKey(text),
  });
  const [elsewhere] = [...sources.slice(1).map(({ path }) => path), ...databasesOutOfReach(source, request)];
  if (elsewhere !== undefined) throw unreached(elsewhere);
  let backup: BackupId | undefined;
  const result = await rotateAppKeys(sources[0] ?? plainSource(source), {
    beforeRotating: async () => {
      const skip = [context.repositoryPath, context.cacheDirectory];
      const selection = { sources, exclude: [], excludeCaches: false, oneFileSystem: false, skip };
      const how = { context, progress, signal: context.signal };
      backup = await makeSafetyBackup(how, { selection, profile, tags: ['before-appkey-rotate'] });
    },
    signal: context.signal,
  });
  if (json) printJson({ ...result, backup });
  else printRotated(result, quiet);
  return 0;
};

function unreached(elsewhere: string): NbakError {
  return new NbakError(
    'APP_KEY_NOT_ROTATABLE',
    `The app key was not rotated: tokens may lie outside SOURCE (${elsewhere})`,
    {
      hint: 'They would be lost. Only where all databases of the application lie in SOURCE can its key be rotated.',
    },
  );
}

function printRotated({ rotated, failed, places, keys }: RotationResult, quiet: boolean): void {
  for (const { name, file } of keys)
    printLine(`app key ${printable(name)}: a new one is in ${printable(file)}`);
  if (quiet) return;
  const dead = failed === 0 ? '' : `, ${failed} dead ${failed === 1 ? 'one' : 'ones'} left as they are`;
  printLine(`${count(rotated, 'token')} rotated${dead}`);
  for (const each of places) printLine(`  ${printable(each.place)}: ${describeTokens(each)}`);
  note('The application can start again. Backups made before open with the key that they carry.');
}
