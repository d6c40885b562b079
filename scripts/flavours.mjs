/** What each flavour needs: server programs, and modules of nginx (*.so), by the names of their files. */
export const NEEDED_BY = {
  memcached: ['nginx', 'memcached'],
  srcache: ['nginx', 'memcached', 'ngx_http_memc_module.so', 'ngx_http_srcache_filter_module.so'],
  njs: ['nginx', 'memcached', 'ngx_http_js_module.so'],
  files: ['nginx'],
};
