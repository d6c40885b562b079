// What it costs to notice what a page is made from, in microseconds per request.
//
//   npx tsc -p tsconfig.build.json && node bench/inputs.mjs
import 'reflect-metadata';
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { checkOptions } from '../dist/configuration/check-options.js';
import { PageInputs } from '../dist/inputs/page-inputs.js';
import { PageKeys } from '../dist/page/page-key.js';
import { ReceivedRequests } from '../dist/page/received-request.js';

const ROUNDS = 7;
const REQUESTS = 4000;
// prettier-ignore
const FIELDS = [
  'Host', 'example.com', 'X-Page-Cache-Key', 'page:/posts/1', 'Connection', 'keep-alive', 'X-Real-IP', '192.0.2.1', 'X-Forwarded-For', '192.0.2.1',
  'User-Agent', 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0', 'Accept', 'text/html,application/xhtml+xml',
  'Accept-Language', 'en-GB,en;q=0.5', 'Accept-Encoding', 'gzip, deflate, br, zstd', 'Cookie', '_ga=GA1.2.3', 'Sec-Fetch-Mode', 'navigate',
  'Referer', 'https://example.com/',
];
/** What Express with helmet, compression and a session reads. */
const READ = ['transfer-encoding', 'content-length', 'if-modified-since', 'if-none-match', 'accept-encoding', 'cookie'];

const options = checkOptions();
const inputs = new PageInputs(options, new ReceivedRequests(options.rules, new PageKeys(options)));
const socket = new Socket();
// Each request is over when the next one comes, as on a connection.
const response = { writableFinished: true, destroyed: false };

function request() {
  const made = new IncomingMessage(socket);
  made.method = 'GET';
  made.url = '/posts/1';
  made.httpVersionMajor = 1;
  made.rawHeaders = FIELDS;
  for (let index = 0; index < FIELDS.length; index += 2) {
    // Node makes the object when it is first asked for.
    made._addHeaderLine(FIELDS[index], FIELDS[index + 1], made.headers);
  }
  return made;
}

function readAll({ headers }) {
  let length = 0;
  for (const name of READ) length += headers[name]?.length ?? 0;
  return length;
}

const subjects = {
  'not observed': (made) => readAll(made),
  observed: (made) => {
    inputs.observe(made, response);
    return readAll(made);
  },
  'observed, and a field read that counts': (made) => {
    inputs.observe(made, response);
    return readAll(made) + (made.headers['x-api'] === undefined ? 0 : 1);
  },
};
const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
const times = Object.fromEntries(Object.keys(subjects).map((name) => [name, []]));
for (let round = 0; round < ROUNDS; round += 1) {
  for (const [name, serve] of Object.entries(subjects)) {
    const made = Array.from({ length: REQUESTS }, request);
    const start = process.cpuUsage();
    for (const one of made) serve(one);
    const { user, system } = process.cpuUsage(start);
    times[name].push((user + system) / REQUESTS);
  }
}
for (const [name, values] of Object.entries(times))
  console.log(`${name.padEnd(45)}${median(values).toFixed(2).padStart(6)} us`);
