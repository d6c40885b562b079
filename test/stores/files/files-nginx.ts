import { fileStore, type FileStoreOptions, nginxConf, type NginxCacheOptions } from '../../../lib/index.js';
import { NginxServer } from '../../../lib/testing/index.js';

/** nginx in front of files, and no application: a page that is not there is a 502. */
export function startFilesNginx(store: FileStoreOptions, options: NginxCacheOptions = {}): Promise<NginxServer> {
  return NginxServer.start(({ port, directory }) =>
    nginxConf({ hosts: 'any', store: fileStore(store), ...options }, { app: '127.0.0.1:1', listen: port, directory }),
  );
}
