/**
 * The njs module of a site: it reads what `responseFormat` (lib/page/response-format.ts) has written. njs 0.7.9 of Debian 12 must
 * understand it: no `for … of`, no optional chaining; strings are UTF-8 there, so whatever may not be is a Buffer.
 *
 * @param stored the location of the stored responses
 */
export function njsModule(stored: string): string {
  return MODULE.replace('STORED', stored);
}

const MODULE = String.raw`// Made by nestjs-nginx-cache: sends the whole responses that the application has stored in memcached.
export default { serve };

const LF = 10;
const CR = 13;
const COLON = 58;

function serve(r) {
    r.subrequest('STORED', answer);
}

function answer(reply) {
    const r = reply.parent;
    const page = parse(reply.responseBuffer, reply.headersOut['Content-Length']);
    // By the error_page of the location, 404 and 500 lead to the application.
    if (page) send(r, page);
    else r.return(404);
}

// Nothing unless all of it is as the application writes it. Values are bytes, and are sent as they are.
function parse(value, length) {
    // Shorter than memcached has promised: memcached stopped in the middle.
    if (!value || value.length !== Number(length) || value.toString('utf8', 0, 9) !== 'HTTP/1.1 ') return undefined;
    const page = { status: Number(value.toString('utf8', 9, 12)), names: [], values: [], body: undefined };
    let start = value.indexOf(LF) + 1;
    while (value[start] !== CR) {
        const colon = value.indexOf(COLON, start);
        const end = value.indexOf(CR, start);
        if (colon < 0 || end < colon || value[end + 1] !== LF) return undefined;
        page.names.push(value.toString('utf8', start, colon));
        page.values.push(value.subarray(colon + 2, end));
        start = end + 2;
    }
    page.body = value.subarray(start + 2);
    return page.status >= 200 && page.status <= 599 && value[start + 1] === LF ? page : undefined;
}

function send(r, page) {
    const isPacked = page.names.indexOf('Content-Encoding') >= 0;
    age(page);
    if (page.status >= 300 && page.status < 400) return redirect(r, page, isPacked);
    const unpacks = isPacked && isUnpacked(r.headersIn['Accept-Encoding'], r.httpVersion);
    if (unpacks) weaken(page);
    const tags = r.headersIn['If-None-Match'];
    const since = r.headersIn['If-Modified-Since'];
    if (page.status === 200 && (tags || since) && isNotModified(tags, since, page)) return notModified(r, page);
    const range = divide(r, page, unpacks);
    if (range && range.start >= range.end) return unsatisfiable(r, page);
    setFields(r.headersOut, page);
    if (range) r.return(206, page.body.subarray(range.start, range.end));
    else r.return(page.status, page.body);
}

// RFC 9111, section 5.1. Before njs 0.8.1, a Date would stand besides nginx's own, from which the Age counts as well.
function age(page) {
    const i = find(page, 'date');
    if (i < 0) return;
    const seconds = Math.floor((Date.now() - Date.parse(page.values[i].toString())) / 1000);
    if (njs.version_number < 0x000801) remove(page, i);
    add(page, 'Age', String(seconds > 0 ? seconds : 0));
}

// Says in the fields of the page whether there are parts of it, and which one this is: of the bytes that are stored
// (byteRange and requestedRange in lib/http/byte-range.ts do the same).
function divide(r, page, unpacks) {
    const own = find(page, 'accept-ranges');
    if (page.status !== 200 || (own >= 0 && page.values[own].toString().toLowerCase() !== 'bytes')) return undefined;
    if (own >= 0) remove(page, own);
    if (unpacks) return undefined;
    add(page, 'Accept-Ranges', 'bytes');
    const condition = r.headersIn['If-Range'];
    if (r.method !== 'GET' || (condition !== undefined && condition !== strongTag(page))) return undefined;
    const range = byteRange(r.headersIn.Range || '', page.body.length);
    if (range) add(page, 'Content-Range', 'bytes ' + range.start + '-' + (range.end - 1) + '/' + page.body.length);
    return range;
}

// One range of bytes (RFC 9110, section 14.1.2); all of the page for anything else. It cannot be satisfied if it ends where it starts.
function byteRange(range, length) {
    const match = /^bytes=[\t ,]*(?:(\d+)-(\d*)|-(\d+))[\t ,]*$/i.exec(range);
    if (!match) return undefined;
    const start = match[3] === undefined ? Number(match[1]) : Math.max(0, length - Number(match[3]));
    if (match[2] && Number(match[2]) < start) return undefined;
    return { start, end: match[2] ? Math.min(Number(match[2]) + 1, length) : length };
}

// RFC 9110, section 15.5.17. The fields of the page would let caches keep it in the place of the page.
function unsatisfiable(r, page) {
    r.headersOut['Content-Range'] = 'bytes */' + page.body.length;
    r.return(416);
}

// r.return() would take the content of a redirect for its target, and r.send() takes text only.
function redirect(r, page, isPacked) {
    const text = page.body.toString();
    if (isPacked || text.indexOf('\ufffd') >= 0) return r.return(404);
    r.status = page.status;
    setFields(r.headersOut, page);
    r.headersOut['Content-Length'] = page.body.length;
    r.sendHeader();
    if (r.method !== 'HEAD') r.send(text);
    r.finish();
}

function notModified(r, page) {
    r.status = 304;
    setFields(r.headersOut, page);
    // They describe the content (RFC 9110, section 15.4.5).
    r.headersOut['Content-Type'] = '';
    r.headersOut['Content-Encoding'] = '';
    r.sendHeader();
    r.finish();
}

// The values of one field follow each other in a page, and must be set at once.
function setFields(headersOut, page) {
    const names = page.names;
    for (let i = 0; i < names.length; i++) {
        const first = i;
        while (names[i + 1] === names[i]) i++;
        headersOut[names[i]] = first === i ? page.values[i] : page.values.slice(first, i + 1);
    }
}

// RFC 9110, section 13.2.2. nginx cannot do it here: it does not know the validators that njs sets.
function isNotModified(tags, since, page) {
    if (!tags) {
        const modified = find(page, 'last-modified');
        return modified >= 0 && Date.parse(page.values[modified].toString()) <= Date.parse(since);
    }
    const listed = tags.match(/"[^"]*"/g);
    return tags.trim() === '*' || (listed !== null && listed.indexOf(opaqueTag(page)) >= 0);
}

// Whether nginx will unpack the content: as ngx_http_gzip_ok decides (src/http/ngx_http_core_module.c).
function isUnpacked(accepted, version) {
    if (accepted === undefined || version === '1.0') return true;
    if (accepted === 'gzip' || accepted.indexOf('gzip,') === 0) return false;
    return !/^(?:(?:(?!gzip).)*[, ])?gzip *(?:,|$|; *q=(?:1(?:\.0{0,3})?|0\.0{0,2}[1-9]\d{0,2}) *(?:,|$))/i.test(accepted);
}

// Another coding is another representation (RFC 9110, section 8.8.3.3). nginx does the same to an ETag that it knows.
function weaken(page) {
    page.values[find(page, 'etag')] = 'W/' + opaqueTag(page);
}

function opaqueTag(page) {
    return page.values[find(page, 'etag')].toString().replace(/^W\//, '');
}

function strongTag(page) {
    const tag = page.values[find(page, 'etag')].toString();
    return tag.charAt(0) === '"' ? tag : undefined;
}

function add(page, name, value) {
    page.names.push(name);
    page.values.push(value);
}

function remove(page, i) {
    page.names.splice(i, 1);
    page.values.splice(i, 1);
}

// There is always an ETag, and a Date without clientCacheControl; the application writes them in any case.
function find(page, wanted) {
    return page.names.findIndex((name) => name.toLowerCase() === wanted);
}
`;
