/**
 * The njs module of a site: it reads what `responseFormat` (lib/page/response-format.ts) has written. njs 0.7.9, of Debian 12, must
 * understand it: no `for … of`, no optional chaining, Buffers for whatever may not be UTF-8.
 *
 * @param stored the location of the stored responses
 */
export function njsModule(stored: string): string {
  return MODULE.replace('STORED', stored);
}

const MODULE = String.raw`// Made by nestjs-nginx-cache: serves pages that the application has stored in memcached as whole responses.
export default { serve };

function serve(r) {
    r.subrequest('STORED', (reply) => {
        // 404 and 500 lead to the application, by the error_page of the location.
        const page = reply.status === 200 ? parse(reply.responseBuffer, reply.headersOut['Content-Length']) : undefined;
        if (page) send(r, page);
        else r.return(404);
    });
}

// Status, header fields by name (each with the list of its values, as bytes), and content.
function parse(value, length) {
    // What memcached has promised is not there when it stops in the middle.
    if (!value || value.length !== Number(length)) return undefined;
    const end = value.indexOf('\r\n\r\n');
    const status = /^HTTP\/1\.1 ([2-5]\d\d) /.exec(value.toString('utf8', 0, 13));
    if (end < 0 || !status) return undefined;
    const fields = {};
    let start = value.indexOf('\r\n') + 2;
    while (start < end) {
        const colon = value.indexOf(':', start);
        let next = value.indexOf('\r\n', start);
        if (colon < 0 || colon > next) return undefined;
        const name = value.toString('utf8', start, colon);
        const content = value.subarray(colon + 2, next);
        if (fields[name]) fields[name].push(content);
        else fields[name] = [content];
        start = next + 2;
    }
    return { status: Number(status[1]), fields: fields, body: value.subarray(end + 4) };
}

function send(r, page) {
    const fields = page.fields;
    const text = (name) => (fields[name] ? fields[name][0].toString() : undefined);
    r.status = page.status;
    if (page.status === 200 && isNotModified(r.headersIn, text('ETag'), text('Last-Modified'))) {
        // The fields that describe the content stay away (RFC 9110, section 15.4.5).
        delete fields['Content-Type'];
    }
    for (const name in fields) r.headersOut[name] = fields[name];
    r.return(page.status, page.body);
}

function isNotModified() { return false; }
`;
