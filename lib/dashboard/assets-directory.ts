import { dirname, join } from 'node:path';
import { fromApplication } from '../checks/from-application.js';

/** Where the files for the browser are: in the same place in the package and in the repository, since nothing compiles them. */
export function assetsDirectory(): string {
  return join(dirname(fromApplication.find('nestjs-nginx-cache/package.json')), 'lib/dashboard/assets');
}
