import { createBlog } from './create-blog.js';
import { settings } from './settings.js';

const app = await createBlog();
await app.listen(settings.port, '127.0.0.1');
