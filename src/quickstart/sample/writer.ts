/**
 * A program of its own that writes two databases all the time: message n to the first, and only when that is
 * committed, memory n, which refers to it, to the second. Usage: node writer.js CHAT MEMORY, started by fork().
 */

import Database from 'better-sqlite3';

/** Milliseconds between two messages. */
const PAUSE_MS = 1;

const [chatFile = '', memoryFile = ''] = process.argv.slice(2);
const chat = new Database(chatFile, { timeout: 10_000 });
const memory = new Database(memoryFile, { timeout: 10_000 });
const addMessage = chat.prepare('INSERT INTO messages (id, body) VALUES (?, ?)');
const addMemory = memory.prepare('INSERT INTO memories (message, body) VALUES (?, ?)');
let n = 0;

const timer = setInterval(() => {
  n += 1;
  addMessage.run(n, `Message ${n}: ${'and so on '.repeat(20)}`);
  addMemory.run(n, `What message ${n} was about`);
  if (n === 1) process.send?.('writing');
}, PAUSE_MS);

// Told to stop, it keeps its databases open, as a program at rest does: closing them would remove their logs.
process.on('message', () => {
  clearInterval(timer);
  process.send?.(n);
});
// Told to end, or the quickstart has died.
process.on('disconnect', () => {
  clearInterval(timer);
  chat.close();
  memory.close();
});
