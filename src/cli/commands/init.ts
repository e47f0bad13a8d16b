/** `nbak init`: creates a repository. */

import { nodeCrypto } from '../../crypto/node.js';
import { isNbakError, NbakError } from '../../errors.js';
import { initRepository } from '../../repository/init.js';
import type { Storage } from '../../storage/storage.js';
import { assertUnguessable, parseVaultKey } from '../../vault/vault-key.js';
import { formatVerificationKey } from '../../vault/verification-key.js';
import type { Context } from '../context.js';
import type { Run } from '../declaration.js';
import { parseChoice } from '../options.js';
import { coloured, note, printJson, printLine } from '../terminal.js';

/** `nbak init` */
export const runInit: Run<{ readonly names: string }> = async ({ context, options }) => {
  const names = parseChoice(options.names, ['plain', 'sealed'], '--names');
  const path = context.repositoryPath;
  const text = context.vaultKeyText();
  if (text === undefined) {
    throw new NbakError('KEY_MISSING', 'A repository needs a vault key and none was given', {
      hint: 'Make one with `nbak key generate --out FILE`, then give it with --vault-key-file FILE.',
    });
  }
  await assertUnguessable(text);
  const storage = await createStorage(context, path);
  const keyBytes = parseVaultKey(text);
  const { id, verificationKey } = await initRepository(storage, nodeCrypto, {
    keyBytes,
    names,
    now: Date.now(),
  });
  const publicText = formatVerificationKey(verificationKey);
  if (context.options.json === true) {
    printJson({ repositoryId: id, verificationKey: publicText });
    return 0;
  }
  printLine(`repository ${id}`);
  printLine(`verification key ${publicText}`);
  if (context.options.quiet !== true) {
    note(coloured('bold', 'Keep both keys elsewhere than here:'));
    note('  the vault key: without it nothing can be restored, and nobody can help;');
    note('  the verification key: with it alone anybody can check the repository, and a copy kept elsewhere');
    note('  is what tells your repository from one that somebody put in its place.');
  }
  return 0;
};

async function createStorage(context: Context, path: string): Promise<Storage> {
  try {
    return await context.openStorage('create');
  } catch (error) {
    if (!isNbakError(error, 'TARGET_NOT_EMPTY')) throw error;
    throw new NbakError('REPOSITORY_EXISTS', `${path} is not empty`, {
      details: { repository: path },
      hint: 'Choose an empty or absent directory.',
      cause: error,
    });
  }
}
