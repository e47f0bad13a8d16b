// Writers and checkpointers that do as they please, for the storm test.
// usage: node storm.mjs churn|checkpoint PATH   prints "ready" once, then goes on until killed.
import Database from 'better-sqlite3';

const [mode, path] = process.argv.slice(2);
const pause = (milliseconds) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
const below = (bound) => Math.floor(Math.random() * bound);
const oneOf = (list) => list[below(list.length)];

function open() {
  const db = new Database(path);
  db.pragma('busy_timeout = 2000');
  db.pragma('synchronous = OFF');
  return db;
}

/** Locks that others hold for too long are part of the game. */
function attempt(action) {
  try {
    action();
  } catch (error) {
    if (!/^SQLITE_(BUSY|LOCKED)/.test(error.code ?? '')) throw error;
  }
}

function churn() {
  const db = open();
  const insert = db.prepare('INSERT INTO t (body) VALUES (randomblob(?))');
  const update = db.prepare('UPDATE t SET body = randomblob(?) WHERE id % 97 = ?');
  const remove = db.prepare('DELETE FROM t WHERE id IN (SELECT id FROM t ORDER BY random() LIMIT ?)');
  const count = db.prepare('SELECT count(*) FROM t').pluck();
  const change = () => {
    for (let i = below(8); i >= 0; i -= 1) insert.run(oneOf([20, 300, 3000, 20_000]));
    update.run(oneOf([50, 2000]), below(97));
    if (count.get() > 300) remove.run(below(200));
  };
  const giveUp = db.transaction(() => {
    // With a cache this small, pages of a transaction that is never committed get into the log.
    db.pragma('cache_size = 5');
    for (let i = 0; i < 40; i += 1) insert.run(3000);
    pause(below(10));
    throw Object.assign(new Error('given up'), { code: 'SQLITE_BUSY' });
  });
  const commit = db.transaction(change);
  process.stdout.write('ready\n');
  while (true) {
    db.pragma(`wal_autocheckpoint = ${oneOf([0, 10, 1000])}`);
    const dice = below(100);
    if (dice < 2) attempt(() => db.exec('VACUUM'));
    else if (dice < 10) attempt(() => giveUp.immediate());
    else attempt(() => commit.immediate());
    // Quiet moments, in which a checkpoint gets to the end of the log.
    pause(dice < 20 ? below(60) : below(12));
  }
}

function checkpoint() {
  let db = open();
  process.stdout.write('ready\n');
  while (true) {
    db.pragma(`busy_timeout = ${oneOf([0, 30])}`);
    attempt(() =>
      db.pragma(`wal_checkpoint(${oneOf(['PASSIVE', 'PASSIVE', 'FULL', 'RESTART', 'TRUNCATE'])})`),
    );
    pause(below(20));
    if (below(50) > 0) continue;
    db.close();
    db = open();
  }
}

if (mode === 'churn') churn();
else checkpoint();
