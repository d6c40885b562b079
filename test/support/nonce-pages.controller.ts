import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import helmetOfFastify from '@fastify/helmet';
import { Controller, Get, Header, type INestApplication, Param, Req, Res } from '@nestjs/common';
import helmet from 'helmet';
import { PageCache, PageFragment, pageFragment, pageNonce } from '../../lib/index.js';
import type { Platform } from './applications.js';
import { Gate } from './gate.js';
import { raw } from './raw-response.js';

const HTML = 'text/html; charset=utf-8';

/** Made when the program started: everybody may know it. */
export const OLD = pageNonce();

/** Made by something else. */
export const FOREIGN = randomBytes(16).toString('hex');

const nonces = new WeakMap<ServerResponse, string>();

/** The nonce of a response, as helmet and the template use it. */
function nonceOf(response: ServerResponse): string {
  const { url = '' } = response.req;
  let nonce = nonces.get(response);
  if (nonce === undefined) {
    if (url.endsWith('/old')) nonce = OLD;
    else nonce = url.endsWith('/foreign') ? FOREIGN : pageNonce();
    nonces.set(response, nonce);
  }
  return nonce;
}

/** As helmet writes it. */
export const POLICY = "default-src 'none';script-src 'self' 'nonce-{pageNonce}';style-src 'nonce-{pageNonce}'";

/** A strict policy, and nothing else. */
export async function useStrictPolicy(app: INestApplication, platform: Platform): Promise<void> {
  const source = ({ url = '' }: IncomingMessage, response: ServerResponse) => {
    if (url === '/with/slow') NoncePagesController.asking.add(response);
    return url.endsWith('/since') && !NoncePagesController.usesNonces ? "'self'" : `'nonce-${nonceOf(response)}'`;
  };
  const contentSecurityPolicy = {
    useDefaults: false,
    directives: { defaultSrc: ["'none'"], scriptSrc: ["'self'", source], styleSrc: [source] },
  };
  if (platform === 'express') {
    app.use(helmet.contentSecurityPolicy(contentSecurityPolicy));
    return;
  }
  const { register } = app as unknown as { register(plugin: unknown, options: object): Promise<void> };
  const off = Object.fromEntries(OTHERS.map((name) => [name, false]));
  await register.call(app, helmetOfFastify, { ...off, contentSecurityPolicy });
}

// prettier-ignore
const OTHERS = [
  'crossOriginEmbedderPolicy', 'crossOriginOpenerPolicy', 'crossOriginResourcePolicy', 'dnsPrefetchControl', 'frameguard', 'hidePoweredBy',
  'hsts', 'ieNoOpen', 'noSniff', 'originAgentCluster', 'permittedCrossDomainPolicies', 'referrerPolicy', 'xssFilter',
];

export function script(nonce: string): string {
  return `<script nonce="${nonce}">1</script>`;
}

/** Pages with inline scripts, as a strict policy allows them. */
@Controller()
export class NoncePagesController {
  /** How often the page was rendered. */
  static renderings = 0;
  /** What somebody has written under the page. */
  static comment = '';
  /** Whether the application has begun to use nonces on `/with/since`. */
  static usesNonces = true;
  /** The nonce of the fragments that use one of their own. */
  static own = '';
  /** Whether `/with/short` fails. */
  static fails = false;
  /** The responses to those who have asked for `/with/slow`. */
  static asking = new Set<ServerResponse>();
  /** Where `/with/slow` waits. */
  static gate = new Gate();

  @Get(['with/page', 'with/shared/page', 'with/old', 'with/foreign', 'undeclared'])
  @Header('content-type', HTML)
  page(@Res({ passthrough: true }) response: ServerResponse | { raw: ServerResponse }) {
    NoncePagesController.renderings += 1;
    const nonce = nonceOf(raw(response));
    return `${script(nonce)}<p>${NoncePagesController.comment}</p><style nonce="${nonce}"></style>`;
  }

