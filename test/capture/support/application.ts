/** An application with one WAL database that does what a test says, in a process of its own. */
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { startProcess } from './processes.js';

const SCRIPT = new URL('./application.mjs', import.meta.url).pathname;

export interface Application {
  /** Runs one statement; the first value of its first row, or how many rows changed, or what SQLite complained of. */
  run(sql: string): Promise<unknown>;
  kill(): Promise<void>;
}

/** Starts one. It never checkpoints by itself. */
export async function startApplication(path: string, pageSize = 4096): Promise<Application> {
  const running = await startProcess(SCRIPT, [path, String(pageSize)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const { child } = running;
  if (child.stdin === null || child.stdout === null) throw new Error('no pipes');
  const { stdin } = child;
  const answers = createInterface({ input: child.stdout });
  return {
    kill: () => running.kill(),
    run: async (sql) => {
      const answer = once(answers, 'line') as Promise<[string]>;
      stdin.write(`${JSON.stringify(sql)}\n`);
      const [line] = await answer;
      return JSON.parse(line) as unknown;
    },
  };
}
