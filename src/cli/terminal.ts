/** What the program writes: data to stdout, everything else to stderr, JSON on one line, names made harmless. */

import { styleText } from 'node:util';
import type { NbakError } from '../errors.js';

/** Text that may hold anything, with control characters escaped so that it cannot steer a terminal. */
export function printable(text: string): string {
  // C0, DEL, C1 and the bidirectional controls.
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, (char) => {
    const code = char.charCodeAt(0);
    return code < 256 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16)}`;
  });
}

/** One line of data. */
export function printLine(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** One JSON document on one line of stdout. */
export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

/** A message for the user. */
export function note(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** An error, for people on stderr or for programs on stdout. */
export function printError(error: NbakError, asJson: boolean): void {
  const { code, message, details, hint } = error;
  if (asJson) {
    printJson({ error: { code, message, details, ...(hint !== undefined && { hint }) } });
    return;
  }
  note(`${coloured('red', 'nbak:')} ${printable(message)} ${coloured('gray', `[${code}]`)}`);
  if (hint !== undefined) note(`      ${printable(hint)}`);
}

/** Colours only where both streams go to a terminal, for any text may go to either, and not where NO_COLOR is set. */
export function coloured(colour: 'red' | 'green' | 'yellow' | 'gray' | 'bold', text: string): string {
  const isTerminal = process.stdout.isTTY && process.stderr.isTTY;
  const wanted = isTerminal && (process.env['NO_COLOR'] ?? '') === '';
  return wanted ? styleText(colour, text) : text;
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** Bytes for people: three digits and a unit. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0)} ${UNITS[unit] ?? ''}`;
}

/** Milliseconds for people. */
export function formatDuration(ms: number): string {
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  const minutes = Math.floor(seconds / 60);
  return minutes < 60
    ? `${minutes} min ${seconds % 60} s`
    : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** RFC 3339, UTC. */
export function formatTime(ms: number): string {
  return new Date(ms).toISOString();
}

/** A whole number with commas. By hand: the first use of a locale loads 12 ms of its data. */
export function formatAmount(amount: number): string {
  return String(amount).replace(/\B(?=(?:\d{3})+$)/g, ',');
}

/** `1 file`, `2 files`, `3 directories`. */
export function count(amount: number, noun: string): string {
  const plural = noun.endsWith('y') ? `${noun.slice(0, -1)}ies` : `${noun}s`;
  return `${formatAmount(amount)} ${amount === 1 ? noun : plural}`;
}
