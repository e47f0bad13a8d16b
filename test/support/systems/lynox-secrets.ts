/** What nodyn and lynox encrypt inside their databases, byte for byte; the two differ by salts and labels alone. */

import { createCipheriv, createDecipheriv, hkdfSync, pbkdf2Sync } from 'node:crypto';
import type Database from 'better-sqlite3';
import { randomLike } from '../tree.js';

export type Era = 'nodyn' | 'lynox';

/** 48 bytes in base64, as the application makes it. */
export const LYNOX_VAULT_KEY = randomLike(48, 2026).toString('base64');

const IV_BYTES = 12;
const TAG_BYTES = 16;
const PREFIX = 'enc:';

/** Seals the text columns of one database: `enc:`, then base64 of IV, tag and ciphertext. */
export class ColumnCipher {
  readonly #key: Uint8Array;
  #made = 0;

  /** The key of `history.db` or `engine.db` of one era. */
  constructor(era: Era, database: 'history' | 'engine', vaultKey: string) {
    const name = `${era}-${database}`;
    this.#key = new Uint8Array(hkdfSync('sha256', vaultKey, name, `${name}-encryption`, 32));
  }

  seal(text: string): string {
    this.#made += 1;
    const iv = randomLike(IV_BYTES, this.#made);
    const cipher = createCipheriv('aes-256-gcm', this.#key, iv);
    const body = Buffer.concat([cipher.update(text), cipher.final()]);
    return PREFIX + Buffer.concat([iv, cipher.getAuthTag(), body]).toString('base64');
  }

  /** The text, or undefined where the key is another. The applications show the ciphertext instead. */
  open(stored: string): string | undefined {
    if (!stored.startsWith(PREFIX)) return stored;
    const bytes = Buffer.from(stored.slice(PREFIX.length), 'base64');
    const decipher = createDecipheriv('aes-256-gcm', this.#key, bytes.subarray(0, IV_BYTES));
    decipher.setAuthTag(bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES));
    try {
      return Buffer.concat([
        decipher.update(bytes.subarray(IV_BYTES + TAG_BYTES)),
        decipher.final(),
      ]).toString();
    } catch {
      return undefined;
    }
  }
}

const VAULT_SCHEMA = `
  CREATE TABLE vault_meta (key TEXT PRIMARY KEY, value BLOB);
  CREATE TABLE vault_secrets (
    name TEXT PRIMARY KEY, encrypted_value TEXT NOT NULL, iv TEXT NOT NULL, auth_tag TEXT NOT NULL,
    scope TEXT NOT NULL, ttl_ms INTEGER, created_at TEXT NOT NULL, updated_at TEXT NOT NULL)`;

/** Fills `vault.db`: names in the clear, values under a key that takes 600 000 rounds. */
export function fillVault(db: Database.Database, secrets: Readonly<Record<string, string>>): void {
  db.exec(VAULT_SCHEMA);
  const salt = randomLike(32, 600);
  db.prepare('INSERT INTO vault_meta VALUES (?, ?)').run('pbkdf2_salt', salt);
  const insert = db.prepare('INSERT INTO vault_secrets VALUES (?, ?, ?, ?, ?, NULL, ?, ?)');
  const at = '2026-03-25T03:00:00.000Z';
  Object.entries(secrets).forEach(([name, value], n) => {
    const iv = randomLike(IV_BYTES, 700 + n);
    const cipher = createCipheriv('aes-256-gcm', vaultValueKey(salt), iv);
    const body = Buffer.concat([cipher.update(value), cipher.final()]).toString('base64');
    insert.run(name, body, iv.toString('base64'), cipher.getAuthTag().toString('base64'), 'user', at, at);
  });
}

/** Opens a value of `vault.db` with the salt that is stored there. */
export function openVaultValue(db: Database.Database, name: string): string {
  const salt = db.prepare("SELECT value FROM vault_meta WHERE key = 'pbkdf2_salt'").pluck().get() as Buffer;
  const row = db
    .prepare('SELECT encrypted_value, iv, auth_tag FROM vault_secrets WHERE name = ?')
    .raw()
    .get(name);
  const [body, iv, tag] = (row as [string, string, string]).map((text) => Buffer.from(text, 'base64'));
  if (body === undefined || iv === undefined || tag === undefined) throw new Error(`no ${name} in the vault`);
  const decipher = createDecipheriv('aes-256-gcm', vaultValueKey(salt), iv);
  decipher.setAuthTag(tag);
  return Buffer.concat([decipher.update(body), decipher.final()]).toString();
}

let derived: { readonly salt: Buffer; readonly key: Buffer } | undefined;

/** Half a second of work, done once per salt. */
function vaultValueKey(salt: Buffer): Buffer {
  if (!derived?.salt.equals(salt))
    derived = { salt, key: pbkdf2Sync(LYNOX_VAULT_KEY, salt, 600_000, 32, 'sha512') };
  return derived.key;
}
