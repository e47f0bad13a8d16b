/** An application that keeps its credentials as Odysseus does: Fernet tokens under a key of its own, `enc:` before them. */

import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { Fernet, newAppKeyText, parseAppKey } from '#nbak/crypto/fernet.js';
import { nodeCrypto } from '#nbak/crypto/node.js';
import type { AppKeyDeclaration } from '#nbak/source/profiles/app-keys.js';

export const PREFIX = 'enc:';

/** Where the application keeps its key and its tokens. */
export const DECLARATION: AppKeyDeclaration = {
  name: 'application',
  from: [{ file: '.app_key' }, { environment: 'KEYED_APPLICATION_KEY' }],
  tokens: [
    { in: 'database', path: 'app.db', table: 'accounts', column: 'password', prefix: PREFIX },
    {
      in: 'database',
      path: 'app.db',
      table: 'servers',
      column: 'settings',
      field: 'oauth.*',
      prefix: PREFIX,
    },
    { in: 'database', path: 'app.db', table: 'not_yet_there', column: 'token' },
    { in: 'file', path: 'integrations.json', format: 'json', field: '*.api_key', prefix: PREFIX },
    { in: 'file', path: 'conf/*.yaml', format: 'yaml', field: 'mail.password' },
  ],
};

/** Tokens of the application as {@link makeApplication} makes it, by place. */
export const PLACES = {
  'app.db: accounts.password': { opened: 3, failed: 1 },
  'app.db: servers.settings, oauth.*': { opened: 4, failed: 0 },
  'conf/mail.yaml: mail.password': { opened: 1, failed: 0 },
  'integrations.json: *.api_key': { opened: 2, failed: 0 },
} as const;
export const OPENED = 10;

export const fernetOf = (text: string): Fernet => {
  const key = parseAppKey(text);
  if (key === undefined) throw new RangeError('not an app key');
  return new Fernet(nodeCrypto, key);
};

/** A token of `secret`, made now. */
export function tokenOf(key: string, secret: string): string {
  const stamp = { time: 1_750_000_000n, iv: randomBytes(16) };
  return fernetOf(key).seal(Buffer.from(secret), stamp);
}

/** Makes the application's directory, and says what its key is. One token in it is dead: made with a lost key. */
export function makeApplication(directory: string, key = newAppKeyText(nodeCrypto)): string {
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), text);
  };
  write('.app_key', key);
  chmodSync(join(directory, '.app_key'), 0o600);
  write('notes.md', '# Notes\n');
  const lost = newAppKeyText(nodeCrypto);
  const app = new Database(join(directory, 'app.db'));
  app.exec('CREATE TABLE accounts (name TEXT PRIMARY KEY, password TEXT) WITHOUT ROWID');
  app.exec('CREATE TABLE servers (id INTEGER PRIMARY KEY, settings TEXT)');
  const account = app.prepare('INSERT INTO accounts VALUES (?, ?)');
  for (const name of ['imap', 'smtp', 'web']) account.run(name, PREFIX + tokenOf(key, `secret of ${name}`));
  account.run('dead', PREFIX + tokenOf(lost, 'nobody will read this again'));
  account.run('legacy', 'a password from before encryption');
  account.run('empty', '');
  account.run('none', null);
  const server = app.prepare('INSERT INTO servers (settings) VALUES (?)');
  for (const name of ['a', 'b']) {
    const oauth = { access: PREFIX + tokenOf(key, `access ${name}`), refresh: PREFIX + tokenOf(key, name) };
    server.run(JSON.stringify({ url: `https://${name}.example`, oauth }));
  }
  server.run('not JSON at all');
  app.close();
  const items = ['x', 'y'].map((name) => ({ name, api_key: PREFIX + tokenOf(key, name) }));
  write('integrations.json', `${JSON.stringify([...items, { name: 'z', api_key: '' }], null, 2)}\n`);
  write(
    'conf/mail.yaml',
    `# mail\nmail:\n  host: mail.example\n  password: ${tokenOf(key, 'mail')} # ours\n`,
  );
  return key;
}
