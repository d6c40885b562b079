import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { buildChild, type Constants } from './child-program.js';

interface Answer {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: string;
}

/** Processes that answer questions. */
export class ChildProcesses implements AsyncDisposable {
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #asked = 0;

  private constructor(
    private readonly program: string,
    private readonly children: ChildProcess[],
  ) {
    for (const child of children) this.listen(child);
  }

  /**
   * @param source TypeScript, which finds the library under `./lib/index.js`; its function `answer(question, index)` is asked
   * @param args what the program finds in `process.argv[2]`, as JSON
   * @param constants what the program has in the place of the library's own
   */
  static async start(source: string, count: number, args: unknown, constants: Constants = {}): Promise<ChildProcesses> {
    return ChildProcesses.of(await ChildProcesses.build(source, constants), count, args);
  }

  /** Makes the program alone. */
  static build(source: string, constants: Constants = {}): Promise<string> {
    return buildChild(`${source}\n${LISTEN}`, { constants });
  }

  /** @param program what `build` has made */
  static of(program: string, count: number, args: unknown): ChildProcesses {
    const children = Array.from({ length: count }, (_, index) => run(program, index, args));
    return new ChildProcesses(program, children);
  }

  /** Ends a process as an operator does, and starts another one in its place, with other arguments. */
  async replace(index: number, args: unknown): Promise<void> {
    const old = this.children[index];
    old?.kill('SIGTERM');
    if (old?.exitCode === null && old.signalCode === null) await once(old, 'exit');
    this.listen((this.children[index] = run(this.program, index, args)));
  }

  get count(): number {
    return this.children.length;
  }

  ask<T>(index: number, question: unknown): Promise<T> {
    const child = this.children[index]!;
    const id = (this.#asked += 1);
    return new Promise((resolve, reject) => {
      const died = () => reject(new Error(`process ${index} has ended`));
      child.once('exit', died);
      this.#waiting.set(id, ({ value, error }) => {
        this.#waiting.delete(id);
        child.off('exit', died);
        if (error === undefined) resolve(value as T);
        else reject(new Error(error));
      });
      child.send({ id, question });
    });
  }

  all<T>(question: unknown): Promise<T[]> {
    return Promise.all(this.children.map((_, index) => this.ask<T>(index, question)));
  }

  private listen(child: ChildProcess): void {
    child.on('message', (answer: Answer) => this.#waiting.get(answer.id)?.(answer));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(
      this.children.map(async (child) => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        child.kill('SIGKILL');
        await once(child, 'exit');
      }),
    );
  }
}

function run(program: string, index: number, args: unknown): ChildProcess {
  return fork(program, [JSON.stringify(args), String(index)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
}

const LISTEN = `
process.on('message', async ({ id, question }: { id: number; question: never }) => {
  try {
    process.send!({ id, value: await answer(question, Number(process.argv[3])) });
  } catch (error) {
    process.send!({ id, error: String((error as Error)?.stack ?? error) });
  }
});
process.on('disconnect', () => process.exit());
`;
