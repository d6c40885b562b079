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
    const page = reply.status === 200 && parse(reply.responseBuffer, reply.headersOut['Content-Length']);
    // By the error_page of the location, 404 and 500 lead to the application.
    if (page) send(r, page);
    else r.return(404);
}

// Nothing unless all of it is as the application writes it.
function parse(value, length) {
    // It is shorter than memcached has promised when memcached stopped in the middle.
    if (!value || value.length !== Number(length)) return undefined;
    const status = Number(value.toString('utf8', 9, 12));
    if (value.toString('utf8', 0, 9) !== 'HTTP/1.1 ' || !(status >= 200 && status <= 599)) return undefined;
    const page = { status: status, names: [], values: [], body: undefined };
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
    return value[start + 1] === LF ? page : undefined;
}

function send(r, page) {
    if (page.status === 200 && isNotModified(r.headersIn, page)) {
        r.status = 304;
        setFields(r.headersOut, page, /^content-(type|encoding)$/i);
        r.sendHeader();
        r.finish();
    } else if (page.status < 300 || page.status >= 400) {
        if (isUnpacked(r, page)) weaken(page);
        setFields(r.headersOut, page);
        r.return(page.status, page.body);
    } else {
        redirect(r, page);
    }
}

// r.return() would take the content of a redirect for its target, and r.send() takes text only.
function redirect(r, page) {
    const text = page.body.toString();
    if (field(page, 'content-encoding') || text.indexOf('\ufffd') >= 0) return r.return(404);
    r.status = page.status;
    setFields(r.headersOut, page);
    r.headersOut['Content-Length'] = page.body.length;
    r.sendHeader();
    if (r.method !== 'HEAD') r.send(text);
    r.finish();
}

// The values of one field follow each other. As bytes, they are sent as they are.
function setFields(headersOut, page, except) {
    const names = page.names;
    for (let i = 0; i < names.length; i++) {
        const first = i;
        while (names[i + 1] === names[i]) i++;
        if (except && except.test(names[i])) continue;
        headersOut[names[i]] = first === i ? page.values[i] : page.values.slice(first, i + 1);
    }
}

// RFC 9110, section 13.2.2. nginx cannot do it here: it does not know the validators that njs sets.
function isNotModified(headersIn, page) {
    const tags = headersIn['If-None-Match'];
    if (tags !== undefined) return tags.trim() === '*' || listed(tags, opaque(field(page, 'etag')));
    const since = headersIn['If-Modified-Since'];
    return since !== undefined && Date.parse(field(page, 'last-modified')) <= Date.parse(since);
}

function listed(tags, wanted) {
    const found = tags.match(/"[^"]*"/g);
    return found !== null && found.indexOf(wanted) >= 0;
}

function opaque(tag) {
    return tag.replace(/^W\//, '');
}

// Whether nginx will unpack the content: as ngx_http_gzip_ok (src/http/ngx_http_core_module.c) decides.
function isUnpacked(r, page) {
    const accepted = r.headersIn['Accept-Encoding'];
    // What almost every client sends.
    if (accepted && /^gzip(,|$)/.test(accepted) && r.httpVersion !== '1.0') return false;
    if (!field(page, 'content-encoding')) return false;
    return r.httpVersion === '1.0' || !/(^|[, ])gzip *(,|$|; *q=(1|0\.0*[1-9]))/i.test(accepted);
}

// Another coding is another representation (RFC 9110, section 8.8.3.3). nginx does the same to an ETag that it knows.
function weaken(page) {
    for (let i = 0; i < page.names.length; i++) {
        if (/^etag$/i.test(page.names[i])) page.values[i] = 'W/' + opaque(page.values[i].toString());
    }
}

function field(page, wanted) {
    for (let i = 0; i < page.names.length; i++) {
        if (page.names[i].toLowerCase() === wanted) return page.values[i].toString();
    }
    return undefined;
}
`;
