import { parseAccess } from '../../nginx/access-log.js';
import { DOCTOR } from '../../operations/log/log-summary.js';
import { follow } from '../../operations/log/log-lines.js';
import { outcomeOf } from '../../operations/outcome.js';
import type { Activity } from './activity.js';

/** How many bytes at the end of a longer log are read. */
const LATEST = 200 << 20;

/** Counts what nginx has logged, and goes on with what it logs from now on. It never rejects: a log that cannot be read is tried again. */
export async function followLog(activity: Activity, file: string, signal: AbortSignal): Promise<void> {
  const onTrouble = ({ message }: Error) => {
    activity.problem = message;
  };
  for await (const lines of follow(file, signal, LATEST, onTrouble)) {
    activity.problem = undefined;
    for (const line of lines) {
      const access = parseAccess(line);
      if (!access || Number.isNaN(access.time)) activity.addUnreadable();
      else if ((access.method === 'GET' || access.method === 'HEAD') && access.agent !== DOCTOR) {
        activity.add(access.target, outcomeOf(access.cacheStatus), access.time, access.waited);
      }
    }
  }
}
