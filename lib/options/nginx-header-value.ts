/** nginx reads parameters of up to 4096 bytes (NGX_CONF_BUFFER in src/core/ngx_conf_file.c), quotes included. */
const MAX_LENGTH = 4000;

/** Visible characters, with spaces between them. A `$` would begin a variable, and nginx has no way to quote it. */
const VALUE = /^[!-#%-~](?:[ !-#%-~]*[!-#%-~])?$/;

/** Whether nginx can be told to send the value in a header field. */
export function isNginxHeaderValue(value: string): boolean {
  return VALUE.test(value) && value.replace(/["\\]/g, '\\$&').length <= MAX_LENGTH;
}
