import { PAGE_NONCE } from '../../page/page-nonce.js';

/**
 * The njs module of a site: it reads what `responseFormat` (lib/page/response-format.ts) has written. njs 0.7.9 of Debian 12 must understand
 * it: no `for … of`, no optional chaining. Strings are UTF-8 there, so anything that may not be UTF-8 is a Buffer. Each call takes about
 * 0.1 µs there, and so does each access to a byte of a Buffer. So lines are text, and nothing is searched for unless somebody asks for it.
 *
 * @param stored the location of the stored responses
 */
export function njsModule(stored: string): string {
  return MODULE.replaceAll('STORED', stored).replaceAll('PAGE_NONCE', PAGE_NONCE);
}

const MODULE = String.raw`// Made by nestjs-nginx-cache: sends the whole responses that the application has stored in memcached.
// Nearly every request is for all of a page as it is stored. For those, each line of the header is looked at once.
export default { serve, serveWithFragments };

const LF = 10;
const CR = 13;
const COLON = 58;
const POLICY = /^content-security-policy(?:-report-only)?:/i;

function serve(r) {
    r.subrequest('STORED', answer);
}

function serveWithFragments(r) {
    r.subrequest('STORED', answerWithFragments);
}

function answer(reply) {
    sendParsed(reply, send);
}

function answerWithFragments(reply) {
    sendParsed(reply, sendForOne);
}

function sendParsed(reply, send) {
    const r = reply.parent;
    const page = parse(reply.responseBuffer, reply.headersOut['Content-Length']);
    // By the error_page of the location, 404 and 500 lead to the application.
    if (page) send(r, page);
    else r.return(404);
}

// Return nothing unless the whole value has the format that the application writes.
function parse(value, length) {
    // Shorter than memcached has promised: memcached stopped in the middle.
    if (!value || value.length !== Number(length)) return undefined;
    const end = value.indexOf('\r\n\r\n');
    if (end < 0) return undefined;
    const head = value.toString('utf8', 0, end);
    const status = Number(head.substring(9, 12));
    if (!head.startsWith('HTTP/1.1 ') || !(status >= 200 && status <= 599)) return undefined;
    const lines = head.split('\r\n');
    for (let i = 1; i < lines.length; i++) if (lines[i].indexOf(': ') < 1) return undefined;
    // Send non-ASCII characters as the bytes that they are.
    const isText = head.length === end && Buffer.byteLength(head) === end;
    const bytes = isText ? undefined : valuesOf(value, lines.length);
    return { status, lines, bytes, body: value.subarray(end + 4) };
}

function valuesOf(value, count) {
    const values = [undefined];
    let start = value.indexOf(LF) + 1;
    while (values.length < count) {
        const end = value.indexOf(CR, start);
        values.push(value.subarray(value.indexOf(COLON, start) + 2, end));
        start = end + 2;
    }
    return values;
}

function send(r, page) {
    if (page.status >= 300 && page.status < 400) return redirect(r, page);
    const unpacks = isUnpacked(r.headersIn['Accept-Encoding'], r.httpVersion) && valueOf(page, 'content-encoding') !== undefined;
    if (page.status !== 200) {
        setFields(r.headersOut, page, unpacks, false);
        return r.return(page.status, page.body);
    }
    const tags = r.headersIn['If-None-Match'];
    const since = r.headersIn['If-Modified-Since'];
    if ((tags || since) && isNotModified(tags, since, page)) return notModified(r, page, unpacks);
    const wanted = r.headersIn.Range;
    const range = wanted && !unpacks ? divide(r, page, wanted) : undefined;
    if (range && range.start >= range.end) return unsatisfiable(r, page);
    setFields(r.headersOut, page, unpacks, true);
    if (!range) return r.return(200, page.body);
    r.headersOut['Content-Range'] = 'bytes ' + range.start + '-' + (range.end - 1) + '/' + page.body.length;
    r.return(206, page.body.subarray(range.start, range.end));
}

// nginx fills in the fragments (ssi), so the response must not have the ETag or the date of the stored page.
function sendForOne(r, page) {
    const lines = page.lines;
    for (let i = 1; i < lines.length; i++) {
        if (!POLICY.test(lines[i])) continue;
        lines[i] = lines[i].split('PAGE_NONCE').join(r.variables.request_id);
        if (page.bytes) page.bytes[i] = lines[i].substring(lines[i].indexOf(':') + 2);
    }
    const isSaid = (_, i) => !/^(?:etag|date):/i.test(lines[i]);
    page.lines = lines.filter(isSaid);
    if (page.bytes) page.bytes = page.bytes.filter(isSaid);
    if (page.status >= 300 && page.status < 400) return redirect(r, page);
    setFields(r.headersOut, page, false, false);
    r.return(page.status, page.body);
}

function setFields(headersOut, page, unpacks, divides) {
    const lines = page.lines;
    let last = '';
    let values;
    for (let i = 1; i < lines.length; i++) {
        const line = lines[i];
        const colon = line.indexOf(':');
        const name = line.substring(0, colon);
        const text = line.substring(colon + 2);
        let value = page.bytes ? page.bytes[i] : text;
        if (colon === 4 && name.toLowerCase() === 'date') {
            headersOut.Age = age(text);
            // Before njs 0.8.1, this field would be sent beside nginx's own Date.
            if (njs.version_number < 0x000801) continue;
        } else if (unpacks && name.toLowerCase() === 'etag') {
            // Another coding is another representation (RFC 9110, section 8.8.3.3). nginx does the same to an ETag that it knows.
            value = 'W/' + opaque(text);
        } else if (divides && colon === 13 && name.toLowerCase() === 'accept-ranges') {
            if (isBytes(text)) continue;
            divides = false;
        }
        // Several values of one field follow each other, and must be set together.
        values = name === last ? [].concat(values, value) : value;
        headersOut[name] = values;
        last = name;
    }
    if (divides && !unpacks) headersOut['Accept-Ranges'] = 'bytes';
}

// RFC 9111, section 5.1.
function age(date) {
    const seconds = Math.floor((Date.now() - Date.parse(date)) / 1000);
    return seconds > 0 ? seconds : 0;
}

function isBytes(unit) {
    return unit.toLowerCase() === 'bytes';
}

// Which part of the bytes that are stored is wanted, if there are parts of them (byteRange and requestedRange in
// lib/http/byte-range.ts do the same).
function divide(r, page, wanted) {
    const unit = valueOf(page, 'accept-ranges');
    if (r.method !== 'GET' || (unit !== undefined && !isBytes(unit))) return undefined;
    const condition = r.headersIn['If-Range'];
    if (condition !== undefined && condition !== strongTag(page)) return undefined;
    return byteRange(wanted, page.body.length);
}

// One range of bytes (RFC 9110, section 14.1.2); all of the page for anything else. It cannot be satisfied if it ends where it starts.
function byteRange(range, length) {
    const match = /^bytes=[\t ,]*(?:(\d+)-(\d*)|-(\d+))[\t ,]*$/i.exec(range);
    if (!match) return undefined;
    const start = match[3] === undefined ? Number(match[1]) : Math.max(0, length - Number(match[3]));
    if (match[2] && Number(match[2]) < start) return undefined;
    return { start, end: match[2] ? Math.min(Number(match[2]) + 1, length) : length };
}

// RFC 9110, section 15.5.17. With the fields of the page, caches would store this response instead of the page.
function unsatisfiable(r, page) {
    r.headersOut['Content-Range'] = 'bytes */' + page.body.length;
    r.return(416);
}

// r.return() would use the content of a redirect as its target, and r.send() accepts only text.
function redirect(r, page) {
    const text = page.body.toString();
    if (valueOf(page, 'content-encoding') !== undefined || text.indexOf('\ufffd') >= 0) return r.return(404);
    r.status = page.status;
    setFields(r.headersOut, page, false, false);
    r.headersOut['Content-Length'] = page.body.length;
    r.sendHeader();
    if (r.method !== 'HEAD') r.send(text);
    r.finish();
}

function notModified(r, page, unpacks) {
    r.status = 304;
    setFields(r.headersOut, page, unpacks, false);
    // Leave out the fields that describe the content (RFC 9110, section 15.4.5).
    r.headersOut['Content-Type'] = '';
    r.headersOut['Content-Encoding'] = '';
    r.sendHeader();
    r.finish();
}

// RFC 9110, section 13.2.2. nginx cannot do it here: it does not know the validators that njs sets.
function isNotModified(tags, since, page) {
    if (!tags) {
        const modified = valueOf(page, 'last-modified');
        return modified !== undefined && Date.parse(modified) <= Date.parse(since);
    }
    const listed = tags.match(/"[^"]*"/g);
    return tags.trim() === '*' || (listed !== null && listed.indexOf(opaque(valueOf(page, 'etag'))) >= 0);
}

// Whether nginx will unpack the content: as ngx_http_gzip_ok decides (src/http/ngx_http_core_module.c).
function isUnpacked(accepted, version) {
    if (accepted === undefined || version === '1.0') return true;
    if (accepted === 'gzip' || accepted.startsWith('gzip,')) return false;
    return !/^(?:(?:(?!gzip).)*[, ])?gzip *(?:,|$|; *q=(?:1(?:\.0{0,3})?|0\.0{0,2}[1-9]\d{0,2}) *(?:,|$))/i.test(accepted);
}

function opaque(tag) {
    return tag.replace(/^W\//, '');
}

function strongTag(page) {
    const tag = valueOf(page, 'etag');
    return tag.charAt(0) === '"' ? tag : undefined;
}

// There is always an ETag; the application writes it in any case.
function valueOf(page, wanted) {
    const start = wanted + ': ';
    const line = page.lines.find((one) => one.substring(0, start.length).toLowerCase() === start);
    return line === undefined ? undefined : line.substring(start.length);
}
`;
