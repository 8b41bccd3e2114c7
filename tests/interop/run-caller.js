// Runs caller.js, which is a client as its users copy it and is not changed for the tests: it dials a port of its own and brings
// no token. Both are put right in the WebSocket that it is given.
//
//   GATEWAY  the gateway's address, such as 127.0.0.1:3100
//   MODULES  the folder of node_modules
//   TOKEN    what it is to connect with; nothing by default

const path = require('node:path');
const { createRequire } = require('node:module');

const WebSocket = createRequire(path.join(process.env.MODULES, 'caller.js'))('ws');

global.WebSocket = class extends WebSocket {
  constructor(url) {
    super(url.replace('localhost:8080', process.env.GATEWAY));
  }

  send(text) {
    const frame = JSON.parse(text);
    if (process.env.TOKEN && frame.method === 'connect') {
      frame.params.token = process.env.TOKEN;
      return super.send(JSON.stringify(frame));
    }
    return super.send(text);
  }
};

require('./caller.js');
