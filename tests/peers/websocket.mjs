// A WebSocket server and a client that nobody here wrote: the npm package `ws`.
//   node websocket.mjs serve                          echoes on a free loopback port, prints PORT=...; ends with its standard input
//       `!ping` pings and says `ponged`; `!close CODE REASON` closes; `!die` breaks off; `!fragments N` sends N of them;
//       `!deflate` says whether messages are compressed; `!last` says with which code the last connection ended
//   node websocket.mjs suite URL HOST_ADDRESS CA COOKIE   a client that tries all of that; prints `ok WHAT`, fails at the first wrong thing
//   node websocket.mjs talk URL HOST_ADDRESS COOKIE   a client: says `open`, then sends each line of standard input and prints
//                                                     `< ANSWER`; in the end `refused STATUS` or `closed CODE`
// DOORWARD_NODE_MODULES names the folder node_modules.
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { join } from 'node:path';

const require = createRequire(join(process.env.DOORWARD_NODE_MODULES, 'x'));
const WebSocket = require('ws');
const [what, url, address, ...more] = process.argv.slice(2);
const lookup = (host, options, done) => (options.all ? done(null, [{ address, family: 4 }]) : done(null, address, 4));

if (what === 'serve') {
  let last = 0;
  const options = { host: '127.0.0.1', port: 0, perMessageDeflate: true };
  const server = new WebSocket.Server(options, () => console.log(`PORT=${server.address().port}`));
  server.on('connection', (socket) => {
    const commands = {
      '!ping': () => { socket.once('pong', () => socket.send('ponged')); socket.ping('are you there'); },
      '!close': (code, ...reason) => socket.close(Number(code), reason.join(' ')),
      '!die': () => socket.terminate(),
      '!fragments': (count) => {
        for (let number = 0; number < count; number++) socket.send(`${number};`, { fin: number === count - 1 });
      },
      '!deflate': () => socket.send(socket.extensions ? 'deflate' : 'plain'),
      '!last': () => socket.send(String(last)),
    };
    socket.on('message', (data, isBinary) => {
      const [command, ...words] = isBinary || data.length > 200 ? [] : data.toString().split(' ');
      if (command in commands) commands[command](...words);
      else socket.send(data, { binary: isBinary });
    });
    socket.on('close', (code) => { last = code; });
    socket.on('error', () => {});
  });
  process.stdin.resume();
  process.stdin.on('end', () => process.exit(0));
} else if (what === 'talk') {
  const socket = new WebSocket(url, {
    rejectUnauthorized: false,
    headers: more[0] ? { cookie: more[0] } : {},
    lookup,
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
} else if (what === 'suite') {
  await suite(more[0], more[1]);
  process.exit(0);
} else {
  console.error('usage: websocket.mjs serve | talk URL ADDRESS [COOKIE] | suite URL ADDRESS CA COOKIE');
  process.exit(64);
}

async function suite(ca, cookie) {
  const open = (perMessageDeflate) => new Promise((opened, failed) => {
    const socket = new WebSocket(url, { ca: readFileSync(ca), headers: { cookie }, lookup, perMessageDeflate });
    socket.heard = [];
    socket.on('message', (data, isBinary) => {
      socket.heard.push(isBinary ? data : data.toString());
      socket.wake?.();
    });
    socket.on('open', () => opened(socket));
    socket.on('error', failed);
  });
  const next = async (socket) => {
    while (!socket.heard.length) await within(new Promise((woken) => { socket.wake = woken; }), 'a message');
    return socket.heard.shift();
  };
  const ask = (socket, words) => { socket.send(words); return next(socket); };
  const closed = (socket) => within(new Promise((done) => socket.on('close', (code, reason) => done(`${code} ${reason}`))), 'the close');
  const same = (found, expected, what) => {
    if (Buffer.compare(Buffer.from(found), Buffer.from(expected))) throw new Error(`${what}: ${String(found).slice(0, 100)}`);
    console.log(`ok ${what}`);
  };

  for (const deflate of [false, true]) {
    const socket = await open(deflate);
    same(await ask(socket, '!deflate'), deflate ? 'deflate' : 'plain', 'what was agreed on');
    for (const size of [0, 1, 125, 126, 65535, 65536, 1 << 20, 16 << 20]) {
      const bytes = size > 1 << 20 ? Buffer.alloc(size, 'frame') : randomBytes(size);
      same(await ask(socket, bytes), bytes, `${size} bytes, deflate ${deflate}`);
    }
    const pieces = ['one', 'zw\u00f6lf', '', 'x'.repeat(70000)];
    pieces.forEach((piece, number) => socket.send(piece, { fin: number === pieces.length - 1 }));
    same(await next(socket), pieces.join(''), 'fragments up');
    same(await ask(socket, '!fragments 5'), '0;1;2;3;4;', 'fragments down');
    // A control frame may stand between fragments (RFC 6455 section 5.4).
    const ponged = within(new Promise((done) => socket.once('pong', done)), 'a pong');
    socket.send('before ', { fin: false });
    socket.ping('between');
    socket.send('after');
    same(await ponged, 'between', 'ping among fragments');
    same(await next(socket), 'before after', 'fragments around a ping');
    same(await ask(socket, '!ping'), 'ponged', 'ping down');
    const end = closed(socket);
    socket.close(4321, 'that is all');
    same(await end, '4321 that is all', 'close up');
  }
  let socket = await open(false);
  same(await ask(socket, '!last'), '4321', 'the code arrived');
  let end = closed(socket);
  socket.send('!close 4001 go away');
  same(await end, '4001 go away', 'close down');
  socket = await open(false);
  end = closed(socket);
  socket.send('!die');
  same(await end, '1006 ', 'a server that dies');
  socket = await open(false);
  socket.terminate();
  socket = await open(false);
  let last;
  for (let tries = 0; tries < 50 && last !== '1006'; tries++) {
    last = await ask(socket, '!last');
    await new Promise((later) => setTimeout(later, 20));
  }
  same(last, '1006', 'a client that dies');
}

function within(promise, what) {
  return Promise.race([promise, new Promise((_, failed) => setTimeout(() => failed(new Error(`${what} does not come`)), 20000))]);
}
