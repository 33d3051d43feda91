// A WebSocket server and a client that nobody here wrote: the npm package `ws`.
//   node websocket.mjs serve                          echoes on a free loopback port, prints PORT=...; ends with its standard input
//   node websocket.mjs talk URL HOST_ADDRESS COOKIE   a client: says `open`, then sends each line of standard input and prints
//                                                     `< ANSWER`; in the end `refused STATUS` or `closed CODE`
// DOORWARD_NODE_MODULES names the folder node_modules.
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { join } from 'node:path';

const require = createRequire(join(process.env.DOORWARD_NODE_MODULES, 'x'));
const WebSocket = require('ws');
const [what, url, address, cookie] = process.argv.slice(2);

if (what === 'serve') {
  const server = new WebSocket.Server({ host: '127.0.0.1', port: 0 }, () => console.log(`PORT=${server.address().port}`));
  server.on('connection', (socket) => {
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
    socket.on('error', () => {});
  });
  process.stdin.resume();
  process.stdin.on('end', () => process.exit(0));
} else if (what === 'talk') {
  const socket = new WebSocket(url, {
    rejectUnauthorized: false,
    headers: cookie ? { cookie } : {},
    lookup: (host, options, done) => (options.all ? done(null, [{ address, family: 4 }]) : done(null, address, 4)),
  });
  const leave = (words) => { console.log(words); process.exit(0); };
  socket.on('open', () => {
    console.log('open');
    createInterface({ input: process.stdin }).on('line', (line) => socket.send(line));
  });
  socket.on('message', (data) => console.log(`< ${data}`));
  socket.on('unexpected-response', (request, response) => leave(`refused ${response.statusCode}`));
  socket.on('error', (error) => console.error(String(error)));
  socket.on('close', (code) => leave(`closed ${code}`));
} else {
  console.error('usage: websocket.mjs serve | talk URL ADDRESS [COOKIE]');
  process.exit(64);
}