  @Get('with/since')
  @Header('content-type', HTML)
  since(@Res({ passthrough: true }) response: ServerResponse | { raw: ServerResponse }) {
    return NoncePagesController.usesNonces ? script(nonceOf(raw(response))) : '<script src="/a.js"></script>';
  }

  /** Ends at once, and leaves its copy. */
  @Get('with/short')
  @PageCache({ ttl: 1 })
  @Header('content-type', HTML)
  short(@Res({ passthrough: true }) response: ServerResponse | { raw: ServerResponse }) {
    if (NoncePagesController.fails) throw new Error('no page');
    return script(nonceOf(raw(response)));
  }

  @Get('with/slow')
  @Header('content-type', HTML)
  async slow(@Res({ passthrough: true }) response: ServerResponse | { raw: ServerResponse }) {
    NoncePagesController.renderings += 1;
    await NoncePagesController.gate.pass();
    return script(nonceOf(raw(response)));
  }

  @Get('with/fragment/:name')
  @Header('content-type', HTML)
  around(@Param('name') name: string, @Res({ passthrough: true }) response: ServerResponse | { raw: ServerResponse }) {
    const nonce = nonceOf(raw(response));
    return `${script(nonce)}${pageFragment(name, {}, { fallback: script(nonce) })}`;
  }

  /** What nginx could not replace. */
  @Get('with/policy/:kind')
  @Header('content-type', HTML)
  policy(@Param('kind') kind: string, @Res({ passthrough: true }) response: ServerResponse | { raw: ServerResponse }) {
    const source = `'nonce-${nonceOf(raw(response))}'`;
    const policies: Record<string, string[]> = {
      six: [`script-src ${Array(6).fill(source).join(' ')}`],
      seven: [`script-src ${Array(7).fill(source).join(' ')}`],
      split: [`script-src ${Array(4).fill(source).join(' ')}`, `style-src ${Array(3).fill(source).join(' ')}`],
      two: [`script-src ${source}`, "default-src 'none'", `style-src ${source}`],
      brace: [`script-src ${source}; report-uri /{pageNonce}`],
      mixed: [`script-src ${source} 'nonce-abc'`],
    };
    raw(response).setHeader('Content-Security-Policy', policies[kind]!);
    return script(nonceOf(raw(response)));
  }

  @PageFragment('personal')
  @Header('content-type', HTML)
  personal(@Res({ passthrough: true }) response: ServerResponse | { raw: ServerResponse }) {
    return `[${script(nonceOf(raw(response)))}]`;
  }

  @PageFragment({ name: 'shared', shared: true })
  @Header('content-type', HTML)
  shared(@Res({ passthrough: true }) response: ServerResponse | { raw: ServerResponse }) {
    return `(${script(nonceOf(raw(response)))})`;
  }

  @PageFragment('outer')
  @Header('content-type', HTML)
  outer(@Res({ passthrough: true }) response: ServerResponse | { raw: ServerResponse }) {
    return `{${script(nonceOf(raw(response)))}${pageFragment('personal')}${pageFragment('shared')}}`;
  }

  /** Their policy names a nonce that was not made for them. */
  @PageFragment('own')
  @Header('content-type', HTML)
  own(@Res({ passthrough: true }) response: ServerResponse | { raw: ServerResponse }) {
    raw(response).setHeader('Content-Security-Policy', `script-src 'nonce-${NoncePagesController.own}'`);
    return script(NoncePagesController.own);
  }

  @PageFragment({ name: 'shared-own', shared: true })
  @Header('content-type', HTML)
  sharedOwn(@Res({ passthrough: true }) response: ServerResponse | { raw: ServerResponse }) {
    return this.own(response);
  }

  @PageFragment('fails')
  fails() {
    throw new Error('no fragment');
  }

  @Get('sees')
  @Header('content-type', 'text/plain')
  sees(@Req() request: IncomingMessage | { raw: IncomingMessage }) {
    return JSON.stringify(('raw' in request ? request.raw : request).headers);
  }
}
