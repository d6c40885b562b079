/** Set at login, cleared at logout. */
export const SESSION_COOKIE = 'blog.sid';
