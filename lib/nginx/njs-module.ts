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
    const value = reply.responseBuffer;
    // By the error_page of the location, 404 and 500 lead to the application.
    const body = value && setFields(r.headersOut, value, reply.headersOut['Content-Length']);
    if (body) send(r, Number(value.toString('utf8', 9, 12)), body);
    else r.return(404);
}

// Takes the header fields from a stored response, as bytes: the content is what is left. Nothing of a value that is not whole.
function setFields(headersOut, value, length) {
    // Shorter than memcached has promised: memcached stopped in the middle.
    if (value.toString('utf8', 0, 9) !== 'HTTP/1.1 ' || value.length !== Number(length)) return undefined;
    const first = value.indexOf(LF) + 1;
    let start = first;
    let last = '';
    let values;
    while (value[start] !== CR) {
        const colon = value.indexOf(COLON, start);
        const end = value.indexOf(CR, start);
        if (colon < 0 || end < colon || value[end + 1] !== LF) return clear(headersOut, value, first, start);
        const name = value.toString('utf8', start, colon);
        if (name === last) {
            // The values of one field follow each other, and are set at once.
            values.push(value.subarray(colon + 2, end));
            headersOut[name] = values;
        } else {
            last = name;
            values = [value.subarray(colon + 2, end)];
            headersOut[name] = values[0];
        }
        start = end + 2;
    }
    return value[start + 1] === LF ? value.subarray(start + 2) : clear(headersOut, value, first, start);
}

// Takes back what was set from a value that turned out to be damaged.
function clear(headersOut, value, first, end) {
    value.toString('utf8', first, end).split('\r\n').forEach((line) => {
        const name = line.slice(0, Math.max(0, line.indexOf(':')));
        if (name) headersOut[name] = '';
    });
    return undefined;
}

function send(r, status, body) {
    const out = r.headersOut;
    const tags = r.headersIn['If-None-Match'];
    const since = r.headersIn['If-Modified-Since'];
    const packed = out['Content-Encoding'] !== undefined;
    if (status >= 300 && status < 400) return redirect(r, status, body, packed);
    if (packed && isUnpacked(r.headersIn['Accept-Encoding'], r.httpVersion)) {
        // Another coding is another representation (RFC 9110, section 8.8.3.3). nginx does the same to an ETag that it knows.
        out.ETag = 'W/' + opaque(out.ETag);
    }
    if (status === 200 && (tags || since) && isNotModified(tags, since, out)) return notModified(r);
    r.return(status, body);
}

// r.return() would take the content of a redirect for its target, and r.send() takes text only.
function redirect(r, status, body, packed) {
    const text = body.toString();
    if (packed || text.indexOf('\ufffd') >= 0) {
        for (const name in r.headersOut) r.headersOut[name] = '';
        return r.return(404);
    }
    r.status = status;
    r.headersOut['Content-Length'] = body.length;
    r.sendHeader();
    if (r.method !== 'HEAD') r.send(text);
    r.finish();
}

// Without the fields that describe the content (RFC 9110, section 15.4.5).
function notModified(r) {
    r.headersOut['Content-Type'] = '';
    r.headersOut['Content-Encoding'] = '';
    r.status = 304;
    r.sendHeader();
    r.finish();
}

// RFC 9110, section 13.2.2. nginx cannot do it here: it does not know the validators that njs sets.
function isNotModified(tags, since, out) {
    if (tags === undefined) return Date.parse(out['Last-Modified']) <= Date.parse(since);
    const listed = tags.match(/"[^"]*"/g);
    return tags.trim() === '*' || (listed !== null && listed.indexOf(opaque(out.ETag)) >= 0);
}

function opaque(tag) {
    return tag.slice(0, 2) === 'W/' ? tag.slice(2) : tag;
}

// Whether nginx will unpack the content: as ngx_http_gzip_ok decides (src/http/ngx_http_core_module.c).
function isUnpacked(accepted, version) {
    if (accepted === undefined || version === '1.0') return true;
    if (accepted.indexOf('gzip,') === 0 || accepted === 'gzip') return false;
    return !/(^|[, ])gzip *(,|$|; *q=(1|0\.0*[1-9]))/i.test(accepted);
}
`;
