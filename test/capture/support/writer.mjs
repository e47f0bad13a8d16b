// Applications for the capture tests: each mode opens databases as a real program would, in a process of its own.
// usage: node writer.mjs MODE PATH…   prints "ready" once, then does its thing until killed.
import { constants, setPriority } from 'node:os';
import Database from 'better-sqlite3';

const [mode, ...paths] = process.argv.slice(2);
const ready = () => process.stdout.write('ready\n');
const forever = () => setInterval(() => undefined, 1000);
const die = () => process.kill(process.pid, 'SIGKILL');
const pause = (milliseconds) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);

/** Others that have work to do make this process wait as little as it may ask for. */
function hurry() {
  try {
    setPriority(constants.priority.PRIORITY_HIGHEST);
  } catch {
    // Only root may.
  }
}

/** A table with `rows` rows whose sum of `n` is always 0, and a counter. */
function create(path, journal, rows = 200) {
  const db = new Database(path);
  db.pragma(`journal_mode = ${journal}`);
  db.exec('CREATE TABLE IF NOT EXISTS counter (n INTEGER)');
  db.exec('CREATE TABLE IF NOT EXISTS items (id INTEGER PRIMARY KEY, n INTEGER, body TEXT)');
  const insert = db.prepare('INSERT INTO items (n, body) VALUES (0, ?)');
  db.transaction(() => {
    if (db.prepare('SELECT count(*) FROM counter').pluck().get() === 0)
      db.exec('INSERT INTO counter VALUES (0)');
    for (let i = 0; i < rows; i += 1) insert.run(`PLAINTEXT-CANARY ${i} ${'x'.repeat(400)}`);
  })();
  db.pragma('busy_timeout = 10000');
  return db;
}

const modes = {
  /** Makes databases and closes them. */
  create: () => paths.slice(1).forEach((path) => create(path, paths[0]).close()),
  /** Holds a WAL database open and idle, with commits in its log. */
  hold: () => {
    globalThis.kept = paths.map((path) => create(path, 'wal'));
    ready();
    forever();
  },
  /** Moves amounts between rows in one database all the time; the sum stays 0 in every committed state. */
  transfer: () => {
    const db = create(paths[1], paths[0]);
    db.pragma('synchronous = OFF');
    const change = db.prepare('UPDATE items SET n = n + ? WHERE id = ?');
    const rows = db.prepare('SELECT max(id) FROM items').pluck().get();
    const once = db.transaction(() => {
      for (let i = 0; i < 10; i += 1) {
        change.run(1, 1 + Math.floor(Math.random() * rows));
        change.run(-1, 1 + Math.floor(Math.random() * rows));
      }
    });
    once.immediate();
    ready();
    while (true) once.immediate();
  },
  /** Commits n to the first, then n to the second, and so on, for ever. */
  sequence: () => {
    const updates = paths.map((path) => {
      const db = create(path, 'wal', 20);
      db.pragma('synchronous = OFF');
      return db.prepare('UPDATE counter SET n = ?');
    });
    ready();
    for (let n = 1; ; n += 1) updates.forEach((update) => update.run(n));
  },
  /** One transaction over two attached databases, for ever; slow commits (full sync) open a gap between them. */
  attached: () => {
    const [journal, pauseMs, first, second] = paths;
    create(second, journal, 20).close();
    const db = create(first, journal, 20);
    db.prepare('ATTACH ? AS other').run(second);
    db.pragma('main.synchronous = FULL');
    db.pragma('other.synchronous = FULL');
    const a = db.prepare('UPDATE main.counter SET n = ?');
    const b = db.prepare('UPDATE other.counter SET n = ?');
    let n = 0;
    const once = db.transaction(() => {
      n += 1;
      a.run(n);
      b.run(n);
    });
    ready();
    while (true) {
      once.immediate();
      pause(Number(pauseMs));
    }
  },
  /** Commits into the log and dies: -wal and -shm stay behind. */
  'leave-wal': () => {
    const db = create(paths[0], 'wal');
    db.exec(
      "UPDATE counter SET n = 41; UPDATE counter SET n = 42; CREATE TABLE late (x); INSERT INTO late VALUES ('y')",
    );
    die();
  },
  /** Dies in the middle of a transaction whose pages have spilled: a hot journal stays behind. */
  'leave-journal': () => {
    const db = create(paths[0], 'delete', 3000);
    db.pragma('cache_size = 5');
    db.exec('BEGIN');
    db.exec(
      "UPDATE items SET n = 7, body = 'HALF-DONE'; DELETE FROM items WHERE id % 3 = 0; INSERT INTO items (body) SELECT body FROM items",
    );
    die();
  },
  /** Holds a lock as paths[0] says: 'exclusive' (rollback) or 'wal-exclusive' (locking mode). */
  lock: () => {
    const [kind, path] = paths;
    create(path, kind === 'exclusive' ? 'delete' : 'wal').close();
    const db = new Database(path);
    if (kind === 'exclusive') db.exec('BEGIN EXCLUSIVE');
    // The mode first, or there is an index; and without waits for the disk, for a writer that rests may be copied.
    else db.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA synchronous = OFF; UPDATE counter SET n = n + 1');
    ready();
    forever();
    if (kind === 'exclusive') return;
    hurry();
    while (true) db.exec('UPDATE counter SET n = n + 1');
  },
};

modes[mode]();
