/**
 * The capture process: all connections to databases of the source live here and nothing else opens those files here,
 * because closing any descriptor of a file drops every lock that the process holds on it (DESIGN §6).
 */
import { AdoptedFile } from './adopted-file.js';
import { pinAll } from './cut.js';
import { removePrivateDirectory } from './private-directory.js';
import { replaceByDecoy } from './private-file.js';
import type { AnswerMessage, RequestKind, RequestMessage, Requests } from './protocol.js';
import { SourceDatabase } from './source-database.js';
import { classifyError, sqliteCode } from './sqlite-errors.js';

const PAGES_PER_STEP = 2048;
const databases = new Map<number, SourceDatabase>();
const files = new Map<string, AdoptedFile>();

type Handlers = {
  [Kind in RequestKind]: (
    body: Requests[Kind]['request'],
  ) => Requests[Kind]['answer'] | Promise<Requests[Kind]['answer']>;
};

const handlers: Handlers = {
  open: ({ database, path, link }) =>
    outcomeOf(() => {
      databases.get(database)?.close();
      databases.delete(database);
      databases.set(database, new SourceDatabase(path, link));
    }),
  adopt: ({ file }) => {
    files.set(file, new AdoptedFile(file));
    return null;
  },
  inspect: ({ file }) =>
    outcomeOf(() => {
      adopted(file).inspect();
    }),
  pin: (request) => pinAll(databases, request),
  locate: ({ database }) => opened(database).locate(),
  examine: ({ database, tokens }) => opened(database).examine(tokens),
  confirm: ({ database }) => opened(database).isUndisturbed(),
  copy: async ({ database, file }) => {
    const source = opened(database);
    let isNamed = true;
    try {
      await source.copyTo(file, PAGES_PER_STEP, () => {
        // The first call comes before the first page: from here on the content has no name.
        if (isNamed) replaceByDecoy(file);
        isNamed = false;
      });
    } finally {
      source.close();
      databases.delete(database);
    }
    return null;
  },
  check: ({ file, tokens }) => {
    const adoptedFile = adopted(file);
    try {
      return adoptedFile.check(tokens);
    } finally {
      adoptedFile.close();
      files.delete(file);
    }
  },
  discard: ({ file }) => {
    files.get(file)?.close();
    files.delete(file);
    return null;
  },
  release: ({ database }) => {
    databases.get(database)?.close();
    databases.delete(database);
    return null;
  },
};

function opened(database: number): SourceDatabase {
  const found = databases.get(database);
  if (found === undefined) throw new TypeError(`Database ${database} is not open`);
  return found;
}

function adopted(file: string): AdoptedFile {
  const found = files.get(file);
  if (found === undefined) throw new TypeError('The private file was not adopted');
  return found;
}

function outcomeOf(action: () => void): Requests['open']['answer'] {
  try {
    action();
    return { outcome: 'open', message: '' };
  } catch (error) {
    return { outcome: classifyError(error), message: error instanceof Error ? error.message : String(error) };
  }
}

async function handle(message: RequestMessage): Promise<void> {
  let reply: AnswerMessage;
  try {
    const handler = handlers[message.kind] as (body: unknown) => Promise<Requests[RequestKind]['answer']>;
    reply = { id: message.id, answer: await handler(message.body) };
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    reply = { id: message.id, error: { code: sqliteCode(error), message: text } };
  }
  if (!process.connected) return;
  // Of a parent that died meanwhile a failed answer tells first.
  process.send?.(reply, undefined, undefined, (error) => {
    if (error !== null) leave();
  });
}

const privateDirectory = process.argv[2];

/** The parent is gone or done: nothing may stay behind, and nothing may keep a writer waiting. */
function leave(): void {
  // Closing is the kernel's business: an orderly close could fail in the middle of a copy.
  if (privateDirectory !== undefined) removePrivateDirectory(privateDirectory);
  process.exit(0);
}

process.on('message', (message: RequestMessage) => void handle(message));
process.on('disconnect', leave);
process.on('SIGTERM', leave);
// Ctrl-C reaches the whole process group; what it means is the parent's decision.
process.on('SIGINT', () => undefined);
