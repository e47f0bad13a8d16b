/** Vectors of fernet.json: those that the Fernet specification publishes, and a few more. */
import { type Draft, type DraftFile, group, invalid, valid } from './draft.js';

const KEY = 'cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=';
/** Of generate.json and verify.json: 1985-10-26T01:20:00-07:00, IV 0 … 15, "hello". */
const TOKEN =
  'gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA==';
const TIME = 499_162_800;
const IV = Uint8Array.from({ length: 16 }, (_, i) => i);

const opens = (comment: string, token: string, key = KEY): Draft => valid(comment, '§2.6', { key, token });
const dead = (comment: string, token: string, key = KEY): Draft =>
  invalid('TOKEN_DEAD', comment, '§2.6', { key, token });
const noKey = (comment: string, key: string): Draft =>
  invalid('APP_KEY_MALFORMED', comment, '§2.6', { key, token: TOKEN });

export const fernetFile: DraftFile = {
  name: 'fernet.json',
  spec: 'spec/crypto.md#2-vault-keys-and-text-forms',
  header: [
    'Fernet tokens: generate.json, verify.json and invalid.json of github.com/fernet/spec, and a few more.',
    'Of invalid.json, a token that is too old and one from the future are valid here: tokens at rest have no age limit.',
  ],
  groups: [
    group(
      'sealFernet',
      valid('generate.json', '§2.6', { key: KEY, plaintext: 'hello', time: TIME, iv: IV }),
      valid('an empty text', '§2.6', { key: KEY, plaintext: '', time: TIME, iv: IV }),
      valid('a text of one block', '§2.6', { key: KEY, plaintext: 'sixteen bytes --', time: TIME, iv: IV }),
    ),
    group(
      'openFernet',
      opens('verify.json', TOKEN),
      opens('without its =', TOKEN.replace(/=+$/, '')),
      opens('a key without its = and with a line end', TOKEN, `${KEY.slice(0, -1)}\n`),
      dead(
        'invalid.json: incorrect mac',
        'gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAl1-szkFVzXTuGb4hR8AKtwcaX1YdykQUFBQUFBQUFBQQ==',
      ),
      dead('invalid.json: too short', 'gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPA=='),
      dead(
        'invalid.json: invalid base64',
        '%%%%%%%%%%%%%AECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAl1-szkFVzXTuGb4hR8AKtwcaX1YdykRtfsH-p1YsUD2Q==',
      ),
      dead(
        'invalid.json: payload size not multiple of block size',
        'gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPOm73QeoCk9uGib28Xe5vz6oxq5nmxbx_v7mrfyudzUm',
      ),
      dead(
        'invalid.json: payload padding error',
        'gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0ODz4LEpdELGQAad7aNEHbf-JkLPIpuiYRLQ3RtXatOYREu2FWke6CnJNYIbkuKNqOhw==',
      ),
      opens(
        'invalid.json: far-future TS, which is no matter at rest',
        'gAAAAAAdwStRAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAnja1xKYyhd-Y6mSkTOyTGJmw2Xc2a6kBd-iX9b_qXQcw==',
      ),
      opens(
        'invalid.json: expired TTL, which is no matter at rest',
        'gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAl1-szkFVzXTuGb4hR8AKtwcaX1YdykRtfsH-p1YsUD2Q==',
      ),
      dead(
        'invalid.json: incorrect IV (causes padding error)',
        'gAAAAAAdwJ6xBQECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAkLhFLHpGtDBRLRTZeUfWgHSv49TF2AUEZ1TIvcZjK1zQ==',
      ),
      dead('characters behind the =', `${TOKEN}trailingdata`),
      dead('characters that base64url does not have', `*${TOKEN.slice(0, 20)}!${TOKEN.slice(20)}`),
      dead('characters of plain base64', TOKEN.replace('_', '/')),
      dead('another version', `gQ${TOKEN.slice(2)}`),
      dead('another key', TOKEN, `${'A'.repeat(43)}=`),
      dead('no characters', ''),
      noKey('a key of 31 bytes', 'A'.repeat(42)),
      noKey('a key of 48 bytes', 'A'.repeat(64)),
      noKey('no key', ''),
    ),
  ],
};
