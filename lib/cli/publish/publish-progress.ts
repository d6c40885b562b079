import { SingleBar } from 'cli-progress';
import type { PublishProgress } from '../../events/outcomes.events.js';
import type { Cli } from '../cli.js';

/** Shows how far a publication is. */
export interface ProgressView {
  update(progress: PublishProgress): void;
  end(): void;
}

/** A bar on a terminal, a line for each page in a pipe or a file, and nothing if a program reads JSON. */
export function progressView(cli: Cli, total: number, isJson: boolean): ProgressView {
  if (isJson) return { update: () => {}, end: () => {} };
  return cli.terminal.stderr.isTTY && cli.terminal.stdout.isTTY ? bar(cli, total) : lines(cli);
}

function lines(cli: Cli): ProgressView {
  return {
    update: ({ path, result, status, reason, done, total }) => {
      const why = [status, reason].filter((one) => one !== undefined).join(' ');
      cli.print(`${done}/${total} ${result} ${path}${why && ` (${why})`}`);
    },
    end: () => {},
  };
}

function bar(cli: Cli, total: number): ProgressView {
  const single = new SingleBar({
    format: '{bar} {percentage} % · {value} of {total} · {rate} pages/s · {left} left · {failed} failed',
    barCompleteChar: '█',
    barIncompleteChar: '░',
    barsize: 24,
    hideCursor: true,
    stream: cli.terminal.stderr as NodeJS.WritableStream,
  });
  const start = performance.now();
  let failed = 0;
  single.start(total, 0, { rate: '–', left: '–', failed });
  return {
    update: ({ done, result }) => {
      if (result === 'failed') failed += 1;
      const seconds = (performance.now() - start) / 1000;
      const rate = done / Math.max(seconds, 0.001);
      single.update(done, { rate: rate.toFixed(rate < 10 ? 1 : 0), left: clock((total - done) / rate), failed });
    },
    end: () => single.stop(),
  };
}

/** `0:09`, `12:30`, `1:02:03`. */
function clock(seconds: number): string {
  const whole = Math.ceil(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  const tail = String(whole % 60).padStart(2, '0');
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, '0')}:${tail}` : `${minutes}:${tail}`;
}
