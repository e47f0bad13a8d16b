/** Text forms of vault keys and verification keys (spec §2). */
import { bech32m } from '@scure/base';
import type { ErrorCode } from '#nbak/errors.js';
import { ascii } from './bytes.js';
import { demand, fail } from './fail.js';
import { checkPublicKey } from './public-key.js';

const BECH32_TAIL = /^[qpzry9x8gf2tvdw0s3jn54khce6mua7l]{58}$/;

export const writeVaultKey = (key: Uint8Array): string => bech32m.encodeFromBytes('nbakkey', key);
export const writeVerificationKey = (key: Uint8Array): string => bech32m.encodeFromBytes('nbakpub', key);

function readText(text: string, prefix: string, code: ErrorCode): Uint8Array {
  let decoded: { prefix: string; bytes: Uint8Array };
  try {
    decoded = bech32m.decodeToBytes(text);
  } catch {
    return fail(code, '§2.2', 'not valid Bech32m');
  }
  demand(
    decoded.prefix === prefix && decoded.bytes.length === 32,
    code,
    '§2.2',
    `not a ${prefix} of 32 bytes`,
  );
  return decoded.bytes;
}

/** §2.3: was this text meant as the text form? */
function meantAsTextForm(text: string): boolean {
  const bare = text.trim().toLowerCase();
  if (bare.startsWith('nbak')) return true;
  if (bare.length < 64 || bare.length > 68) return false;
  return BECH32_TAIL.test(bare.slice(-58)) && bare.slice(5, 10).includes('1');
}

/** The key bytes of a vault key (§2.1). */
export function readVaultKey(text: string): Uint8Array {
  demand(text !== '', 'KEY_MALFORMED', '§2.1', 'the empty text is no vault key');
  if (!meantAsTextForm(text)) return ascii(text);
  return readText(text, 'nbakkey', 'KEY_MALFORMED');
}

/** The admin public key of a verification key (§2.5). */
export function readVerificationKey(text: string): Uint8Array {
  const key = readText(text, 'nbakpub', 'PUBLIC_KEY_MALFORMED');
  checkPublicKey(key, 'PUBLIC_KEY_MALFORMED');
  return key;
}
