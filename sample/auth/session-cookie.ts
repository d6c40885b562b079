/** Set at login, cleared at logout; nginx and Nest leave whoever sends it out of the cache. */
export const SESSION_COOKIE = 'blog.sid';
