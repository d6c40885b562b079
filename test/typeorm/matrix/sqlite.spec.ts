import { matrix } from './matrix.js';

matrix('sqlite');
