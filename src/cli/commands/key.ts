/** `nbak key`: makes vault keys and shows the verification key. */

import { nodeCrypto } from '../../crypto/node.js';
import { formatVaultKey } from '../../vault/vault-key.js';
import { formatVerificationKey } from '../../vault/verification-key.js';
import type { Run } from '../declaration.js';
import { writePrivateFile } from '../private-output.js';
import { note, printJson, printLine } from '../terminal.js';

/** `nbak key generate` */
export const runKeyGenerate: Run<{ readonly out?: string }> = ({ context, options }) => {
  const key = formatVaultKey(nodeCrypto.randomBytes(32));
  const { json, quiet } = context.options;
  if (options.out === undefined) {
    if (json === true) printJson({ vaultKey: key });
    else printLine(key);
  } else {
    writePrivateFile(options.out, `${key}\n`, 'the vault key');
    if (json === true) printJson({ file: options.out });
    else if (quiet !== true) note(`Wrote a new vault key to ${options.out}.`);
  }
  if (quiet !== true && json !== true) {
    note(
      'Keep a copy elsewhere, on paper or in a password manager: without it nobody, you included, can restore.',
    );
  }
  return Promise.resolve(0);
};

/** `nbak key public` */
export const runKeyPublic: Run<object> = async ({ context }) => {
  const { verificationKey, id } = await context.unlock();
  const text = formatVerificationKey(verificationKey);
  if (context.options.json === true) printJson({ repositoryId: id, verificationKey: text });
  else printLine(text);
  return 0;
};
