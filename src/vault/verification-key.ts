/** The verification key: an epoch's admin public key, as text and as bytes. Implements §2.5. */

import { bech32m } from '@scure/base';
import { assertAcceptablePublicKey } from '../crypto/public-key.js';
import { NbakError } from '../errors.js';
import { trimAscii } from './vault-key.js';

const PREFIX = 'nbakpub';

/** The text form `nbakpub1…` of a 32-byte public key. */
export function formatVerificationKey(key: Uint8Array): string {
  return bech32m.encode(PREFIX, bech32m.toWords(key));
}

/**
 * The 32 bytes of a verification key's text form; ASCII white space around it is ignored.
 *
 * @throws NbakError `PUBLIC_KEY_MALFORMED` for a typo, or for a key that must not enter (§4.3).
 */
export function parseVerificationKey(text: string): Uint8Array {
  const decoded = bech32m.decodeUnsafe(trimAscii(text));
  const bytes = decoded?.prefix === PREFIX ? bech32m.fromWordsUnsafe(decoded.words) : undefined;
  if (bytes === undefined || bytes.length !== 32) {
    throw new NbakError(
      'PUBLIC_KEY_MALFORMED',
      'Cannot read the verification key: it is not a complete nbakpub1… text',
      {
        hint: text.trim().toLowerCase().startsWith('nbakkey1')
          ? 'This is a vault key: keep it secret, and give the public one (nbakpub1…) instead.'
          : 'Compare it with your copy, letter by letter; `nbak key public` prints it again, given the vault key.',
        details: { clause: '§2.5' },
      },
    );
  }
  assertAcceptablePublicKey(bytes);
  return bytes;
}
