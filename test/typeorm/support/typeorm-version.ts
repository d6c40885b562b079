/**
 * Lets everything in this process import another version of TypeORM than the one that is installed as `typeorm`: the tests, the library,
 * `@nestjs/typeorm` and what requires it. An ES module that imports CommonJS asks the same cache.
 */
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const name = process.env['TYPEORM_PACKAGE'];
if (name) {
  const chosen = require.resolve(name);
  require(chosen);
  require.cache[require.resolve('typeorm')] = require.cache[chosen];
}
