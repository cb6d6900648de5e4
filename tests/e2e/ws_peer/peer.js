// A server or a client of the npm package ws that counts for itself, and prints that at its end:
// peer.js server PORT | client PORT CONNECTIONS MESSAGES | echo PORT
'use strict';
const {WebSocket, WebSocketServer} = require('ws');

const count = {connections: 0, text: 0, binary: 0, bytes: 0, ping: 0, pong: 0, closed: {}};
const SIZES = [0, 5, 125, 126, 1000, 65535, 65536, 200000];
const CODES = [1000, 1001, 3999, 4000];

function send(socket, data, isText) {
  ++count[isText ? 'text' : 'binary'];
  count.bytes += data.length;
  socket.send(data, {binary: !isText});
}

function finish() {
  process.stdout.write(JSON.stringify(count) + '\n', () => process.exit(0));
}

function serve(port) {
  const server = new WebSocketServer({host: '127.0.0.1', port, maxPayload: 0, perMessageDeflate: false});
  server.on('listening', () => console.log('ready'));
  server.on('connection', (socket) => {
    ++count.connections;
    socket.on('message', (data, isBinary) => send(socket, data, !isBinary));
    socket.on('ping', () => ++count.pong);
    socket.on('close', (code) => { count.closed[code] = (count.closed[code] || 0) + 1; });
    socket.on('error', () => {});
  });
  process.on('SIGTERM', finish);
}

// One message after another, each with a ping behind it; then a close.
function talk(port, messages, number) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/`, {perMessageDeflate: false});
    let left = messages;
    const next = () => {
      if (left === 0) return socket.close(CODES[number % CODES.length]);
      const data = Buffer.alloc(SIZES[(number + left) % SIZES.length], 'x');
      send(socket, data, left-- % 2 === 0);
    };
    socket.on('open', () => { ++count.connections; next(); });
    socket.on('message', () => { ++count.ping; socket.ping(); });
    socket.on('pong', next);
    socket.on('close', resolve);
    socket.on('error', reject);
  });
}

const [role, port, connections, messages] = process.argv.slice(2);
if (role === 'server') {
  serve(Number(port));
} else {
  Promise.all(Array.from({length: Number(connections)}, (_, i) => talk(Number(port), Number(messages), i)))
    .then(finish, (error) => { console.error(error); process.exit(1); });
}
