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

/** Without ASCII white space at both ends. */
const trimmed = (text: string): string => text.replace(/^[\t\n\v\f\r ]+/, '').replace(/[\t\n\v\f\r ]+$/, '');
const lowered = (text: string): string => text.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());

/** §2.3: was this text meant as the text form? */
function meantAsTextForm(text: string): boolean {
  const bare = trimmed(text);
  const lower = lowered(bare);
  if (lower.startsWith('nbak')) return true;
  if (/^[0-9a-f]{64}$/.test(bare)) return false;
  const characters = Array.from(lower);
  if (characters.length < 64 || characters.length > 68) return false;
  return BECH32_TAIL.test(lower.slice(-58)) && characters.slice(5, 10).includes('1');
}

/** The key bytes of a vault key (§2.1). */
export function readVaultKey(text: string): Uint8Array {
  demand(text !== '', 'KEY_MISSING', '§2.1', 'the empty text is no vault key');
  if (!meantAsTextForm(text)) return ascii(text);
  return readText(trimmed(text), 'nbakkey', 'KEY_MALFORMED');
}

/** The admin public key of a verification key (§2.5). */
export function readVerificationKey(text: string): Uint8Array {
  const key = readText(trimmed(text), 'nbakpub', 'PUBLIC_KEY_MALFORMED');
  checkPublicKey(key, 'PUBLIC_KEY_MALFORMED');
  return key;
}
