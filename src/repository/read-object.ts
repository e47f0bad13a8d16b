/** Reading whole objects with a ceiling, so that a storage cannot make a reader allocate (§0, §15). */

import type { CryptoProvider } from '../crypto/provider.js';
import { isNbakError, NbakError } from '../errors.js';
import { toHex } from '../format/bytes.js';
import type { ObjectName, Storage } from '../storage/storage.js';

/**
 * Reads an object of at most `most` bytes.
 *
 * @throws NbakError `OBJECT_MISSING`, `LIMIT_EXCEEDED` or a STORAGE code.
 */
export async function readWhole(storage: Storage, name: ObjectName, most: number): Promise<Uint8Array> {
  let bytes: Uint8Array;
  try {
    bytes = await storage.get(name, { offset: 0, length: most + 1 });
  } catch (error) {
    if (!isNbakError(error, 'STORAGE_NOT_FOUND')) throw error;
    throw new NbakError('OBJECT_MISSING', `${name} is missing`, {
      details: { object: name },
      hint: 'Take this object from another copy of the repository.',
      cause: error,
    });
  }
  if (bytes.length > most) {
    throw new NbakError('LIMIT_EXCEEDED', `${name} is larger than the ${most} bytes that its kind may have`, {
      details: { object: name, most },
    });
  }
  return bytes;
}

/**
 * Reads an object whose name ends with the SHA-256 of its bytes, and checks it.
 *
 * @throws NbakError `OBJECT_CORRUPT`, or what {@link readWhole} throws.
 */
export async function readHashed(
  from: { readonly storage: Storage; readonly crypto: CryptoProvider },
  name: ObjectName,
  most: number,
): Promise<Uint8Array> {
  const bytes = await readWhole(from.storage, name, most);
  if (!name.endsWith(toHex(from.crypto.sha256(bytes)))) {
    throw new NbakError('OBJECT_CORRUPT', `${name} is corrupt: its bytes do not match its name`, {
      details: { object: name },
      hint: 'Take this object from another copy of the repository, or back up again.',
    });
  }
  return bytes;
}
