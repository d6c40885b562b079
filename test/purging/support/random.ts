export { generator } from '../../support/random.js';
