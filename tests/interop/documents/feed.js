// Runs feed/connect.js and feed/pong.js, which are snippets as their users copy them and are not changed for the tests. They need
// the names `jwt` and `agentId`, and dial a port of their own: both are put right here. Prints every message and the close.
//
//  GATEWAY  the gateway's address, such as 127.0.0.1:3100
//  MODULES  the folder of node_modules
//  TOKEN    a token that may watch the agent
//  AGENT    the agent's id or slug

const { readFileSync } = require('node:fs');
const { createRequire } = require('node:module');
const path = require('node:path');
const vm = require('node:vm');

const WebSocket = createRequire(path.join(process.env.MODULES, 'feed.js'))('ws');

class Printing extends WebSocket {
  constructor(url) {
    super(url.replace('localhost:4000', process.env.GATEWAY));
    this.on('message', (data) => console.log(data.toString()));
    this.on('close', (code, reason) => console.log(JSON.stringify({ type: 'close', data: { code, reason: reason.toString() } })));
  }
}

// One context, in which the second snippet sees the `ws` of the first, as in one file.
const context = vm.createContext({ WebSocket: Printing, jwt: process.env.TOKEN, agentId: process.env.AGENT });
for (const snippet of ['connect.js', 'pong.js']) {
  vm.runInContext(readFileSync(path.join(__dirname, 'feed', snippet), 'utf8'), context, { filename: snippet });
}
