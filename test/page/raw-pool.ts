import { type RawResponse, RawClient } from '../../lib/testing/index.js';

/** No answer at all, twice. */
export const HUNG_UP: RawResponse = { status: 0, headers: [], body: Buffer.alloc(0), raw: Buffer.alloc(0) };

/** Sends raw requests over several keep-alive connections at once. */
export class RawPool {
  readonly #clients: RawClient[];

  constructor(port: number, connections = 16) {
    this.#clients = Array.from({ length: connections }, () => new RawClient(port));
  }

  /** @returns the answers in the order of the requests */
  async sendAll(requests: readonly string[]): Promise<RawResponse[]> {
    const answers: RawResponse[] = Array.from({ length: requests.length });
    let next = 0;
    const work = async (client: RawClient): Promise<void> => {
      while (next < requests.length) {
        const index = next++;
        const request = requests[index] as string;
        // Fastify closes the connection after a 400 without saying so: the next request comes too late.
        answers[index] = await client
          .send(request)
          .catch(() => client.send(request))
          .catch(() => HUNG_UP);
      }
    };
    await Promise.all(this.#clients.map(work));
    return answers;
  }

  close(): void {
    for (const client of this.#clients) client.close();
  }
}

export function field(response: RawResponse, name: string): string | undefined {
  return response.headers.find(([header]) => header.toLowerCase() === name)?.[1];
}
