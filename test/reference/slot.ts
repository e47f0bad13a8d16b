/** Key slots (spec §13.4). */
import { scrypt } from '@noble/hashes/scrypt.js';
import { ascii, equal } from './bytes.js';
import { decode, encode } from './cbor.js';
import { demand, fail } from './fail.js';
import { LIMITS } from './limits.js';
import { slotKey, type SlotContext } from './schedule.js';
import { openOnce, sealOnce } from './sealed.js';
import { bstr, list, tstr, uint } from './shape.js';

/** The secret that a user has for a slot. */
export type SlotSecret =
  { readonly kind: 1; readonly keyBytes: Uint8Array } | { readonly kind: 2; readonly passphrase: string };

function slotInput(secret: SlotSecret, salt: Uint8Array, logN: number): Uint8Array {
  if (secret.kind === 1) return secret.keyBytes;
  return scrypt(ascii(secret.passphrase.normalize('NFC')), salt, {
    N: 2 ** logN,
    r: 8,
    p: 1,
    dkLen: 32,
    maxmem: 2 ** 31,
  });
}

/** The stored bytes of a slot that holds `root`. `logN` counts for kind 2 only. */
export function writeSlot(
  context: SlotContext,
  secret: SlotSecret,
  root: Uint8Array,
  logN: number,
): Uint8Array {
  const sealed = sealOnce(slotKey(slotInput(secret, context.salt, logN), context), root);
  const parameters = context.kind === 2 ? [logN] : [];
  return encode(['nbak/v2/slot', context.id, context.epoch, context.kind, parameters, context.salt, sealed]);
}

/** A slot as anybody can read it. */
export interface Slot extends SlotContext {
  /** Of kind 2; else 0. */
  readonly logN: number;
  readonly sealed: Uint8Array;
}

/** Reads the public parts of a slot; those of an unknown kind go as far as their shape does. */
export function readSlot(bytes: Uint8Array): Slot {
  demand(bytes.length <= LIMITS.manifestBytes, 'LIMIT_EXCEEDED', '§15', 'the slot is too long');
  const [label, idItem, epochItem, kindItem, parameterItems, saltItem, sealedItem] = list(decode(bytes), 7);
  demand(tstr(label) === 'nbak/v2/slot', 'FORMAT_NEWER', '§13.4', 'not a slot of version 2');
  const kind = uint(kindItem);
  const known = kind === 1 || kind === 2;
  const parameters = list(parameterItems, known ? kind - 1 : undefined);
  const logN = kind === 2 ? uint(parameters[0]) : 0;
  demand(kind !== 2 || logN >= 17, 'FORMAT_INVALID', '§13.4', 'logN below 17');
  demand(logN <= 20, 'LIMIT_EXCEEDED', '§13.4', 'logN above 20');
  const context = { id: bstr(idItem, 16), epoch: uint(epochItem, 1, 2 ** 32 - 1), kind };
  return { ...context, salt: bstr(saltItem, 32), logN, sealed: bstr(sealedItem, 80) };
}

/** The root in a slot; `KEY_WRONG` where the secret does not open it. */
export function openSlot(
  bytes: Uint8Array,
  id: Uint8Array,
  secret: SlotSecret,
): { epoch: number; root: Uint8Array } {
  const slot = readSlot(bytes);
  demand(equal(slot.id, id), 'REFERENCE_TAMPERED', '§13.4', 'another repository');
  demand(slot.kind === secret.kind, 'KEY_WRONG', '§13.4', 'a slot of another kind is skipped');
  const keys = slotKey(slotInput(secret, slot.salt, slot.logN), slot);
  demand(equal(slot.sealed.subarray(0, 32), keys.commitment), 'KEY_WRONG', '§13.4', 'another commitment');
  const root = openOnce(keys, slot.sealed);
  if (root === undefined) return fail('BLOB_TAMPERED', '§13.4', 'the authentication tag fails');
  return { epoch: slot.epoch, root };
}
